"""Near copies among the inputs, up to the group: they are no independent samples."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from equilayers.measurement.joined import Tensors, leaves
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.sums import flat
from equilayers.measurement.probe import leaves_of, wide

__all__ = ["found_copies", "near_copies"]

MOST = 8192  # more inputs are not compared with one another
IMAGES = 2**17  # moved inputs: with more of them inputs are compared as they are, not up to the group
PAIRS = 3 * 10**8  # of inputs and moved inputs, likewise
DIRECTIONS = 64  # random ones, on which longer inputs are compared
NEIGHBOURS = 256  # at most so many copies of one input are found
CHANCE = 0.002  # that random inputs form such a group
WEIGHT = 1.4  # by how much copies must widen an interval; a few random inputs lie close together too
BLOCK = 2**22  # distances that are held at once
LEAST = 1e-11  # squared distances below this part of the largest size are rounding, and as good as none


def found_copies(x: Tensors, action: Any) -> Clusters | None:
    """Groups of inputs that are copies of one another, up to the group where it is finite and not large; or None."""
    move = leaves(action, x)
    n = len(next(iter(move.values())))
    if n > MOST:
        return None
    scales = [_spread(points) for points in _own(x, n)]
    points = _points(x, n, scales)
    order = action.group.order
    if order is None or n * order > IMAGES or n * n * order > PAIRS:
        return near_copies(points)
    return near_copies(points, [_points(action.transform(g, x), n, scales) for g in action.group.elements()])


def _spread(points: np.ndarray) -> float:
    """Root mean square distance of two inputs; 1 where all are equal."""
    return float(np.sqrt(2 * points.var(0).sum())) or 1.0


def _own(x: Tensors, n: int) -> list[np.ndarray]:
    """What belongs to single inputs, and not to all of them."""
    return [flat(wide(t)) for t in leaves_of(x) if t.layout == torch.strided and t.dim() and len(t) == n]


def _points(x: Tensors, n: int, scales: list[float]) -> np.ndarray:
    """Each tensor in units of its own spread, in few coordinates."""
    own = [points / scale for points, scale in zip(_own(x, n), scales, strict=True)]
    width = sum(part.shape[1] for part in own)
    if width <= DIRECTIONS:
        return np.concatenate(own, 1)
    generator = torch.Generator().manual_seed(5)
    total = np.zeros((n, DIRECTIONS))
    for part in own:  # in float32 to halve the memory; the seed makes them the same at every call
        directions: Tensor = torch.randn(part.shape[1], DIRECTIONS, generator=generator) / DIRECTIONS**0.5
        total += part @ directions.numpy()
    return total


def near_copies(points: np.ndarray, images: list[np.ndarray] | None = None) -> Clusters | None:
    r"""Groups of inputs that lie far closer together than to any other; None where they would not matter.

    A group of s inputs is one if its diameter is at most t times its distance from the rest. Independent points in m
    dimensions do that with a probability near :math:`t^{(s - 1) m}`; t makes it 0.2 %, and is at most a half. The
    dimension is read off far neighbours, which copies do not change. Of groups inside one another the least probable
    one counts. Groups of sizes :math:`n_c` matter where :math:`\sum n_c^2 / N`, by which they widen the variance of a
    mean of N inputs, is 1.4 and more.

    Args:
        points: one per input.
        images: the points under each element of a group: distances are the least over elements.

    Shapes: ``(inputs, dim)``.

    Example:
        >>> points = np.random.default_rng(0).normal(size=(6, 3))
        >>> near_copies(np.repeat(points, 4, 0) + 1e-3 * np.random.default_rng(1).normal(size=(24, 3))).count
        6
        >>> near_copies(np.random.default_rng(2).normal(size=(24, 3))) is None
        True

    Reference: Facco, d'Errico, Rodriguez and Laio (2017) for the law of ratios of neighbours' distances.
    """
    n = len(points)
    if n < 2 or points.size == 0:
        return None
    images = [points] if images is None else images
    near, distances, dimension = _neighbours(points, images)
    if not distances.any():
        return Clusters(np.zeros(n, int), 1)
    distances = np.maximum(distances, LEAST**0.5)
    most = near.shape[1] - 1
    ratio = distances[:, :-1] / distances[:, 1:]
    allowed = np.minimum(0.5, CHANCE ** (1 / (np.arange(1, most + 1) * dimension)))
    candidates = [
        (frozenset((int(i), *near[i, : k + 1].tolist())), distances[i, k], distances[i, k + 1])
        for i, k in zip(*np.nonzero(ratio <= allowed), strict=True)
    ]
    members = Counter(group for group, _, _ in candidates)
    diameter: dict[frozenset[int], float] = {}
    apart: dict[frozenset[int], float] = {}
    for group, inner, outer in candidates:
        diameter[group] = max(inner, diameter.get(group, 0.0))
        apart[group] = min(outer, apart.get(group, np.inf))
    closed = {  # the same group for each of its members, and how probable it is
        group: (len(group) - 1) * np.log(diameter[group] / apart[group])
        for group, count in members.items()
        if count == len(group) and diameter[group] <= allowed[len(group) - 2] * apart[group]
    }
    index = np.arange(n)
    for group in sorted(closed, key=closed.__getitem__, reverse=True):  # the least probable has the last word
        index[list(group)] = min(group)
    found = Clusters.given(index, n)
    return found if (found.sizes**2).sum() >= WEIGHT * n else None


def _neighbours(points: np.ndarray, images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, float]:
    """Nearest other points, their distances, and the dimension in which far neighbours spread.

    Distances count in units of the larger of the two points: small points are not close for being small.
    """
    n = len(points)
    centre = np.mean([np.median(image, axis=0) for image in images], axis=0)  # of the whole group, so that it stays
    points = points - centre
    squares = (points**2).sum(1)
    least = LEAST * max(float(squares.max()), 1e-300)  # of points of any size: that is how they round
    most = min(n - 1, n // 2 + 1, NEIGHBOURS)
    near, distances = np.empty((n, most), int), np.empty((n, most))
    block = max(1, BLOCK // n)
    for start in range(0, n, block):
        rows = np.arange(start, min(n, start + block))
        d = np.full((len(rows), n), np.inf)
        for image in images:
            moved = image[rows] - centre
            np.minimum(d, (moved**2).sum(1)[:, None] - 2 * moved @ points.T + squares, out=d)
        d = np.where(d <= least, 0.0, d) / np.maximum(np.maximum(squares[rows, None], squares), least)
        d[np.arange(len(rows)), rows] = np.inf
        found = np.argpartition(d, most - 1, axis=1)[:, :most]
        order = np.take_along_axis(d, found, 1).argsort(1, kind="stable")
        near[rows] = np.take_along_axis(found, order, 1)
        distances[rows] = np.sqrt(np.take_along_axis(d, near[rows], 1))
        if start == 0:  # some inputs say enough of the dimension
            quarter, half = np.partition(d[:256], [n // 4, n // 2], axis=1)[:, [n // 4, n // 2]].T
    spread = 0.5 * np.median(np.log(np.maximum(half, LEAST) / np.maximum(quarter, LEAST)))
    dimension = float(np.log((n // 2 + 1) / (n // 4 + 1)) / max(spread, 1e-3))
    return near, distances, min(dimension, float(points.shape[1]))
