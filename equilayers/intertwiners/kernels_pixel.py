"""Complete kernel bases where the group maps the grid to itself."""

from __future__ import annotations

import numpy as np

from equilayers.intertwiners.plane import GridAction, pixel_positions
from equilayers.intertwiners.sections import invariant_sections, signed_permutations
from equilayers.numerics import signed_orbit_labels
from equilayers.representations import Representation

__all__ = ["gather_kernels", "pixel_moves", "solved_kernels"]


def pixel_moves(action: GridAction, window: tuple[int, int]) -> np.ndarray:
    """``(m, pixels)``: where the generators move the pixels of a window that they keep."""
    positions = pixel_positions(*window)
    images = np.einsum("mij,pj->mpi", np.round(action.discrete), positions)
    columns = images[..., 0] + (window[1] - 1) / 2
    rows = (window[0] - 1) / 2 - images[..., 1]
    return (np.round(rows) * window[1] + np.round(columns)).astype(np.int64)


def gather_kernels(
    v: Representation, w: Representation, action: GridAction, window: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Orbits of (output component, input component, pixel): labels (-1: always zero), signs and their number.

    None unless both atoms act by signed permutations.
    """
    if not (v.is_monomial and w.is_monomial):
        return None
    found_w, found_v = signed_permutations(w.images.discrete), signed_permutations(v.images.discrete)
    if found_w is None or found_v is None:
        return None
    pixels = window[0] * window[1]
    moves = pixel_moves(action, window)
    p = (found_w[0][:, :, None, None] * v.dim + found_v[0][:, None, :, None]) * pixels + moves[:, None, None, :]
    signs = np.broadcast_to(found_w[1][:, :, None, None] * found_v[1][:, None, :, None], p.shape)
    n = w.dim * v.dim * pixels
    return signed_orbit_labels(p.reshape(len(p), n), signs.reshape(len(p), n))


def solved_kernels(v: Representation, w: Representation, action: GridAction, window: tuple[int, int]) -> np.ndarray:
    """``(k, w.dim, v.dim, pixels)``: the maps that commute with the stabiliser of a pixel, carried along its orbit."""
    pixels, size = window[0] * window[1], w.dim * v.dim
    moves = pixel_moves(action, window)
    inverse = np.linalg.inv(v.images.discrete).swapaxes(1, 2)
    maps = np.einsum("mij,mkl->mikjl", w.images.discrete, inverse).reshape(-1, size, size)
    lie = np.array(
        [
            np.kron(a, np.eye(v.dim)) - np.kron(np.eye(w.dim), b.T)
            for a, b in zip(w.images.lie, v.images.lie, strict=True)
        ]
    ).reshape(-1, size, size)
    out = [np.zeros((0, w.dim, v.dim, pixels))]
    for orbit in invariant_sections(moves.reshape(-1, pixels), maps, np.ones((len(moves), pixels)), lie):
        basis = np.zeros((orbit.values.shape[2], size, pixels))
        basis[:, :, orbit.points] = orbit.values.transpose(2, 1, 0)
        out.append(basis.reshape(-1, w.dim, v.dim, pixels))
    return np.concatenate(out)
