"""Steerable kernels: complete where the group keeps the grid, exact on its part that does elsewhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation, GroupMismatch, TooLarge
from equilayers.intertwiners import kernel_space, kernels
from equilayers.intertwiners.kernels_harmonic import discretisation_error
from equilayers.intertwiners.sections import fixed_vectors

KEPT = ("trivial", "C1", "C2", "C4", "D1", "D2", "D4")


def planar(name):
    """The group and its action on the plane."""
    group = eq.group(name)
    return group, 2 * eq.trivial(group) if name == "trivial" else eq.defining(group)


def representations(group):
    yield eq.trivial(group)
    yield eq.regular(group)
    yield eq.regular(group) @ eq.regular(group) if group.order <= 4 else 2 * eq.trivial(group) + eq.regular(group)
    yield from eq.irreps(group)[-2:]
    if group.order > 2:
        yield eq.defining(group) @ eq.defining(group)


def moved_pixels(matrix, rows, columns):
    """Where a plane matrix moves the pixels, on an image of their numbers: turned and flipped by numpy alone."""
    image = np.arange(rows * columns).reshape(rows, columns)
    for flipped in (False, True):
        for quarter in range(4):
            angle = quarter * np.pi / 2
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            candidate = turn @ np.diag([1.0, -1.0]) if flipped else turn
            if np.abs(candidate - matrix).max() < 1e-9:
                new = np.rot90(image[::-1] if flipped else image, quarter)  # diag(1, -1) turns the rows over
                out = np.empty(rows * columns, dtype=np.int64)
                out[new.ravel()] = np.arange(rows * columns)
                return out
    raise AssertionError(matrix)


def formula(V, W, plane, rows, columns):
    """The mean over the group of fix(g) chi_V(g^-1) chi_W(g)."""
    total = 0.0
    for g in V.group.elements():
        pixels = moved_pixels(plane(g).numpy(), rows, columns)
        fixed = (pixels == np.arange(rows * columns)).sum()
        total += fixed * float(V(V.group.inverse(g)).trace()) * float(W(g).trace())
    return total / V.group.order


def dense(space):
    """``(k, W.dim, V.dim, pixels)`` kernels of single copies, atom by atom."""
    for block, (o, i) in zip(space.blocks, space.pairs, strict=True):
        yield block.basis(), space.out_rep.terms[o][1], space.in_rep.terms[i][1]


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("window", [(3, 3), (5, 5), (2, 2), (1, 1)])
def test_the_dimension_is_the_character_formula(name, window):
    group, plane = planar(name)
    for V in representations(group):
        for W in (eq.trivial(group), eq.regular(group), eq.irreps(group)[-1]):
            space = kernel_space(V, W, window, plane)
            assert space.exact
            assert abs(space.dim - formula(V, W, plane, *window)) < 1e-9


@pytest.mark.parametrize("k", [1, 2, 3, 5, 7])
def test_nothing_is_lost_to_a_band_limit(k):
    group, plane = planar("trivial")
    assert kernel_space(eq.trivial(group), eq.trivial(group), (k, k), plane).dim == k * k
    regular = eq.regular(eq.group("C4"))
    assert kernel_space(regular, regular, (k, k)).dim == 4 * k * k
    regular = eq.regular(eq.group("D4"))
    assert kernel_space(regular, regular, (k, k)).dim == 8 * k * k


@pytest.mark.parametrize("name", KEPT)
@pytest.mark.parametrize("window", [(3, 3), (4, 4)])
def test_kernels_are_equivariant_and_independent(name, window):
    group, plane = planar(name)
    for V in representations(group):
        for W in (eq.regular(group), eq.irreps(group)[-1]):
            for basis, w, v in dense(kernel_space(V, W, window, plane)):
                assert np.linalg.matrix_rank(basis.reshape(len(basis), -1)) == len(basis)
                for g in group.elements():
                    pixels = moved_pixels(plane(g).numpy(), *window)
                    moved = np.einsum("ab,kbjp,jc->kacp", w(g).numpy(), basis, v(group.inverse(g)).numpy())
                    assert np.abs(basis[..., pixels] - moved).max() < 1e-12


@pytest.mark.parametrize("name", ["trivial", "C2", "D1", "D2"])
def test_rectangular_windows_where_the_axes_are_kept(name):
    group, plane = planar(name)
    V = eq.regular(group)
    assert kernel_space(V, V, (3, 5), plane).dim == round(formula(V, V, plane, 3, 5)) == 15 * group.order


def elements_of(group):
    """Elements that keep the grid."""
    if group.is_finite:
        return [g for g in group.elements() if float((eq.defining(group)(g) % 1).abs().max()) < 1e-9]
    turns = [group.exp(torch.tensor([quarter * math.pi / 2], dtype=torch.float64)) for quarter in range(4)]
    return [group.compose(h, g) for g in turns for h in [group.identity, *group.discrete_generators]]


@pytest.mark.parametrize("name", ["C8", "D8", "SO(2)", "O(2)", "C3", "C6", "D6"])
@pytest.mark.parametrize("k", [3, 5, 4])
def test_band_limited_kernels_keep_the_symmetry_of_the_grid(name, k):
    group = eq.group(name)
    kept = elements_of(group)
    plane = eq.defining(group)
    irreps = eq.irreps(group) if group.is_finite else eq.irreps(group, level=2)
    for V in (irreps[-1], *((eq.regular(group),) if group.is_finite and k == 3 else ()), eq.trivial(group)):
        for W in (irreps[-1], irreps[1]):
            space = kernel_space(V, W, (k, k))
            assert not space.exact
            assert 0 < space.error < 0.5
            for basis, w, v in dense(space):
                assert np.linalg.matrix_rank(basis.reshape(len(basis), -1)) == len(basis)
                for g in kept:
                    pixels = moved_pixels(np.round(plane(g).numpy()), k, k)
                    moved = np.einsum("ab,kbjp,jc->kacp", w(g).numpy(), basis, v(group.inverse(g)).numpy())
                    assert np.abs(basis[..., pixels] - moved).max() < 1e-12


def test_regular_kernels_cost_the_unconstrained_scalar_ones_times_the_group():
    """A law of any solver: Hom(F (x) R, W) = F (x) W for the regular R."""
    for name in ("C8", "D8", "C6", "D5"):
        group = eq.group(name)
        one = eq.trivial(eq.group("trivial"))
        scalar = kernel_space(one, one, (5, 5), 2 * one)
        regular = kernel_space(eq.regular(group), eq.regular(group), (5, 5))
        assert regular.dim % group.order == 0
        assert regular.dim // group.order < scalar.dim
        assert kernel_space(eq.regular(group), eq.trivial(group), (5, 5)).dim == regular.dim // group.order


def test_kernels_of_a_group_that_leaves_positions_alone():
    group = eq.group("SO(3)")
    V = eq.defining(group)
    space = kernel_space(V, V @ V, (3, 3), 2 * eq.trivial(group))
    assert (space.dim, space.exact) == (9, True)
    basis, w, v = next(dense(space))
    g = group.sample(1, generator=torch.Generator().manual_seed(0))[0]
    moved = np.einsum("ab,kbjp,jc->kacp", w(g).numpy(), basis, v(group.inverse(g)).numpy())
    assert np.abs(basis - moved).max() < 1e-12


def test_a_missing_kernel_would_be_counted():
    """The broken twin: escnn's band limit keeps 6 of 9 at 3x3."""
    group, plane = planar("trivial")
    V = eq.trivial(group)
    assert formula(V, V, plane, 3, 3) != 6


