"""Band-limited kernels where the group does not map the grid to itself: circular harmonics on Gaussian rings."""

from __future__ import annotations

import numpy as np

from equilayers.intertwiners.plane import GridAction, pixel_positions
from equilayers.intertwiners.sections import Orbit, invariant_sections, signed_permutations
from equilayers.numerics import derived
from equilayers.representations import Representation

__all__ = ["discretisation_error", "harmonic_kernels", "harmonics", "moved_harmonics", "ring_functions"]

WIDTH = 0.6  # standard deviation of a ring, in pixels
INDEPENDENT = 0.3137  # least residual of a new function over those before it; odd, so that symmetry does not tie
SMOOTH = 2.0  # correlation length of the random field that errors are quoted for, in pixels


@derived
def ring_functions(size: int) -> tuple[tuple[int, ...], np.ndarray]:
    r"""Frequencies and samples ``(functions, size * size)`` of harmonics on Gaussian rings.

    .. math:: e^{-(|x| - r)^2 / 2 s^2} (\cos m\theta, \sin m\theta)

    Rings are one pixel apart; the ring of radius r carries frequencies up to 2 r. A pair enters if its samples are
    independent of those before it. Sampling at points keeps every symmetry of the grid: C4 stays exact in C8, and D4
    in O(2).

    Example:
        >>> ring_functions(3)[0]
        (0, 0, 1, 1, 2, 2)
    """
    positions = pixel_positions(size, size)
    radius, angle = np.hypot(positions[:, 0], positions[:, 1]), np.arctan2(positions[:, 1], positions[:, 0])
    frequencies: list[int] = []
    accepted, samples = np.zeros((0, size * size)), []
    for ring in np.arange((size - 1) / 2 % 1, size / 2, 1.0):
        profile = np.exp(-((radius - ring) ** 2) / (2 * WIDTH**2))
        for m in range(int(2 * ring) + 1):
            if m:
                pair = np.stack([np.cos(m * angle), np.sin(m * angle)]) * (profile * (radius > 1e-9))
            else:
                pair = profile[None]
            pair = pair / np.linalg.norm(pair, axis=1).max()
            residual = pair - (pair @ accepted.T) @ accepted
            if np.linalg.norm(residual, axis=1).min() > INDEPENDENT:
                accepted = np.concatenate([accepted, np.linalg.qr(residual.T)[0].T])
                samples.append(pair)
                frequencies += [m] * len(pair)
    return tuple(frequencies), np.concatenate(samples)


def harmonics(frequencies: tuple[int, ...], matrix: np.ndarray) -> np.ndarray:
    """``D`` with ``Y(A x) = D Y(x)`` for an orthogonal plane matrix A."""
    flipped = np.linalg.det(matrix) < 0
    alpha = np.arctan2(matrix[1, 0], matrix[0, 0])
    return _blocks(frequencies, alpha, flipped)


def moved_harmonics(frequencies: tuple[int, ...], rate: float) -> np.ndarray:
    """The derivative of :func:`harmonics` along a rotation."""
    out = np.zeros((len(frequencies), len(frequencies)))
    n = 0
    while n < len(frequencies):
        if frequencies[n]:
            out[n, n + 1], out[n + 1, n] = -frequencies[n] * rate, frequencies[n] * rate
        n += 2 if frequencies[n] else 1
    return out


def _blocks(frequencies: tuple[int, ...], alpha: float, flipped: bool) -> np.ndarray:
    out = np.zeros((len(frequencies), len(frequencies)))
    n = 0
    while n < len(frequencies):
        m = frequencies[n]
        if not m:
            out[n, n] = 1.0
            n += 1
            continue
        c, s = np.cos(m * alpha), np.sin(m * alpha)
        out[n : n + 2, n : n + 2] = [[c, s], [s, -c]] if flipped else [[c, -s], [s, c]]
        n += 2
    return out


