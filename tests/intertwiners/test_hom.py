"""hom(V, W) against counts, projectors and averages that share no code with any route."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import CheckFailed, GroupMismatch, NotCertified
from equilayers.groups import FiniteGroup, Generators, MatrixGroup
from equilayers.intertwiners import hom
from equilayers.intertwiners.legs import legs_of
from equilayers.intertwiners.nullspace import solved_invariants
from equilayers.intertwiners.solver import _schur, solve
from equilayers.measurement import check_hom
from equilayers.testing import strategies

F21 = FiniteGroup.from_permutations([[1, 2, 3, 4, 5, 6, 0], [0, 2, 4, 6, 1, 3, 5]], name="F21")


class SE2(MatrixGroup):
    """Rotations and translations of the plane: not reductive."""

    def generators(self):
        turn, along, up = np.zeros((3, 3, 3))
        turn[1, 0], turn[0, 1], along[0, 2], up[1, 2] = 1.0, -1.0, 1.0, 1.0
        return Generators(lie=[turn, along, up])


class Heisenberg(MatrixGroup):
    """Upper unitriangular 3x3 matrices: nilpotent."""

    def generators(self):
        lie = np.zeros((3, 3, 3))
        lie[0, 0, 1] = lie[1, 1, 2] = lie[2, 0, 2] = 1.0
        return Generators(lie=lie)


class Shear(MatrixGroup):
    """The line acting by shears: abelian, hence reductive as an algebra, but no representation of it need split."""

    def generators(self):
        return Generators(lie=[[[0.0, 1.0], [0.0, 0.0]]])


def power(V, k):
    return eq.trivial(V.group) if k == 0 else V if k == 1 else V @ power(V, k - 1)


# Known counts


def test_rubiks_cube_on_its_facelets_has_nine_maps():
    V = eq.defining(eq.group("Rubik"))
    space = hom(V, V)
    assert (space.dim, space.certificate, space.residual) == (9, "exact", 0.0)
    check_hom(space)


@pytest.mark.parametrize(
    ("name", "powers", "count"),
    [
        ("SO(3)", (3, 3), 15),
        ("SO(3)", (4, 4), 91),
        ("SO(3)", (2, 1), 1),
        ("O(3)", (2, 1), 0),
        ("SU(3)", (2, 2), 12),
        ("SO(1,3)", (2, 2), 4),
        ("SO+(1,3)", (2, 2), 4),
        ("SO+(1,3)", (0, 6), 25),
        ("SO+(1,3)", (3, 2), 0),
        ("SO(5)", (2, 2), 3),
        ("SO(5)", (3, 3), 15),
        ("S5", (2, 2), 15),
        ("S8", (3, 3), 203),
        ("S8", (0, 6), 203),
        ("S3", (2, 2), 14),
        ("C4", (1, 1), 2),
        ("D4", (2, 2), 4),
        ("SO(2)", (2, 2), 6),
        ("O(2)", (2, 2), 3),
        ("SU(2)", (1, 1), 4),
    ],
)
def test_known_counts(name, powers, count):
    """Bell numbers for S_n, Motzkin sums for SO(3), Brauer diagrams for SO(5), 4 and 25 for the Lorentz group."""
    V = eq.defining(eq.group(name))
    space = hom(power(V, powers[0]), power(V, powers[1]))
    assert space.dim == count
    assert space.certificate in ("exact", "counted")
    assert space.residual < 1e-13


@pytest.mark.parametrize("name", ["C4", "C8", "D4", "D5", "O", "S4", "Q8"])
def test_regular_to_regular_has_as_many_maps_as_the_group_elements(name):
    group = eq.group(name)
    V = eq.regular(group)
    assert hom(V, V).dim == group.order
    W = eq.defining(group)
    assert hom(V, W @ W).dim == W.dim**2


@pytest.mark.parametrize("name", ["C3", "Q8", "D5", "A5", "O", "SO(2)", "SU(2)"])
def test_the_commutant_of_an_irrep_has_the_dimension_of_its_type(name):
    group = eq.group(name)
    irreps = eq.irreps(group) if group.is_finite else eq.irreps(group, level=2)
    for a in irreps:
        for b in irreps:
            space = hom(a, b)
            assert space.dim == (a.end_dim if a == b else 0)
            if a == b:
                units = torch.tensor(a.endomorphisms)
                assert float((space.project(units) - units).abs().max()) < 1e-13
            else:
                assert "No irrep in common" in space.reason
                assert a.label in space.reason


# Projectors by averages


@pytest.mark.parametrize("name", ["C5", "D5", "Q8", "A5", "T", "S4", "C3 x C3", "Q8 x C3", "Q8 x Q8"])
def test_the_projector_is_the_average_over_the_group(name):
    group = eq.group(name)
    V = eq.defining(group)
    for W in (V, V @ V if V.dim < 6 else 2 * V, eq.trivial(group) + 2 * V):
        space = hom(V + eq.trivial(group), W)
        g = group.elements()
        noise = torch.randn(W.dim, V.dim + 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        average = (W(g) @ noise @ (V + eq.trivial(group))(group.inverse(g))).mean(0)
        assert float((space.project(noise) - average).abs().max()) < 1e-12


@pytest.mark.parametrize("name", ["SO(3)", "O(3)", "SU(2)", "SO(2)", "O(2)", "SU(3)", "SO(3) x S3"])
def test_the_count_is_the_mean_of_the_character_over_haar_samples(name):
    group = eq.group(name)
    V = eq.defining(group)
    space = hom(V @ V, V @ V)
    values = V(group.sample(20_000, generator=torch.Generator().manual_seed(2))).diagonal(dim1=-2, dim2=-1).sum(-1) ** 4
    error = float(values.std()) / 20_000**0.5
    assert abs(float(values.mean()) - space.dim) < 5 * error


# One answer, whatever the route


def agree(V, W, vectors):
    """Whether two orthonormal bases span one space."""
    basis = hom(V, W).basis().reshape(hom(V, W).dim, V.dim * W.dim)
    assert basis.shape[0] == vectors.shape[1]
    return np.abs(basis.T @ basis - vectors @ vectors.T).max(initial=0.0)


@pytest.mark.parametrize("name", ["D4", "C5", "Q8", "A5", "S4", "SO(2)", "O(2)", "SO(3)", "SU(2)", "SO(1,3)", "SU(3)"])
def test_routes_find_the_same_space(name):
    V = eq.defining(eq.group(name))
    W = V @ V if V.dim < 5 else V
    legs = [*legs_of(W, dual=False), *legs_of(V, dual=True)]
    assert agree(V, W, solved_invariants(legs)) < 1e-10
    schur = _schur(V, W, legs)
    assert agree(V, W, schur.basis().reshape(schur.dim, V.dim * W.dim).T) < 1e-10
    legs = [*legs_of(V, dual=False), *legs_of(V, dual=True)]
    schur = _schur(V, V, legs)
    assert agree(V, V, schur.basis().reshape(schur.dim, -1).T) < 1e-10


def conjugated(V, seed):
    """V in coordinates of condition number about 30, in which it is not orthogonal."""
    rng = np.random.default_rng(seed)
    T = rng.normal(size=(V.dim, V.dim)) + 2 * np.eye(V.dim)
    back = np.linalg.inv(T)
    left, right = torch.tensor(T), torch.tensor(back)
    if not V.group.lie_dim:
        return eq.representation(V.group, T @ V.images.discrete @ back)
    return eq.representation(V.group, lie=T @ V.images.lie @ back, function=lambda g: left @ V(g) @ right)


@pytest.mark.parametrize("name", ["D5", "Q8", "A5", "SO(3)", "SO(1,3)", "SU(2)"])
def test_coordinates_in_which_nothing_is_orthogonal(name):
    V = eq.defining(eq.group(name))
    W = conjugated(V @ V if V.dim < 4 else V, 3)
    space = hom(W, W)
    assert space.dim == hom(V @ V, V @ V).dim if V.dim < 4 else space.dim == hom(V, V).dim
    check_hom(space)


# Groups whose representations do not split


def test_invariants_and_coinvariants_of_the_euclidean_group_differ():
    V, one = eq.defining(SE2()), eq.trivial(SE2())
    into, onto = hom(one, V), hom(V, one)
    assert (into.dim, onto.dim) == (0, 1)  # no vector is fixed, but the last coordinate is
    assert onto.basis()[0].round(12).tolist() == [[0.0, 0.0, 1.0]]
    assert (onto.route, onto.certificate) == ("null space", "gap")
    assert hom(one, V.dual).dim == 1
    assert hom(V.dual, one).dim == 0
    assert "Hom" not in into.reason and into.reason
    for source, target in ((V, V), (V, V.dual), (V @ V, V), (2 * V + one, one + V)):
        check_hom(hom(source, target))


def test_the_heisenberg_group():
    V, one = eq.defining(Heisenberg()), eq.trivial(Heisenberg())
    assert hom(one, V).basis()[0].round(12).T.tolist() == [[1.0, 0.0, 0.0]]
    assert hom(V, one).basis()[0].round(12).tolist() == [[0.0, 0.0, 1.0]]
    assert hom(V, V).dim == 2  # the identity, and the corner
    for W in (V, V @ V, V.dual, 2 * one + V):
        check_hom(hom(V, W))
        check_hom(hom(W, V))


def test_an_abelian_group_that_does_not_split_is_not_taken_for_a_torus():
    V = eq.defining(Shear())
    space = hom(V, V)
    assert (space.dim, space.route) == (2, "null space")
    check_hom(space)
    check_hom(hom(V @ V, V))


# Laws on drawn pairs


@settings(max_examples=40)
@given(st.data())
def test_drawn_pairs(data):
    group = data.draw(strategies.groups())
    V = data.draw(strategies.representations(group, max_dim=12))
    W = data.draw(strategies.representations(group, max_dim=12))
    check_hom(hom(V, W))


@pytest.mark.parametrize(
    ("V", "W"),
    [
        (0 * eq.regular(F21), eq.regular(F21)),
        (eq.defining(F21), 0 * eq.defining(F21)),
        (2 * eq.defining(F21), 3 * eq.defining(F21) + eq.trivial(F21)),
        (eq.defining(F21) @ eq.defining(F21), eq.defining(F21).alt(2)),
        (eq.defining(eq.group("SO(1,3)")).sym(2), eq.adjoint(eq.group("SO(1,3)")) + eq.trivial(eq.group("SO(1,3)"))),
        (2 * eq.defining(eq.group("SU(2)")), eq.defining(eq.group("SU(2)")) @ eq.adjoint(eq.group("SU(2)"))),
        (eq.defining(eq.group("S4 x SO(2)")), 2 * eq.defining(eq.group("S4 x SO(2)"))),
        ((eq.defining(F21) + eq.trivial(F21)) @ (2 * eq.defining(F21)), eq.defining(F21)),
    ],
)
def test_chosen_pairs(V, W):
    check_hom(hom(V, W))


# Broken twins


class Damaged:
    """A space whose basis was tampered with; everything else as it was."""

    def __init__(self, space, basis):
        self.in_rep, self.out_rep, self.residual = space.in_rep, space.out_rep, space.residual
        self.certificate, self.route, self._basis = space.certificate, space.route, basis
        self.dim = len(basis)

    def basis(self):
        return self._basis

    def matrix(self, weights):
        return torch.einsum("k,kij->ij", weights, torch.tensor(self._basis))

    def coordinates(self, M):
        return torch.einsum("kij,ij->k", torch.tensor(self._basis), M)

    def project(self, M):
        return self.matrix(self.coordinates(M))


@pytest.mark.parametrize("name", ["D5", "SO(3)", "SO(1,3)", "Q8"])
def test_a_missing_map_and_a_perturbed_entry_are_noticed(name):
    V = eq.defining(eq.group(name))
    space = hom(V @ V, V @ V)
    basis = space.basis()
    check_hom(Damaged(space, basis))
    with pytest.raises(CheckFailed):
        check_hom(Damaged(space, basis[1:]))
    spoiled = basis.copy()
    spoiled[0, 0, 1] += 1e-5
    with pytest.raises(CheckFailed):
        check_hom(Damaged(space, spoiled))


def test_transposing_instead_of_dualising_is_noticed():
    V, one = eq.defining(SE2()), eq.trivial(SE2())
    onto = hom(V, one)
    transposed = Damaged(hom(one, V), onto.basis().transpose(0, 2, 1))
    with pytest.raises(CheckFailed):
        check_hom(transposed)


def test_maps_that_do_not_commute_are_refused(monkeypatch):
    from equilayers.intertwiners import solver as module

    monkeypatch.setattr(module, "canonical_basis", lambda basis: basis + 1e-3)
    V = eq.representation(eq.group("D5"), eq.defining(eq.group("D5")).images.discrete, name="twin")
    module.solve.cache_clear()
    with pytest.raises(NotCertified, match="do not commute"):
        solve(V, V)
    module.solve.cache_clear()


def test_two_groups_are_refused():
    with pytest.raises(GroupMismatch, match="one group"):
        hom(eq.defining(eq.group("C4")), eq.defining(eq.group("D4")))