def test_the_twin_with_reflections_of_columns_is_noticed():
    """diag(1, -1) turns rows over: with columns turned over instead kernels are not equivariant."""
    group, plane = planar("D1")
    space = kernel_space(eq.trivial(group), eq.irreps(group)[1], (3, 3), plane)
    flip = group.discrete_generators[-1]
    assert torch.equal(plane(flip), torch.diag(torch.tensor([1.0, -1.0], dtype=torch.float64)))
    basis, w, _ = next(dense(space))
    images = basis.reshape(-1, 3, 3)
    sign = float(w(flip))
    assert np.allclose(images[:, ::-1, :], sign * images)
    assert not np.allclose(images[:, :, ::-1], sign * images)


def test_moments_and_mixing_agree_with_the_basis():
    for name in ("D4", "C8"):
        group = eq.group(name)
        for V, W in ((eq.regular(group), eq.irreps(group)[-1]), (eq.irreps(group)[-1], eq.irreps(group)[-1])):
            space = kernel_space(V, W, (3, 3))
            for block, (basis, w, _) in zip(space.blocks, dense(space), strict=True):
                assert np.allclose(block.second_moment(), np.einsum("kajp,kbjp->ab", basis, basis))
                unit = w.endomorphisms[-1]
                mixed = np.einsum("lk,lajp->kajp", block.mixing(unit), basis)
                assert np.allclose(mixed, np.einsum("ab,kbjp->kajp", unit, basis))


def test_the_discretisation_error_falls_with_the_size():
    errors = [discretisation_error(k) for k in (3, 5, 7, 9)]
    assert max(errors) < 0.5
    assert min(errors) > 0


def test_fixed_vectors_ignore_rounding():
    noise = 1e-17 * np.random.default_rng(0).normal(size=(3, 2, 2))
    assert fixed_vectors(noise, np.zeros((0, 2, 2))).shape == (2, 2)
    assert fixed_vectors(np.zeros((0, 2, 2)), np.eye(2)[None] + 1e-16).shape == (2, 2)


def test_what_cannot_be_a_kernel_is_refused():
    group = eq.group("C4")
    V = eq.regular(group)
    with pytest.raises(BadInput, match="square windows"):
        kernel_space(V, V, (3, 5))
    with pytest.raises(BadInput, match="at least one pixel"):
        kernel_space(V, V, (0, 0))
    with pytest.raises(GroupMismatch):
        kernel_space(V, eq.regular(eq.group("D4")), (3, 3))
    with pytest.raises(BadRepresentation, match="two-dimensional"):
        kernel_space(eq.trivial(eq.group("SO(3)")), eq.trivial(eq.group("SO(3)")), (3, 3))


def test_a_basis_that_would_not_fit_is_refused(monkeypatch):
    V = eq.regular(eq.group("D4"))
    monkeypatch.setattr(kernels, "BASIS_LIMIT", 1000)
    with pytest.raises(TooLarge, match="41472"):
        kernel_space(V, V, (3, 3)).blocks[0].basis()
