"""Closed forms for S_n: Young's orthogonal form on standard tableaux, evaluated by adjacent transpositions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadRepresentation, TooLarge
from equilayers.groups import Group, Symmetric
from equilayers.numerics import derived
from equilayers.representations.representation import Irrep

__all__ = ["dimension", "irrep", "irreps", "value_at_class"]

Partition = tuple[int, ...]
LIST_LIMIT = 1000  # S_21 has 792 irreps, S_22 1002
DIM_LIMIT = 10_000  # one matrix of this size takes 800 MB


# Partitions, dimensions, characters


@derived
def dimension(shape: Partition) -> int:
    """Number of standard tableaux, by the hook lengths (Frame, Robinson and Thrall 1954).

    Example:
        >>> dimension((49, 1)), dimension((3, 2, 1))
        (49, 16)
    """
    hooks = 1
    for i, row in enumerate(shape):
        for j in range(row):
            hooks *= row - j + sum(1 for other in shape[i + 1 :] if other > j)
    return math.factorial(sum(shape)) // hooks


@derived
def value_at_class(shape: Partition, cycles: Partition) -> int:
    """The character at the permutations of these cycle lengths, by the rule of Murnaghan and Nakayama.

    Example:
        >>> [value_at_class((3, 1), cycles) for cycles in ((1, 1, 1, 1), (2, 2), (2, 1, 1), (3, 1), (4,))]
        [3, -1, 1, 0, -1]
    """
    if not cycles:
        return 1
    length, rest = cycles[0], cycles[1:]
    beads = [part + len(shape) - 1 - i for i, part in enumerate(shape)]  # a rim hook moves one bead down
    total = 0
    for i, bead in enumerate(beads):
        moved = bead - length
        if moved >= 0 and moved not in beads:
            jumped = sum(1 for other in beads if moved < other < bead)
            left = sorted([*beads[:i], moved, *beads[i + 1 :]], reverse=True)
            smaller = tuple(b - (len(left) - 1 - k) for k, b in enumerate(left))
            total += (-1) ** jumped * value_at_class(tuple(p for p in smaller if p), rest)
    return total


def _partitions(n: int, largest: int | None = None) -> Iterator[Partition]:
    if n == 0:
        yield ()
    for first in range(min(n, largest or n), 0, -1):
        for rest in _partitions(n - first, first):
            yield (first, *rest)


def _count(n: int) -> int:
    """Number of partitions."""
    ways = [1] + [0] * n
    for part in range(1, n + 1):
        for total in range(part, n + 1):
            ways[total] += ways[total - part]
    return ways[n]


def _small_partitions(n: int, max_dim: int) -> list[Partition]:
    """Partitions of dimension at most ``max_dim``; what they restrict to is no larger, so they are grown box by box."""
    level: set[Partition] = {()}
    for _ in range(n):
        grown = {bigger for shape in level for bigger in _add_box(shape)}
        level = {shape for shape in grown if dimension(shape) <= max_dim}
    return sorted(level)


def _add_box(shape: Partition) -> Iterator[Partition]:
    for i, part in enumerate(shape):
        if i == 0 or shape[i - 1] > part:
            yield (*shape[:i], part + 1, *shape[i + 1 :])
    yield (*shape, 1)


def _class_order(cycles: Partition) -> tuple[int, int, int]:
    """Element order, size, and fewer moved points: for n < 9 the first member in place of the last orders no irreps
    differently, beyond it nothing is enumerated."""
    n, centraliser = sum(cycles), 1
    for length in set(cycles):
        copies = cycles.count(length)
        centraliser *= length**copies * math.factorial(copies)
    return (math.lcm(*cycles), math.factorial(n) // centraliser, n - cycles.count(1))


def _compare(a: Partition, b: Partition) -> int:
    """Negative where a comes first: smaller dimension, then the larger value at the first class where they differ."""
    difference = dimension(a) - dimension(b)
    if difference or a == b:
        return difference
    for cycles in _ordered_classes(sum(a)):
        difference = value_at_class(b, cycles) - value_at_class(a, cycles)
        if difference:
            return difference
    return 0


@derived
def _ordered_classes(n: int) -> tuple[Partition, ...]:
    if _count(n) > LIST_LIMIT:  # a few classes tell the irreps of small dimension apart
        few = [(k,) + (1,) * (n - k) for k in (2, 3, 4)] + [(2, 2) + (1,) * (n - 4)]
        return tuple(sorted(few, key=_class_order))
    return tuple(sorted(_partitions(n), key=_class_order))


# Matrices


class _Form(NamedTuple):
    """For each adjacent transposition ``(n - 1, d)``: the diagonal, the entry beside it, the tableau it leads to."""

    diagonal: np.ndarray
    beside: np.ndarray
    swap: np.ndarray


@derived
def _young(shape: Partition) -> _Form:
    r"""Young's orthogonal form, with r the difference of the contents of i + 1 and i in the tableau T.

    .. math:: s_i\,T = \tfrac{1}{r}\,T + \sqrt{1 - 1/r^2}\;s_i T

    Tableaux with n in a lower row come first, among those the ones with n - 1 in a lower row, and so on.
    """
    words, contents = _tableaux(shape)
    order = np.lexsort([-words[:, m] for m in range(words.shape[1])])
    words, contents = words[order], contents[order]
    position = {word.tobytes(): t for t, word in enumerate(words)}
    distance = (contents[:, 1:] - contents[:, :-1]).T.astype(np.float64)
    swap = np.tile(np.arange(len(words)), (words.shape[1] - 1, 1))
    for i in range(len(swap)):
        swapped = words.copy()
        swapped[:, [i, i + 1]] = words[:, [i + 1, i]]
        for t in np.flatnonzero(np.abs(distance[i]) > 1):
            swap[i, t] = position[swapped[t].tobytes()]
    return _Form(1 / distance, np.sqrt(1 - 1 / distance**2), swap)


def _tableaux(shape: Partition) -> tuple[np.ndarray, np.ndarray]:
    """Row and content (column minus row) of every number in every standard tableau, ``(d, n)`` each."""
    words, contents = np.zeros((1, 0), dtype=np.int32), np.zeros((1, 0), dtype=np.int32)
    filled = np.zeros((1, len(shape)), dtype=np.int32)
    for _ in range(sum(shape)):
        grown = []
        for row, length in enumerate(shape):
            fits = filled[:, row] < length
            if row:
                fits &= filled[:, row] < filled[:, row - 1]
            at = np.flatnonzero(fits)
            column = np.full((len(at), 1), row, dtype=np.int32)
            more = filled[at].copy()
            more[:, row] += 1
            grown.append((np.hstack([words[at], column]), np.hstack([contents[at], filled[at][:, [row]] - row]), more))
        words, contents, filled = (np.concatenate(parts) for parts in zip(*grown, strict=True))
    return words, contents


@dataclass(frozen=True)
class _Young:
    """Sort the image array by exchanges of neighbours, multiplying their matrices: each combines pairs of rows."""

    shape: Partition

    def __call__(self, g: Tensor) -> Tensor:
        form, n = _young(self.shape), sum(self.shape)
        d = form.diagonal.shape[1]
        p = g.reshape(-1, n).clone()
        value = torch.eye(d, dtype=torch.float64, device=g.device).repeat(len(p), 1, 1)
        diagonal, beside, swap = (torch.tensor(array, device=g.device) for array in form)
        for sweep in range(n):
            for i in range(sweep % 2, n - 1, 2):
                wrong = (p[:, i] > p[:, i + 1]).nonzero()[:, 0]
                if len(wrong):
                    rows = value[wrong]
                    value[wrong] = diagonal[i][:, None] * rows + beside[i][:, None] * rows[:, swap[i]]
                    p[wrong, i], p[wrong, i + 1] = p[wrong, i + 1], p[wrong, i]
        return value.reshape(*g.shape[:-1], d, d)


def irreps(group: Group, level: int | None = None, max_dim: int | None = None) -> tuple[Irrep, ...]:
    """All irreps, labelled by partitions: "[n]" is trivial, "[1,...,1]" the sign, "[n-1,1]" permutes n points, less 1.

    Raises:
        TooLarge: there are more than 1000; give ``max_dim``.

    Example:
        >>> import equilayers as eq
        >>> [i.label for i in irreps(eq.group("S4"))]
        ['[4]', '[1,1,1,1]', '[2,2]', '[3,1]', '[2,1,1]']
        >>> [i.label for i in irreps(eq.group("S50"), max_dim=49)][::3]
        ['[50]', '[2,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]']

    Source: James and Kerber, The Representation Theory of the Symmetric Group (1981), sections 2.3 and 3.4.
    """
    n = cast(Symmetric, group).n
    count = _count(n)
    if max_dim is None and count > LIST_LIMIT:
        raise TooLarge(
            f"A list of more than {LIST_LIMIT} irreps is not made.",
            {"group": group, "irreps": count},
            f'Give max_dim=, for example eq.irreps(G, max_dim={n}), or one label: eq.irrep(G, "[{n - 1},1]").',
        )
    shapes = list(_partitions(n)) if max_dim is None else _small_partitions(n, max_dim)
    if len(shapes) > LIST_LIMIT:
        raise TooLarge(
            f"A list of more than {LIST_LIMIT} irreps is not made.",
            {"group": group, "irreps": len(shapes), "max_dim": max_dim},
            "Give a smaller max_dim=.",
        )
    return tuple(_irrep(group, shape) for shape in sorted(shapes, key=cmp_to_key(_compare)))


def irrep(group: Group, label: str) -> Irrep:
    """The irrep of that partition.

    Raises:
        BadRepresentation: the label is not a partition of n.
        TooLarge: its matrices would not fit.

    Example:
        >>> import equilayers as eq
        >>> irrep(eq.group("S50"), "[49,1]").dim
        49
    """
    n = cast(Symmetric, group).n
    match = re.fullmatch(r"\[([1-9]\d*(?:,[1-9]\d*)*)\]", label)
    shape = tuple(int(part) for part in match[1].split(",")) if match else ()
    if sum(shape) != n or tuple(sorted(shape, reverse=True)) != shape:
        raise BadRepresentation(
            "No irrep has this label.",
            {"group": group, "label": repr(label)},
            f'Irreps of S_{n} are partitions of {n}, larger parts first: "[{n}]"' + f', "[{n - 1},1]"' * (n > 1) + ".",
        )
    return _irrep(group, shape)


def _irrep(group: Group, shape: Partition) -> Irrep:
    d = dimension(shape)
    label = f"[{','.join(map(str, shape))}]"
    if d > DIM_LIMIT:
        raise TooLarge(
            f"An irrep of dimension above {DIM_LIMIT} is not built.",
            {"group": group, "label": label, "dim": d},
            "Give max_dim=, or a partition with fewer tableaux.",
        )
    return Irrep.from_function(group, label, "real", _Young(shape), np.zeros((0, d, d)))
