"""A Cartan subalgebra of a reductive Lie algebra, by one generic element: its roots and simple raising operators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilayers.groups import Group
from equilayers.numerics import derived, hashed_numbers

__all__ = ["Cartan", "cartan", "is_reductive"]

_ATTEMPTS = 12
_NEAR, _FAR = 1e-8, 1e-4  # values of the generic element that are one weight, and two


@dataclass(frozen=True, eq=False)
class Cartan:
    """Coefficients in ``group.lie_basis`` of a generic Cartan element and of the simple raising operators.

    Attributes:
        element: ``(lie_dim,)`` complex; i times it has real eigenvalues where the group is compact or closed under
            transpose.
        raising: ``(rank, lie_dim)`` complex.
        simple: ``(rank,)`` values of the simple roots on ``element``.
        positive: ``(count,)`` values of the positive roots.
    """

    element: np.ndarray
    raising: np.ndarray
    simple: np.ndarray
    positive: np.ndarray


def is_reductive(group: Group) -> bool:
    """Whether the Lie algebra is its centre plus a part on which the Killing form does not degenerate."""
    c = group.structure_constants
    k = len(c)
    if not k:
        return True
    derived = np.linalg.matrix_rank(c.reshape(k * k, k), tol=1e-9 * max(1.0, np.abs(c).max()))
    centre = k - np.linalg.matrix_rank(c.reshape(k, k * k), tol=1e-9 * max(1.0, np.abs(c).max()))
    killing = np.linalg.eigvalsh(np.einsum("iab,jba->ij", c, c))
    rank = int((np.abs(killing) > 1e-9 * max(1e-300, np.abs(killing).max())).sum()) if killing.any() else 0
    return bool(derived + centre == k and rank == derived)


@derived
def cartan(group: Group) -> Cartan | None:
    """The Cartan data of a reductive group; None where no listed element is generic enough."""
    k, c = group.lie_dim, group.structure_constants
    turned = _transposition(group)
    for attempt in range(_ATTEMPTS):
        x = hashed_numbers(f"cartan/{attempt}", k).astype(complex)
        if turned is not None:  # in the compact form, where every image that respects transposes is skew-Hermitian
            x = (x - turned @ x) / 2 + 1j * (x + turned @ x) / 2
        found = _from_element(x, c)
        if found is not None:
            return found
    return None


def _transposition(group: Group) -> np.ndarray | None:
    """The matrix of ``L -> L^T`` on coefficients, or None where the algebra is not closed under it."""
    if not group.is_transpose_closed:
        return None
    lie = group.lie_basis
    flat = lie.reshape(len(lie), -1).T
    return np.linalg.lstsq(flat, lie.swapaxes(1, 2).reshape(len(lie), -1).T, rcond=None)[0]


def _from_element(x: np.ndarray, c: np.ndarray) -> Cartan | None:
    values, vectors = np.linalg.eig(np.einsum("i,ijk->kj", x, c))
    scale = max(float(np.abs(values).max()), 1e-300)
    small = np.abs(values) <= _NEAR * scale
    if not c.any():
        return Cartan(x, np.zeros((0, len(x)), complex), np.zeros(0, complex), np.zeros(0, complex))
    roots, vectors = values[~small], vectors[:, ~small].T
    apart = np.abs(roots[:, None] - roots) + np.eye(len(roots)) * scale
    heights = (roots * np.exp(-1j * 1.3)).real  # any generic linear functional orders the roots
    if len(roots) and min(apart.min(), np.abs(roots).min(), np.abs(heights).min()) < _FAR * scale:
        return None
    up = heights > 0
    positive, raising = roots[up], vectors[up]
    if 2 * len(positive) != len(roots):
        return None
    sums = (positive[:, None] + positive).reshape(-1)
    simple = np.array([np.abs(sums - r).min(initial=scale) > _FAR * scale / 10 for r in positive], dtype=bool)
    return Cartan(x, raising[simple], positive[simple], positive)
