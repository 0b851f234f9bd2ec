"""One basis for a subspace, whatever found the subspace."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["THETA", "canonical_basis", "canonical_basis_commuting"]

THETA = 0.6173  # an odd number: symmetric problems have exact ties at 1/2, 2/3, 3/4, ...


def canonical_basis(basis: np.ndarray, theta: float = THETA) -> np.ndarray:
    r"""The canonical orthonormal basis of the column span of ``basis``.

    Take the first row of ``N`` whose squared norm is at least ``theta`` of the largest, normalise it, deflate, repeat:

    .. math:: q = R_i / |R_i|, \qquad R \leftarrow R - (R q) q^T, \qquad B = N [q_1 \ldots q_k]

    The rule sees only the projector :math:`N N^T`, so the gauge of ``basis`` does not matter, and signs are fixed.

    Args:
        basis: ``(n, k)`` orthonormal columns.
        theta: share of the largest squared row norm that a pivot row must reach.

    Example:
        >>> turned = np.array([[0.6, -0.8], [0.8, 0.6], [0.0, 0.0]])
        >>> canonical_basis(turned).round(12) + 0.0
        array([[1., 0.],
               [0., 1.],
               [0., 0.]])
    """
    return canonical_basis_commuting(basis, (), theta)


def canonical_basis_commuting(basis: np.ndarray, units: Sequence[np.ndarray], theta: float = THETA) -> np.ndarray:
    r"""As :func:`canonical_basis`, for a right module: ``q, q J_1, q J_2, ...`` are deflated together.

    ``basis`` is ``(n, k)``; each unit ``J`` is ``(k, k)`` orthogonal and skew and acts on coefficients (the commutant
    of an irrep of complex or quaternionic type). The columns come out as ``q_1, q_1 J_1, ..., q_2, q_2 J_1, ...``.
    """
    chosen = np.zeros((0, basis.shape[1]))
    size = (basis * basis).sum(1)  # squared norms of the rows, deflated
    columns: list[np.ndarray] = []
    while len(columns) < basis.shape[1]:
        first = int(np.argmax(size >= theta * size.max()))
        q = np.array(basis[first], dtype=np.float64)
        for _ in range(2):  # twice is enough
            q = q - (chosen @ q) @ chosen
        q = q / np.sqrt(q @ q)
        group = np.array([q, *(q @ unit for unit in units)])
        found = basis @ group.T
        size = np.maximum(size - (found * found).sum(1), 0.0)
        chosen = np.concatenate([chosen, group])
        columns += list(found.T)
    if not columns:
        return np.zeros((basis.shape[0], 0))
    return np.array(columns).T + 0.0