def harmonic_kernels(v: Representation, w: Representation, action: GridAction, size: int) -> list[Orbit]:
    """Coefficients in the ring functions, for every orbit of (output component, input component).

    Between signed permutations a point is a pair of components and its value ``(functions, k)``; otherwise there is one
    point, and its value is ``(w.dim * v.dim * functions, k)``.
    """
    frequencies, _ = ring_functions(size)
    n = len(frequencies)
    maps = np.array([harmonics(frequencies, a) for a in action.discrete]).reshape(-1, n, n)
    found_w, found_v = signed_permutations(w.images.discrete), signed_permutations(v.images.discrete)
    if v.is_monomial and w.is_monomial and found_w is not None and found_v is not None:
        moves = (found_w[0][:, :, None] * v.dim + found_v[0][:, None, :]).reshape(-1, w.dim * v.dim)
        signs = (found_w[1][:, :, None] * found_v[1][:, None, :]).reshape(-1, w.dim * v.dim)
        lie = np.array([moved_harmonics(frequencies, rate) for rate in action.lie]).reshape(-1, n, n)
        return invariant_sections(moves, maps, signs, lie)
    return _frequency_by_frequency(v, w, action, frequencies)


def _frequency_by_frequency(
    v: Representation, w: Representation, action: GridAction, frequencies: tuple[int, ...]
) -> list[Orbit]:
    """One point whose value is a map; every frequency is solved once and serves all its rings."""
    size, n = w.dim * v.dim, len(frequencies)
    inverse = np.linalg.inv(v.images.discrete).swapaxes(1, 2)
    matrices = np.einsum("mij,mkl->mikjl", w.images.discrete, inverse).reshape(-1, size, size)
    algebra = [
        np.kron(a, np.eye(v.dim)) - np.kron(np.eye(w.dim), b.T) for a, b in zip(w.images.lie, v.images.lie, strict=True)
    ]
    solved: dict[int, np.ndarray] = {}
    columns = []
    start = 0
    while start < n:
        m = frequencies[start]
        own = (m, m) if m else (0,)
        u = size * len(own)
        if m not in solved:
            maps = [np.kron(a, harmonics(own, p)) for a, p in zip(matrices, action.discrete, strict=True)]
            lie = [
                np.kron(a, np.eye(len(own))) + np.kron(np.eye(size), moved_harmonics(own, rate))
                for a, rate in zip(algebra, action.lie, strict=True)
            ]
            moves, signs = np.zeros((len(maps), 1), dtype=np.int64), np.ones((len(maps), 1))
            found = invariant_sections(moves, np.array(maps).reshape(-1, u, u), signs, np.array(lie).reshape(-1, u, u))
            solved[m] = found[0].values[0] if found else np.zeros((u, 0))
        column = np.zeros((size, n, solved[m].shape[1]))
        column[:, start : start + len(own)] = solved[m].reshape(size, len(own), -1)
        columns.append(column.reshape(size * n, -1))
        start += len(own)
    values = np.concatenate(columns, 1)
    return [Orbit(np.zeros(1, dtype=np.int64), values[None])] if values.shape[1] else []


@derived
def discretisation_error(size: int, dilation: int = 1) -> float:
    r"""Relative root mean square error of a band-limited kernel under rotations that leave the grid.

    For a Gaussian random field f of correlation length two pixels and a kernel with independent random coefficients in
    the ring functions Y, in closed form over 45 and 30 degrees,

    .. math:: E\,|\sum_p Y(p) f(R p) - \sum_p (D_{R^{-1}} Y)(p) f(p)|^2 \;/\; E\,|\sum_p Y(p) f(p)|^2

    the larger of the two, square root taken.

    Example:
        >>> 0 < discretisation_error(5) < 0.3
        True
    """
    frequencies, samples = ring_functions(size)
    positions = pixel_positions(size, size) * dilation
    worst = 0.0
    for degrees in (45.0, 30.0):
        alpha = np.deg2rad(degrees)
        turn = np.array([[np.cos(alpha), -np.sin(alpha)], [np.sin(alpha), np.cos(alpha)]])
        moved = _blocks(frequencies, -alpha, False) @ samples
        plain = np.einsum("fp,pq,fq", samples, _covariance(positions, positions), samples)
        turned = np.einsum("fp,pq,fq", moved, _covariance(positions, positions), moved)
        cross = np.einsum("fp,pq,fq", samples, _covariance(positions @ turn.T, positions), moved)
        worst = max(worst, (plain + turned - 2 * cross) / plain)
    return float(np.sqrt(worst))


def _covariance(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.exp(-((p[:, None] - q[None]) ** 2).sum(-1) / (2 * SMOOTH**2))
