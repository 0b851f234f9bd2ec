"""The diagrams between tensor powers of a classical group's vectors, and the solver's route by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from math import perm
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from equilayers.errors import BadGroup, BadInput, NotCertified, TooLarge
from equilayers.groups import Group
from equilayers.intertwiners.brauer import (
    Forms,
    Pairing,
    independent,
    matchings,
    pairing_count,
    pairings,
    standard_forms,
)
from equilayers.intertwiners.cores import Core, OrbitCore
from equilayers.intertwiners.legs import Leg, residual, total_size
from equilayers.intertwiners.orbits import canonical_order
from equilayers.intertwiners.partitions import MOST_AXES, node_diagrams, partition_count
from equilayers.numerics import canonical_basis
from equilayers.representations.constructors import Defining, Trivial, defining

__all__ = ["Diagram", "PatternCore", "diagram_core", "diagrams", "permutation_diagrams", "symmetric_core"]

FEW_ROWS = 200  # below this size the other routes are as fast
ROW_LIMIT = 30_000_000
SAME = 1e-9
DIAGRAM_LIMIT = 20_000


class Diagram(Protocol):
    """A map T(k) -> T(l) that is applied without its matrix.

    Example:
        >>> import equilayers as eq
        >>> d: Diagram = diagrams(eq.group("O(3)"), 2, 2)[0]
        >>> d.matrix(3).shape
        (9, 9)
    """

    @property
    def in_order(self) -> int: ...

    @property
    def out_order(self) -> int: ...

    def matrix(self, n: int) -> np.ndarray: ...

    def apply(self, x: Tensor) -> Tensor: ...


def diagrams(G: Group, k: int, l: int) -> tuple[Diagram, ...]:
    r"""A basis of Hom(T(k), T(l)) between tensor powers of the defining representation, by diagrams.

    S_n: partitions of the k + l axes into at most n blocks. O(n), O(p,q), and SO where no determinant fits: pairings of
    the axes, (k+l-1)!! of them. Real symplectic: pairings with the skew form. U(n) and SU(n) on 2n real dimensions:
    pairings, each carrying 1 or i, (2m)!/m! for k + l = 2m; the quaternionic group: 1, i, j or k. For small n,
    where diagrams are dependent, the first independent ones, as many as an exact count demands.

    ``apply`` works on tensors in O(n^max(k, l)), and never forms a matrix.

    Raises:
        BadGroup: not one of these groups.
        NotCertified: invariants that pairings do not reach (determinants), or dependent diagrams with units.
        TooLarge: more than 20,000 diagrams.

    Example:
        >>> import equilayers as eq
        >>> [len(diagrams(eq.group(name), 2, 2)) for name in ("S5", "S2", "O(3)", "SU(5)", "O(1,3)")]
        [15, 8, 3, 12, 3]

    Source: Weyl, The Classical Groups (1939): first and second fundamental theorems; Jones, The Potts Model and the
    Symmetric Group (1994), for partitions.
    """
    if k < 0 or l < 0:
        raise BadInput("Orders are at least 0.", {"k": k, "l": l}, "Give diagrams(G, 2, 2).")
    if G.family == "symmetric":
        n = int(str(G.parameters[0]))
        _refuse_many(partition_count(k + l, n))
        return tuple(d for d in node_diagrams((0,) * k, (0,) * l) if d.blocks <= n)
    kind, n, forms = kept_forms(G)
    _require_no_determinants(G, n, k + l)
    count = pairing_count(kind, n, k + l)
    _refuse_many(count)
    if 2 * n >= k + l:
        return tuple(pairings(k, l, forms))
    if len(forms.units) > 1:
        raise NotCertified(
            "Diagrams with units are dependent at this dimension.",
            {"group": G, "k + l": k + l, "independent from": f"n = {(k + l + 1) // 2}"},
            "Use eq.hom(V, W).",
        )
    found = list(pairings(k, l, forms))
    if not found:
        return ()
    return tuple(found[i] for i in independent(found, n if kind == "orthogonal" else -2 * n, count))


def permutation_diagrams(n: int, k: int) -> tuple[Pairing, ...]:
    r"""A basis over C of the maps of :math:`(C^n)^{\otimes k}` to itself that commute with U(n): permuted axes.

    For n < k those without a decreasing subsequence of n + 1 terms.

    Example:
        >>> [len(permutation_diagrams(n, 4)) for n in (1, 2, 3, 4)]
        [1, 14, 23, 24]

    Source: Procesi, A Note on the Formanek Weingarten Function (2021), section 2, for the basis at small n.
    """
    found = [p for p in permutations(range(k)) if _longest_decreasing(p) <= n]
    return tuple(Pairing(tuple((i, k + p[i]) for i in range(k)), k, k) for p in found)


def _longest_decreasing(p: Sequence[int]) -> int:
    best: list[int] = []
    for i, value in enumerate(p):
        best.append(1 + max((best[j] for j in range(i) if p[j] > value), default=0))
    return max(best, default=0)


def _refuse_many(count: int) -> None:
    if count > DIAGRAM_LIMIT:
        raise TooLarge(
            "This many diagrams are not listed.", {"diagrams": count, "limit": DIAGRAM_LIMIT}, "Use lower orders."
        )


_KINDS = {"O": "orthogonal", "SO": "orthogonal", "SU": "unitary", "U": "unitary", "USp": "quaternionic"}
_KINDS |= {"Sp": "symplectic", "O(p,q)": "orthogonal", "SO(p,q)": "orthogonal", "SO+(p,q)": "orthogonal"}


def _kind(G: Group) -> tuple[str, int]:
    """The kind of form, and n."""
    kind = _KINDS.get(G.family)
    dim = G.lie_basis.shape[-1] if kind else 0
    if kind is None or (kind == "symplectic" and G.is_compact):
        raise BadGroup(
            "Diagrams are known for the classical groups.",
            {"group": G, "known": "S_n, O(n), SO(n), O(p,q), SO(p,q), U(n), SU(n), Sp(2n)"},
            "Use eq.hom(V, W), which takes any group.",
        )
    if kind == "unitary" and G.parameters == (2,) and G.family == "SU":
        kind = "quaternionic"  # SU(2) is the quaternionic group of 1 x 1 matrices
    return kind, dim // {"orthogonal": 1, "quaternionic": 4}.get(kind, 2)


def kept_forms(G: Group) -> tuple[str, int, Forms]:
    """The kind of form, n, and the form and units in the group's own coordinates, compared with its generators.

    Raises:
        BadGroup: not a classical group.
        NotCertified: its generators do not keep what its name says.
    """
    kind, n = _kind(G)
    V = defining(G)
    forms = standard_forms(kind, V.dim)
    metric = getattr(G, "metric", None)
    if metric is not None:
        forms = Forms(forms.units, np.asarray(metric))
    elif kind == "symplectic":
        forms = Forms(forms.units, _skew_form(V.images.lie))
    lie, discrete = V.images.lie, V.images.discrete
    turned = discrete.swapaxes(1, 2)
    error = np.abs(lie.swapaxes(1, 2) @ forms.form + forms.form @ lie).max(initial=0.0)
    error = max(error, np.abs(turned @ forms.form @ discrete - forms.form).max(initial=0.0))
    for unit in forms.units:
        error = max(error, *(np.abs(m @ unit - unit @ m).max(initial=0.0) for m in (lie, discrete)))
    if error > SAME:
        raise NotCertified(
            "The generators of this group do not keep the forms of its name.",
            {"group": G, "kind": kind, "error": f"{error:.1e}"},
            "Use eq.hom(V, W), which takes any coordinates.",
        )
    return kind, n, forms


def _skew_form(lie: np.ndarray) -> np.ndarray:
    """The one form that the Lie algebra keeps, its first large entry 1."""
    d = lie.shape[-1]
    left = np.einsum("gji,kl->gikjl", lie, np.eye(d))  # a^T F, and by exchange F a
    equations = (left + left.transpose(0, 2, 1, 4, 3)).reshape(-1, d * d)
    form = np.linalg.svd(equations, full_matrices=False)[2][-1].reshape(d, d)
    entries = form.ravel()
    return np.asarray(form / entries[int((np.abs(entries) > 0.5 * np.abs(entries).max()).argmax())])


def determinants_fit(G: Group, n: int, axes: int) -> bool:
    """Whether a group of determinant 1 has invariants of so many axes that no pairing reaches."""
    steps: tuple[int, ...] = {"SO": (n,), "SO(p,q)": (n,), "SO+(p,q)": (n,)}.get(G.family, ())
    if G.family == "SU" and n > 1:
        steps = tuple(range(n, axes + 1, n))
    return any(step <= axes and (axes - step) % 2 == 0 for step in steps)


def _require_no_determinants(G: Group, n: int, axes: int) -> None:
    """Groups of determinant 1 have more invariants, where a determinant fits among the axes."""
    if determinants_fit(G, n, axes):
        raise NotCertified(
            "Determinants are invariants of this group beside the diagrams.",
            {"group": G, "k + l": axes},
            f"Use eq.hom(V, W), which finds all of them; for n > {axes} there are none.",
        )


# The route of the solver


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

    @property
    def numbers(self) -> int:
        return int(self.patterns.size + self.values.size)

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
    if group.family == "SO" and n <= axes and (axes - n) % 2 == 0:
        return None  # determinants
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
