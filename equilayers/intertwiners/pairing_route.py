"""Hom between tensor powers of vectors that keep a form, in closed form: all pairings of axes, and determinants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from math import comb, factorial, prod

import numpy as np

from equilayers.errors import BadGroup, NotCertified
from equilayers.groups import Group
from equilayers.intertwiners.brauer import Forms, Pairing, determinant_count, matchings, pairing_count, pairings
from equilayers.intertwiners.cores import DenseCore
from equilayers.intertwiners.diagrams import determinants_fit, kept_forms
from equilayers.intertwiners.legs import Leg, residual, total_size
from equilayers.intertwiners.pattern_route import FEW_ROWS
from equilayers.numerics import canonical_basis
from equilayers.representations.constructors import Defining, Trivial

__all__ = ["pairing_core"]

MOST_DIAGRAMS = 500
ENTRY_LIMIT = 10_000_000  # of all diagrams written out; weights are as fast beyond


def pairing_core(group: Group, legs: Sequence[Leg], out_dim: int, in_dim: int) -> DenseCore | None:
    r"""For O(p,q), SO(p,q), Sp(2n), U(n) and SU(n), and SO(n) where determinants fit; None for anything else.

    By the first fundamental theorem diagrams span the answer; for small n they are dependent, and an exact count says
    how many of them are not. Invariants of determinant 1 are pairings times at most one determinant.
    """
    legs = [leg for leg in legs if not isinstance(leg.rep, Trivial)]
    axes, rows = len(legs), total_size(legs)
    if rows < FEW_ROWS or not all(isinstance(leg.rep, Defining) for leg in legs):
        return None
    try:
        kind, n, forms = kept_forms(group)
    except (BadGroup, NotCertified):
        return None
    k = sum(leg.dual for leg in legs)
    count, listed = pairing_count(kind, n, axes), _listed(axes, len(forms.units))
    if determinants_fit(group, n, axes):
        if kind != "orthogonal":
            return None
        count, listed = count + determinant_count(n, axes), listed + comb(axes, n) * _listed(axes - n, 1)
    if listed > MOST_DIAGRAMS or rows * listed > ENTRY_LIMIT:
        return None
    reason = f"the {axes} axes of V and W cannot be paired"
    if not count:
        return DenseCore(out_dim, in_dim, "diagrams", "exact", 0.0, reason, np.zeros((rows, 0)))
    found = [d.matrix(forms.dim).ravel() for d in pairings(k, axes - k, forms)]
    if determinants_fit(group, n, axes):
        found += [t.ravel() for t in _with_determinants(k, axes - k, forms)]
    vectors = canonical_basis(_spanned(np.array(found).T, count))
    return DenseCore(out_dim, in_dim, "diagrams", "exact", residual(legs, vectors), reason, vectors)


def _listed(axes: int, units: int) -> int:
    """Number of pairings that carry units, dependent or not."""
    m = axes // 2
    return 0 if axes % 2 else factorial(axes) // (factorial(m) * 2**m) * units**m


def _spanned(diagrams: np.ndarray, count: int) -> np.ndarray:
    """An orthonormal basis of the span of columns, whose dimension is known.

    Raises:
        NotCertified: it is another one.
    """
    values, mixing = np.linalg.eigh(diagrams.T @ diagrams)
    cut = len(values) - count
    if cut < 0 or values[cut] < 1e-9 * values[-1] or np.abs(values[:cut]).max(initial=0.0) > 1e-12 * values[-1]:
        raise NotCertified(
            "The diagrams do not span as many maps as the fundamental theorems say.",
            {"counted": count, "diagrams": len(values), "eigenvalues": values.round(9)},
            "Check the matrices of the group against its name.",
        )
    vectors = diagrams @ (mixing[:, cut:] / np.sqrt(values[cut:]))
    return np.asarray(vectors @ (1.5 * np.eye(count) - 0.5 * (vectors.T @ vectors)))  # orthonormal to the last digits


def _with_determinants(k: int, l: int, forms: Forms) -> Iterator[np.ndarray]:
    """Every pairing times one determinant of the other axes, ``(*outputs, *inputs)``."""
    n, axes = forms.dim, k + l
    volume = np.zeros((n,) * n)
    for order in permutations(range(n)):
        volume[order] = prod(np.sign(order[j] - order[i]) for i, j in combinations(range(n), 2))
    for chosen in combinations(range(axes), n):
        lowered = volume
        for at, axis in enumerate(chosen):
            if axis < k:
                lowered = np.moveaxis(np.tensordot(forms.form, lowered, (1, at)), 0, at)
        rest = [axis for axis in range(axes) if axis not in chosen]
        inputs = sum(axis < k for axis in rest)
        for pairs in matchings(len(rest)):
            paired = Pairing(pairs, inputs, len(rest) - inputs, (), forms).matrix(n)
            places = [*chosen, *rest[inputs:], *rest[:inputs]]
            outputs_first = [places.index(axis) for axis in (*range(k, axes), *range(k))]
            yield np.multiply.outer(lowered, paired.reshape((n,) * len(rest))).transpose(outputs_first)
