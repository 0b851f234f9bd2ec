"""Hom between tensor powers of S_n's points or O(n)'s vectors: one entry for each pattern of equal indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import perm

import numpy as np
import torch
from torch import Tensor

from equilayers.groups import Group
from equilayers.intertwiners.brauer import Pairing, independent, matchings, pairing_count
from equilayers.intertwiners.cores import Core, OrbitCore
from equilayers.intertwiners.diagrams import determinants_fit
from equilayers.intertwiners.legs import Leg, residual, total_size
from equilayers.intertwiners.orbits import canonical_order
from equilayers.intertwiners.partitions import MOST_AXES
from equilayers.numerics import canonical_basis
from equilayers.representations.constructors import Defining, Trivial

__all__ = ["FEW_ROWS", "PatternCore", "diagram_core", "symmetric_core"]

FEW_ROWS = 200  # below this size the other routes are as fast
ROW_LIMIT = 30_000_000


@dataclass(frozen=True, eq=False)
class PatternCore(Core):
    """A basis whose entries depend only on which indices are equal: ``values`` ``(patterns, dim)``, and the pattern of
    every entry of the matrices.
    """

    patterns: np.ndarray = field(repr=False)
    values: np.ndarray = field(repr=False)

    @property
    def dim(self) -> int:
        return int(self.values.shape[1])

    def combine(self, weights: Tensor) -> Tensor:
        values = torch.tensor(self.values, dtype=weights.dtype, device=weights.device)
        index = torch.tensor(self.patterns, dtype=torch.int64, device=weights.device)
        return (values @ weights)[index].unflatten(0, (self.out_dim, self.in_dim))

    def contract(self, maps: Tensor) -> Tensor:
        values = torch.tensor(self.values, dtype=maps.dtype, device=maps.device)
        index = torch.tensor(self.patterns, dtype=torch.int64, device=maps.device)
        sums = maps.new_zeros(len(self.values), maps.shape[2]).index_add(0, index, maps.flatten(0, 1))
        return values.mT @ sums


def diagram_core(group: Group, legs: Sequence[Leg], out_dim: int, in_dim: int) -> PatternCore | None:
    r"""Hom between tensor powers of the vectors of O(n) or SO(n), in closed form; None for anything else.

    An entry of a diagram depends only on which of its indices are equal. So everything is computed on one entry for
    each such pattern, with its multiplicity: a few thousand rows instead of n^(k+l).

    The basis is the canonical one, as by any other route: its rule looks at rows in their order, and equal rows are
    interchangeable.
    """
    legs = [leg for leg in legs if not isinstance(leg.rep, Trivial)]
    axes, rows = len(legs), total_size(legs)
    vectors = all(isinstance(leg.rep, Defining) for leg in legs) and group.family in ("O", "SO")
    if not vectors or not FEW_ROWS <= rows <= ROW_LIMIT or axes > MOST_AXES:
        return None
    n = legs[0].dim
    if determinants_fit(group, n, axes):
        return None
    count = pairing_count("orthogonal", n, axes)
    reason = f"the {axes} axes of V and W cannot be paired"
    if not count:
        empty = np.zeros(rows, dtype=np.int32)
        return PatternCore(out_dim, in_dim, "diagrams", "exact", 0.0, reason, empty, np.zeros((1, 0)))
    pairs = [Pairing(p, axes, 0) for p in matchings(axes)]
    if 2 * n < axes:
        pairs = [pairs[i] for i in independent(pairs, n, count)]
    index, patterns = _equal_indices(n, axes)
    sizes = _sizes(n, patterns).astype(np.float64)
    digits = patterns.T
    diagram = np.array([np.all([digits[a] == digits[b] for a, b in d.pairs], 0) for d in pairs], dtype=np.float64).T
    gram = diagram.T @ (sizes[:, None] * diagram)
    orthonormal = np.linalg.solve(np.linalg.cholesky(gram), diagram.T).T
    values = canonical_basis(orthonormal)
    core = PatternCore(out_dim, in_dim, "diagrams", "exact", 0.0, reason, index, values)
    found = residual(legs, core.probes())
    return PatternCore(out_dim, in_dim, "diagrams", "exact", found, reason, index, values)


def symmetric_core(group: Group, legs: Sequence[Leg], out_dim: int, in_dim: int) -> OrbitCore | None:
    """Hom between tensor powers of the points of S_n: the orbits of index tuples are their patterns of equal indices.

    The same basis as from a search of orbits, without one; None for anything else.
    """
    legs = [leg for leg in legs if not isinstance(leg.rep, Trivial)]
    axes, rows = len(legs), total_size(legs)
    if group.family != "symmetric" or not all(isinstance(leg.rep, Defining) for leg in legs):
        return None
    if not FEW_ROWS <= rows <= ROW_LIMIT or axes > MOST_AXES:
        return None
    index, patterns = _equal_indices(legs[0].dim, axes)
    sizes = _sizes(legs[0].dim, patterns)
    order = canonical_order(sizes)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    values = (1 / np.sqrt(sizes))[index]
    return OrbitCore(out_dim, in_dim, "diagrams", "exact", 0.0, "", rank[index], values, len(order))


def _sizes(n: int, patterns: np.ndarray) -> np.ndarray:
    """How many index tuples have each pattern."""
    return np.array([perm(n, blocks) for blocks in range(n + 1)])[patterns.max(1, initial=-1) + 1]


def _equal_indices(n: int, axes: int) -> tuple[np.ndarray, np.ndarray]:
    """For every index tuple its pattern of equal indices, ``(n**axes,)``, and the patterns ``(count, axes)``.

    Patterns are labels in the order of first appearance. In lexicographic order, which is that of their first tuples,
    the patterns that extend one follow each other, so no table of them is searched.
    """
    index, blocks = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int8)
    label = np.zeros((1, n), dtype=np.int8)  # of each value that the next axis may take
    patterns = np.zeros((1, 0), dtype=np.int64)
    other = ~np.eye(n, dtype=bool)
    for axis in range(axes):
        used = patterns.max(1, initial=-1) + 1
        children = np.minimum(used + 1, n)
        start = np.cumsum(children) - children
        parent = np.repeat(np.arange(len(patterns)), children)
        patterns = np.column_stack([patterns[parent], np.arange(len(parent)) - start[parent]])
        index = (start[index][:, None] + label).reshape(-1)
        if axis + 1 < axes:
            fresh = label == blocks[:, None]
            blocks = (blocks[:, None] + fresh).reshape(-1).astype(np.int8)
            label = (label[:, None, :] + (fresh[:, :, None] & fresh[:, None, :] & other)).reshape(-1, n)
    return index, patterns
