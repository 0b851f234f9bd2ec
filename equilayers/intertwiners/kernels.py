"""Steerable kernels: Hom(F (x) V, W), where F is the space of functions on a window of pixels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from equilayers.errors import BadInput, GroupMismatch, TooLarge
from equilayers.intertwiners.kernels_harmonic import discretisation_error, harmonic_kernels, ring_functions
from equilayers.intertwiners.kernels_pixel import gather_kernels, solved_kernels
from equilayers.intertwiners.plane import GridAction, grid_action
from equilayers.intertwiners.sections import Orbit
from equilayers.numerics import derived
from equilayers.ops.filters import FilterBlock, FilterLayout
from equilayers.representations import Representation, defining

__all__ = ["KernelBlock", "KernelSpace", "kernel_space"]

BASIS_LIMIT = 20_000_000  # entries of a dense basis of one pair of atoms


@dataclass(frozen=True, eq=False)
class KernelBlock:
    """The kernels from one atom to another: ``dim`` of them, and the arrays by which ``program`` expands weights."""

    program: FilterBlock
    dim: int
    window: tuple[int, int]
    arrays: dict[str, np.ndarray] = field(repr=False)

    def basis(self) -> np.ndarray:
        """``(dim, d_out, d_in, pixels)``, independent but not normalised.

        Raises:
            TooLarge: more than 20 million numbers.
        """
        p, pixels = self.program, self.window[0] * self.window[1]
        entries = p.d_out * p.d_in * pixels
        if self.dim * entries > BASIS_LIMIT:
            raise TooLarge("This kernel basis is not written out.", {"numbers": self.dim * entries}, "Use weights.")
        if p.kind == "gather":
            index = self.arrays["index"]
            signs = self.arrays.get("sign", np.ones(entries))
            out = np.zeros((self.dim, entries))
            out[index, np.arange(entries)] = signs
            return out.reshape(self.dim, p.d_out, p.d_in, pixels)
        basis = self.arrays["basis"]
        slots = self.arrays.get("slots", np.arange(self.dim)).reshape(p.orbits, -1)
        values = basis.reshape(*basis.shape[:2], -1, pixels)
        points = values.shape[2]
        out = np.zeros((self.dim, p.orbits * points, pixels))
        for o in range(p.orbits):
            for slot, k in enumerate(slots[o]):
                out[k, o * points : (o + 1) * points] += values[o, slot]
        return out[:, self.arrays["index"]].reshape(self.dim, p.d_out, p.d_in, pixels)

    def second_moment(self) -> np.ndarray:
        """``(d_out, d_out)``: covariance of the output for independent standard normal weights and inputs."""
        p, pixels = self.program, self.window[0] * self.window[1]
        if p.kind == "gather":
            index = self.arrays["index"].reshape(p.d_out, -1)
            signs = self.arrays.get("sign", np.ones(index.size)).reshape(p.d_out, -1)
            out = np.empty((p.d_out, p.d_out))
            for i in range(p.d_out):
                out[i] = ((index == index[i]) * signs * signs[i]).sum(1)
            return out
        basis = self.arrays["basis"]
        points = basis.shape[2] // pixels
        apart = basis.reshape(p.orbits, basis.shape[1], points, pixels).transpose(0, 2, 1, 3)
        values = apart.reshape(p.orbits * points, -1)
        index = self.arrays["index"].reshape(p.d_out, p.d_in)
        out = np.zeros((p.d_out, p.d_out))
        for j in range(p.d_in):
            same = index[:, None, j] // points == index[None, :, j] // points
            chosen = values[index[:, j]]
            out += same * (chosen @ chosen.T)
        return out

    def mixing(self, matrix: np.ndarray) -> np.ndarray:
        """``(dim, dim)`` T such that the kernel with weights ``T w`` is ``matrix`` times the kernel with weights w."""
        basis = self.basis()
        moved = np.einsum("ab,kbjp->kajp", matrix, basis).reshape(self.dim, -1)
        return np.linalg.lstsq(basis.reshape(self.dim, -1).T, moved.T, rcond=None)[0]


@dataclass(frozen=True, eq=False)
class KernelSpace:
    """All equivariant kernels of a window, pair of atoms by pair of atoms.

    ``exact``: the group maps the grid to itself and the basis is complete; else it is band-limited, ``error`` is its
    relative error under rotations that leave the grid, and the rotations and reflections of the grid stay exact.

    Example:
        >>> import equilayers as eq
        >>> V = eq.trivial(eq.group("C4"))
        >>> space = eq.intertwiners.kernel_space(V, V, (3, 3))
        >>> space.dim, space.exact
        (3, True)
    """

    in_rep: Representation
    out_rep: Representation
    window: tuple[int, int]
    action: GridAction
    exact: bool
    error: float | None
    blocks: tuple[KernelBlock, ...]
    pairs: tuple[tuple[int, int], ...]  # positions of the terms (out, in) of each block

    @property
    def dim(self) -> int:
        """Number of free weights, multiplicities included."""
        return sum(
            self.out_rep.terms[o][0] * self.in_rep.terms[i][0] * block.dim
            for block, (o, i) in zip(self.blocks, self.pairs, strict=True)
        )

    @property
    def layout(self) -> FilterLayout:
        """The description that :func:`equilayers.ops.filters.assemble_filter` takes."""
        outs = tuple((m, atom.dim) for m, atom in self.out_rep.terms)
        ins = tuple((m, atom.dim) for m, atom in self.in_rep.terms)
        position = {pair: n for n, pair in enumerate(self.pairs)}
        table = tuple(tuple(position.get((o, i), -1) for i in range(len(ins))) for o in range(len(outs)))
        return FilterLayout(outs, ins, self.window, table)


def kernel_space(
    in_rep: Representation,
    out_rep: Representation,
    window: tuple[int, int],
    plane: Representation | None = None,
) -> KernelSpace:
    r"""The kernels of equivariant convolutions with a window of ``(rows, columns)`` pixels.

    .. math:: K(g x) = W(g) K(x) V(g)^{-1} \quad\text{for all } g, x

    Where every plane matrix maps pixels to pixels the basis is complete: its dimension is the mean over the group of
    :math:`\mathrm{fix}(g) \chi_V(g) \chi_W(g)`, with fix the number of pixels left in place. Elsewhere kernels are
    circular harmonics on Gaussian rings, sampled at the pixels.

    Args:
        in_rep, out_rep: V and W.
        window: rows and columns of the kernel.
        plane: how the group acts on positions (x the last axis, y minus the row axis); by default ``eq.defining(G)``.

    Raises:
        BadInput: the group does not keep the window.
        BadRepresentation: ``plane`` is not two-dimensional and orthogonal.

    Example:
        >>> import equilayers as eq
        >>> V = eq.regular(eq.group("C4"))
        >>> kernel_space(V, V, (3, 3)).dim
        36

    Source: Cohen, Geiger, Weiler, A General Theory of Equivariant CNNs on Homogeneous Spaces (2019), theorem 3.1;
    harmonics on rings: Weiler, Cesa, General E(2)-Equivariant Steerable CNNs (2019), section 2.
    """
    if in_rep.group != out_rep.group:
        raise GroupMismatch(
            "A kernel needs two representations of one group.",
            {"in_rep": repr(in_rep), "out_rep": repr(out_rep)},
            "Restrict one of them.",
        )
    if min(window) < 1:
        raise BadInput("A kernel needs at least one pixel.", {"kernel_size": window}, "Give positive sizes.")
    plane = defining(in_rep.group) if plane is None else plane
    action = grid_action(plane, in_rep.group)
    action.require_square(kernel_size=window)
    blocks, pairs = [], []
    for o, (m_out, w) in enumerate(out_rep.terms):
        for i, (m_in, v) in enumerate(in_rep.terms):
            block = _block(v, w, plane, window) if m_out and m_in else None
            if block is not None and block.dim:
                blocks.append(block)
                pairs.append((o, i))
    error = None if action.maps_grid else discretisation_error(window[0])
    return KernelSpace(in_rep, out_rep, window, action, action.maps_grid, error, tuple(blocks), tuple(pairs))


@derived
def _block(v: Representation, w: Representation, plane: Representation, window: tuple[int, int]) -> KernelBlock:
    action = grid_action(plane, v.group)
    if not action.maps_grid:
        return _harmonic_block(v, w, harmonic_kernels(v, w, action, window[0]), window)
    found = gather_kernels(v, w, action, window)
    if found is None:
        return _dense_block(solved_kernels(v, w, action, window), window)
    labels, sign, dim = found
    arrays = {"index": np.maximum(labels, 0)}
    signed = bool((sign != 1).any())
    if signed:
        arrays["sign"] = sign.astype(np.float64)
    return KernelBlock(FilterBlock("gather", w.dim, v.dim, 0, signed, False), dim, window, arrays)


def _dense_block(basis: np.ndarray, window: tuple[int, int]) -> KernelBlock:
    """One orbit that holds everything: a plain matrix product."""
    k, d_out, d_in, pixels = basis.shape
    arrays = {"basis": basis.reshape(1, k, d_out * d_in * pixels), "index": np.arange(d_out * d_in)}
    return KernelBlock(FilterBlock("product", d_out, d_in, 1, False, False), k, window, arrays)


def _harmonic_block(v: Representation, w: Representation, orbits: list[Orbit], window: tuple[int, int]) -> KernelBlock:
    """Slots of equal length for the orbits; missing weights and points are zeros of the basis."""
    frequencies, samples = ring_functions(window[0])
    size, pixels, n = w.dim * v.dim, samples.shape[1], len(frequencies)
    if not orbits or (len(orbits[0].points) == 1 and len(orbits[0].values[0]) == size * n and size > 1):
        values = orbits[0].values[0] if orbits else np.zeros((size * n, 0))
        basis = np.einsum("snk,np->ksp", values.reshape(size, n, values.shape[1]), samples)
        return _dense_block(basis.reshape(-1, w.dim, v.dim, pixels), window)
    counts = [orbit.values.shape[2] for orbit in orbits]
    most = max(counts)
    covered = sum(len(orbit.points) for orbit in orbits)
    # One point stays zero where some pair has no kernel.
    points = max(len(orbit.points) for orbit in orbits) + (covered < size)
    basis = np.zeros((len(orbits), most, points, pixels))
    slots = np.zeros((len(orbits), most), dtype=np.int64)
    index = np.full(size, points - 1, dtype=np.int64)
    start = 0
    for o, orbit in enumerate(orbits):
        sampled = np.einsum("qnk,np->kqp", orbit.values, samples)
        basis[o, : counts[o], : len(orbit.points)] = sampled
        slots[o, : counts[o]] = np.arange(start, start + counts[o])
        index[orbit.points] = o * points + np.arange(len(orbit.points))
        start += counts[o]
    padded = min(counts) < most
    arrays = {"basis": basis.reshape(len(orbits), most, points * pixels), "index": index}
    if padded:
        arrays["slots"] = slots.reshape(-1)
    program = FilterBlock("product", w.dim, v.dim, len(orbits), False, padded)
    return KernelBlock(program, start, window, arrays)
