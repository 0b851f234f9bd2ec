r"""How weights of diagrams start, so that the second moment of the output is 1 at any number of nodes.

A mean over n independent entries has second moment 1/n, so independent weights cannot do it. But the parts of a tensor
with B distinct indices that depend on s of them and have mean zero in each (Hoeffding's decomposition) have second
moments :math:`q^{B-s} (1-q)^s` with q = 1/n, which add up to 1 for every q. Weights of these parts, on each pattern of
equal output indices by itself, are drawn independently; the weights of the diagrams are integer combinations of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain, combinations, permutations, product
from math import comb, factorial, perm, prod

import numpy as np

from equilayers.intertwiners.partitions import canonical_labels, node_diagrams, set_partitions
from equilayers.numerics import derived

__all__ = ["shares", "starting_weights"]

Part = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]


@derived
def starting_weights(in_sets: tuple[int, ...], out_sets: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``(diagrams, parts)`` integers and ``(parts,)`` deviations: weights of the diagrams are the former times
    independent normal weights of the latter.

    Example:
        >>> mixing, deviation = starting_weights((0,), (0,))
        >>> mixing.tolist(), deviation.tolist()  # a (x - mean) + b mean, with a and b of deviation 1
        ([[1.0, 0.0], [-1.0, 1.0]], [1.0, 1.0])
    """
    place = {d.labels: i for i, d in enumerate(node_diagrams(in_sets, out_sets))}
    parts = list(_parts(in_sets, out_sets))
    mixing, deviation = np.zeros((len(place), len(parts))), np.zeros(len(parts))
    for column, part in enumerate(parts):
        deviation[column] = _deviation(part, in_sets, out_sets)
        for labels, value in _diagrams(part, out_sets):
            mixing[place[labels], column] += value
    for array in (mixing, deviation):
        array.setflags(write=False)
    return mixing, deviation


def _parts(in_sets: tuple[int, ...], out_sets: tuple[int, ...]) -> Iterator[Part]:
    """Output pattern, input pattern, the indices a part depends on, and the output index that reads each of them."""
    for out in set_partitions(out_sets):
        out_owners = _owners(out, out_sets)
        for into in set_partitions(in_sets):
            in_owners = _owners(into, in_sets)
            for size in range(min(len(in_owners), len(out_owners)), -1, -1):
                for chosen in combinations(range(len(in_owners)), size):
                    for target in permutations(range(len(out_owners)), size):
                        if all(in_owners[a] == out_owners[b] for a, b in zip(chosen, target, strict=True)):
                            yield out, into, chosen, target


def _owners(labels: tuple[int, ...], sets: tuple[int, ...]) -> list[int]:
    return [sets[labels.index(b)] for b in range(max(labels, default=-1) + 1)]


def _diagrams(part: Part, out_sets: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
    """A part as an integer combination of diagrams.

    The part of mean zero is an alternating sum of means; "equal as in this pattern and not otherwise" is, by Moebius'
    formula, an alternating sum over coarser patterns.
    """
    out, into, chosen, target = part
    owners = _owners(out, out_sets)
    shift = max(into, default=-1) + 1
    for merged in set_partitions(owners):
        sizes = [merged.count(b) for b in set(merged)]
        sign = prod((-1) ** (m - 1) * factorial(m - 1) for m in sizes)
        for kept in chain.from_iterable(combinations(range(len(chosen)), size) for size in range(len(chosen) + 1)):
            joined = dict(zip(range(shift), range(shift), strict=True))
            taken: dict[int, int] = {}
            for i in kept:
                first = taken.setdefault(merged[target[i]], chosen[i])
                joined[chosen[i]] = first  # two input indices read by one output index are equal
            labels = [joined[b] for b in into] + [taken.get(merged[b], shift + merged[b]) for b in out]
            yield canonical_labels(labels), sign * (-1) ** (len(chosen) - len(kept))


def _deviation(part: Part, in_sets: tuple[int, ...], out_sets: tuple[int, ...]) -> float:
    out, into, chosen, _ = part
    in_owners, out_owners = _owners(into, in_sets), _owners(out, out_sets)
    variance = 1.0
    for s in set(in_sets):
        k, blocks, width = in_sets.count(s), in_owners.count(s), out_owners.count(s)
        kept = sum(in_owners[a] == s for a in chosen)
        sharing = _stirling(k)[blocks] * comb(blocks, kept) * perm(width, kept)
        variance *= shares(k, width)[blocks, kept] / sharing
    return float(np.sqrt(variance))


def shares(axes: int, width: int) -> dict[tuple[int, int], float]:
    r"""Coefficients c with :math:`\sum_{B,s} c_{B,s}\, q^{B-s} (1-q)^s = 1` for every q, over parts with B indices of
    which s can be read by ``width`` output indices.

    It starts from 1 and splits :math:`q^{B-s}(1-q)^s` into the same with one more index averaged, or read. With
    ``width`` 0 all indices are averaged, and the sum is 1 for q = 1 only: features that are equal on all nodes.

    Example:
        >>> shares(1, 1), shares(2, 0)
        ({(1, 0): 1.0, (1, 1): 1.0}, {(1, 0): 0.5, (2, 0): 0.5})
    """
    counts = _stirling(axes)
    if width == 0 or axes == 0:
        return {(b, 0): c / sum(counts) for b, c in enumerate(counts) if c}
    mass: dict[tuple[int, int], float] = defaultdict(float)
    mass[0, 0] = 1.0
    for b, s in product(range(axes), range(axes)):
        if s <= b and s < width and mass[b, s]:
            passed = mass[b, s] * sum(counts[b + 1 :]) / sum(counts[b:])
            mass[b, s] -= passed
            mass[b + 1, s] += passed
            mass[b + 1, s + 1] += passed
    return {key: value for key, value in sorted(mass.items()) if key[0]}


def _stirling(axes: int) -> list[int]:
    """Number of partitions of the axes into 0, 1, 2, ... blocks."""
    row = [1]
    for m in range(1, axes + 1):
        row = [0] + [(row[b] * b if b < m else 0) + row[b - 1] for b in range(1, m + 1)]
    return row
