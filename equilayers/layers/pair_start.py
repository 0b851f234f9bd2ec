r"""How weights start where there are no irreps: so that unit features stay unit features, however deep the network.

A representation of a group that is not reductive (motions, Heisenberg) has invariant subspaces without invariant
complement, and maps that are nilpotent. Independent weights of one size for all maps then shrink what only few maps
reach and blow up what many do: over 20 layers by factors from 1e-11 to 1e10. So weights start correlated, with the
covariance S of the coordinates for which :math:`E[A A^T] = \sum_{kl} S_{kl} B_k B_l^T` is nearest to the identity.
"""

from __future__ import annotations

import math

import numpy as np

from equilayers.layers.invariants import hom_basis
from equilayers.numerics import derived
from equilayers.representations import Representation

__all__ = ["starting_roots"]

STEPS = 400
NEAR = 1e-3  # as near to unit second moment as a start must be
SHARE = 0.02  # of the variance that all maps have alike, so that none starts at zero
LIMIT = 4_000_000  # numbers that are held; beyond, all maps have the same variance


@derived
def starting_roots(source: Representation, target: Representation) -> tuple[np.ndarray, ...]:
    """Roots ``(k, k)`` of the covariance of the coordinates, one for each summand of ``source``, into one summand.

    Multiply them into standard normal coordinates ``(k, ...)``, independent for every pair of copies.
    """
    copies = [m for m, _ in source.terms]
    bases = [hom_basis(atom, target) for _, atom in source.terms]
    arriving = sum(m * len(basis) for m, basis in zip(copies, bases, strict=True))
    alike = [np.eye(len(basis)) * target.dim / max(arriving, 1) for basis in bases]
    held = sum(len(basis) ** 2 * target.dim**2 for basis in bases)
    small = 0 < held <= LIMIT
    found = _nearest(alike, [_moments(m, b) for m, b in zip(copies, bases, strict=True)]) if small else alike
    return tuple(_root((1 - SHARE) * s + SHARE * a) for s, a in zip(found, alike, strict=True))


def _moments(m: int, basis: np.ndarray) -> np.ndarray:
    r"""``(k k, d d)``: :math:`m\, B_k B_l^T`, the second moment of m copies for each entry of the covariance."""
    k, d, _ = basis.shape
    return m * np.tensordot(basis, basis, (2, 2)).transpose(0, 2, 1, 3).reshape(k * k, d * d)


def _nearest(start: list[np.ndarray], moments: list[np.ndarray]) -> list[np.ndarray]:
    """Accelerated projected gradient over positive semidefinite covariances, from ``start``."""
    every = np.concatenate(moments)
    dim = math.isqrt(every.shape[1])
    identity = np.eye(dim).ravel()
    step = 1.0 / max(float(np.linalg.eigvalsh(every.T @ every)[-1]), 1e-300)
    cuts = np.cumsum([s.size for s in start])[:-1]
    now = ahead = _flat(start)
    pace = 1.0
    for _ in range(STEPS):
        if np.linalg.norm(now @ every - identity) < math.sqrt(dim) * NEAR:
            break
        moved = np.split(ahead - step * (every @ (ahead @ every - identity)), cuts)
        after = _flat([_positive(piece.reshape(s.shape)) for piece, s in zip(moved, start, strict=True)])
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = after + (pace - 1) / faster * (after - now)
        now, pace = after, faster
    return [piece.reshape(s.shape) for piece, s in zip(np.split(now, cuts), start, strict=True)]


def _flat(matrices: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([matrix.ravel() for matrix in matrices])


def _positive(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
