"""Invariant sections: functions on finitely many points, with values in vector spaces that a group moves along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equilayers.numerics import canonical_basis, null_space, signed_orbit_labels

__all__ = ["Orbit", "fixed_vectors", "invariant_sections", "signed_permutations"]

TOLERANCE = 1e-9


@dataclass(frozen=True, eq=False)
class Orbit:
    """One orbit of points: ``values`` ``(len(points), u, k)`` are its ``k`` invariant sections."""

    points: np.ndarray
    values: np.ndarray


def signed_permutations(images: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """``(m, d)`` image arrays and signs (of the source) of signed permutation matrices ``(m, d, d)``; else None."""
    rounded = np.round(images)
    if np.abs(images - rounded).max(initial=0.0) > TOLERANCE:
        return None
    size = np.abs(rounded)
    if (size.sum(1) != 1).any() or (size.sum(2) != 1).any():
        return None
    return size.argmax(1), rounded.sum(1).astype(np.int64)


def invariant_sections(moves: np.ndarray, maps: np.ndarray, signs: np.ndarray, lie: np.ndarray) -> list[Orbit]:
    r"""All functions f on points that every generator s and every Lie generator L keeps.

    .. math:: f(s p) = \epsilon_{s,p} A_s f(p), \qquad L f(p) = 0

    On each orbit the value at the first point must be fixed by the stabiliser, whose Schreier generators
    :math:`T_{sp}^{-1} \epsilon_{s,p} A_s T_p` come from a spanning tree with transports T; it then determines the rest.

    Args:
        moves: ``(m, N)`` images of the points under the generators.
        maps: ``(m, u, u)`` matrices A.
        signs: ``(m, N)``.
        lie: ``(k, u, u)`` maps that must annihilate every value (a connected group moves no point of a finite set).

    Example:
        >>> orbits = invariant_sections(np.array([[1, 0]]), np.array([[[-1.0]]]), np.ones((1, 2)), np.zeros((0, 1, 1)))
        >>> orbits[0].values[:, 0, 0].tolist()
        [1.0, -1.0]
    """
    size = maps.shape[-1] if len(maps) else lie.shape[-1]
    transport: dict[int, np.ndarray] = {}
    identity = np.eye(size)
    inverses = np.linalg.inv(maps)
    orbits = []
    for start in range(moves.shape[1]):
        if start in transport:
            continue
        transport[start], back = identity, {start: identity}
        points, conditions = [start], {}
        for p in points:  # grows while it is read
            for s, image in enumerate(moves[:, p].tolist()):
                moved = signs[s, p] * (maps[s] @ transport[p])
                if image not in transport:
                    transport[image] = moved
                    back[image] = signs[s, p] * (back[p] @ inverses[s])
                    points.append(image)
                    continue
                difference = back[image] @ moved - identity
                if np.abs(difference).max(initial=0.0) > TOLERANCE:
                    conditions[np.round(difference, 6).tobytes()] = difference
        rows = [*conditions.values(), *lie]
        fixed = _null(np.concatenate(rows)) if rows else identity
        if fixed.shape[1]:
            orbits.append(Orbit(np.array(points), np.stack([transport[p] for p in points]) @ fixed))
    return orbits


def _null(matrix: np.ndarray) -> np.ndarray:
    if np.abs(matrix).max(initial=0.0) <= TOLERANCE:  # rounding alone: no equation
        return np.eye(matrix.shape[1])
    return canonical_basis(null_space(matrix, what="the invariants of a stabiliser").basis)


def fixed_vectors(lie: np.ndarray, discrete: np.ndarray) -> np.ndarray:
    """``(d, k)`` canonical orthonormal basis of the vectors that generators with these images fix.

    Example:
        >>> fixed_vectors(np.zeros((0, 2, 2)), np.array([[[0.0, 1.0], [1.0, 0.0]]])).T.round(3).tolist()
        [[0.707, 0.707]]
    """
    d = discrete.shape[-1] if len(discrete) else lie.shape[-1]
    monomial = signed_permutations(discrete)
    if monomial is not None and not np.abs(lie).max(initial=0.0) > TOLERANCE:
        labels, sign, count = signed_orbit_labels(monomial[0].reshape(-1, d), monomial[1].reshape(-1, d))
        basis = np.zeros((d, count))
        kept = labels >= 0
        basis[np.flatnonzero(kept), labels[kept]] = sign[kept]
        return basis / np.sqrt((basis * basis).sum(0))
    return _null(np.concatenate([*(discrete - np.eye(d)), *lie]))
