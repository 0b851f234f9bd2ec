"""Groups that nobody shipped, in ten lines outside the package, pass every check and get irreps and intertwiners."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import CheckFailed
from equilayers.groups import FiniteGroup, FiniteMatrixGroup, Generators, MatrixGroup, PermutationGroup
from equilayers.testing import check_group, check_hom, check_irreps, check_representation


def E(i: int, j: int, n: int = 3) -> np.ndarray:
    return np.eye(n)[:, [i]] @ np.eye(n)[[j]]


class Heisenberg(MatrixGroup):
    """Upper unitriangular matrices: nilpotent, neither compact nor reductive."""

    def generators(self):
        return Generators(lie=[E(0, 1), E(1, 2), E(0, 2)])


class Euclidean(MatrixGroup):
    """Motions of the plane in homogeneous coordinates, reflections among them."""

    def generators(self):
        return Generators(lie=[E(1, 0) - E(0, 1), E(0, 2), E(1, 2)], discrete=[np.diag([1.0, -1.0, 1.0])])


class SpecialLinear(MatrixGroup):
    """SL(2, R) on the plane."""

    def generators(self):
        return Generators(lie=[E(0, 0, 2) - E(1, 1, 2), E(0, 1, 2), E(1, 0, 2)])


class Torus(MatrixGroup):
    """Two angles, with the exchange of the two planes: compact, not connected."""

    def generators(self):
        lie = [E(1, 0, 4) - E(0, 1, 4), E(3, 2, 4) - E(2, 3, 4)]
        return Generators(lie=lie, discrete=[np.eye(4)[[2, 3, 0, 1]]])


class SkewRotations(MatrixGroup):
    """SO(3) in coordinates in which it is not orthogonal."""

    frame = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.25], [0.0, 0.0, 2.0]])

    def generators(self):
        turns = [E(j, i) - E(i, j) for i, j in ((0, 1), (1, 2), (0, 2))]
        return Generators(lie=[self.frame @ a @ np.linalg.inv(self.frame) for a in turns])


class Hexagonal(FiniteMatrixGroup):
    """The crystallographic point group 6/mmm in lattice coordinates: integers, not orthogonal."""

    def generators(self):
        turn, mirror = np.array([[1, -1, 0], [1, 0, 0], [0, 0, 1]]), np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
        return Generators(discrete=[turn, mirror, -np.eye(3)])


class Frobenius21(PermutationGroup):
    """x -> a x + b modulo 7 with a a square."""

    def generators(self):
        return Generators(discrete=[(np.arange(7) + 1) % 7, 2 * np.arange(7) % 7])


class Mathieu11(PermutationGroup):
    def generators(self):
        a = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0]
        b = [0, 1, 6, 9, 5, 3, 10, 2, 8, 4, 7]
        return Generators(discrete=[a, b])


class PSL27(PermutationGroup):
    """The symmetries of the Fano plane."""

    def generators(self):
        return Generators(discrete=[(np.arange(7) + 1) % 7, [0, 2, 1, 6, 4, 5, 3]])


def table_of_quaternions() -> FiniteGroup:
    G = eq.group("Q8")
    e = G.elements()
    return FiniteGroup.from_table(G.index(G.compose(e[:, None], e[None])), name="table of Q8")


FINITE = {Hexagonal: 24, Frobenius21: 21, Mathieu11: 7920, PSL27: 168}
LIE = {  # lie_dim, compact, connected, semisimple
    Heisenberg: (3, False, True, False),
    Euclidean: (3, False, False, False),
    SpecialLinear: (3, False, True, True),
    Torus: (2, True, False, False),
    SkewRotations: (3, True, True, True),
}


@pytest.mark.parametrize("make", FINITE, ids=lambda make: make.__name__)
def test_finite_groups(make):
    G = make()
    assert G.order == FINITE[make] and check_group(G).ran >= 27


@pytest.mark.parametrize("make", LIE, ids=lambda make: make.__name__)
def test_lie_groups(make):
    G = make()
    assert (G.lie_dim, G.is_compact, G.is_connected, G.is_semisimple) == LIE[make]
    assert check_group(G).ran >= 28
    assert check_group(eq.groups.direct_product(G, eq.group("C3"))).ran > 80


def test_a_table_and_a_group_of_matrices():
    assert check_group(table_of_quaternions()).ran >= 30
    assert check_group(FiniteGroup.from_matrices(eq.group("T").discrete_generators, name="mine")).ran >= 30


@pytest.mark.parametrize("make", [Hexagonal, Frobenius21, PSL27], ids=lambda make: make.__name__)
def test_irreps_and_intertwiners_of_finite_groups(make):
    G = make()
    assert check_irreps(G).ran >= 14
    V = eq.defining(G)
    assert check_representation(V).ran > 24
    assert check_hom(eq.hom(2 * V, V @ V)).ran >= 11


@pytest.mark.parametrize("make", LIE, ids=lambda make: make.__name__)
def test_intertwiners_of_lie_groups(make):
    V = eq.defining(make())
    assert check_representation(V + V @ V.dual).ran > 24
    assert check_hom(eq.hom(V + V, V @ V.dual)).ran >= 10


@pytest.mark.parametrize("make", [SkewRotations, SpecialLinear, Torus], ids=lambda make: make.__name__)
def test_an_equivariant_layer_for_a_group_of_ones_own(make):
    V = eq.defining(make())
    layer = eq.layers.Linear(4 * V, V @ V.dual + 2 * V)
    eq.testing.assert_equivariant(layer.double(), layer.in_action, layer.out_action)


def test_a_subgroup_by_generators_is_checked_like_any_other(generator):
    M11 = Mathieu11()
    stabiliser = M11.subgroup(torch.tensor([[0, 1, 6, 9, 5, 3, 10, 2, 8, 4, 7]]))
    assert stabiliser.order == 4 and check_group(stabiliser).ran >= 27
    assert bool(stabiliser.inclusion.target.contains(stabiliser.inclusion(stabiliser.sample(5, generator))))


def test_a_wrong_description_does_not_pass():
    class Half(Heisenberg):
        def generators(self):
            return Generators(lie=[E(0, 1), E(1, 2)])

    with pytest.raises(CheckFailed, match="bracket closes"):
        check_group(Half())
