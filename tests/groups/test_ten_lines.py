"""Thirteen groups that the package does not hold, each in ten lines at most: checks, irreps, a network that trains."""

from __future__ import annotations

import copy
import inspect
import itertools

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.groups import FiniteMatrixGroup, Generators, MatrixGroup, PermutationGroup
from equilayers.testing import check_group, check_hom, check_irreps


def E(i: int, j: int, n: int = 3) -> np.ndarray:
    return np.eye(n)[:, [i]] @ np.eye(n)[[j]]


class AffinePlane(PermutationGroup):
    """x -> A x + b on the nine points of the plane over the field of three elements."""

    def generators(self):
        points = [(x, y) for x in range(3) for y in range(3)]
        maps = [lambda x, y: (x + 1, y), lambda x, y: (y, x), lambda x, y: (x + y, y), lambda x, y: (2 * x, y)]
        return Generators(discrete=[[points.index((a % 3, b % 3)) for a, b in (m(*p) for p in points)] for m in maps])


class SL2mod4(PermutationGroup):
    """Matrices of determinant 1 over the integers modulo 4, on the 16 vectors."""

    def generators(self):
        x, y = np.divmod(np.arange(16), 4)
        return Generators(discrete=[4 * ((x + y) % 4) + y, 4 * (-y % 4) + x])


class Petersen(PermutationGroup):
    """Automorphisms of the Petersen graph, whose vertices are the pairs of five things."""

    def generators(self):
        pairs = list(itertools.combinations(range(5), 2))
        moves = ([1, 2, 3, 4, 0], [1, 0, 2, 3, 4])
        return Generators(discrete=[[pairs.index(tuple(sorted((p[i], p[j])))) for i, j in pairs] for p in moves])


class PocketCube(PermutationGroup):
    """Quarter turns of the 2 x 2 x 2 cube on its 24 stickers: corners, twice as far out where the sticker faces."""

    def generators(self):
        def turn(v, axis):
            front, a, b = np.roll(v, -axis)
            return tuple(np.roll((front, -b, a), axis)) if front > 0 else v

        stickers = [v for v in itertools.product((-2, -1, 1, 2), repeat=3) if sum(map(abs, v)) == 4]
        return Generators(discrete=[[stickers.index(turn(v, axis)) for v in stickers] for axis in range(3)])


class Frieze(PermutationGroup):
    """Footsteps around a track of n: the glide reflection and the half turn, on two rows of n places."""

    def __init__(self, n):
        i, row = np.tile(np.arange(n), 2), np.repeat([0, 1], n)
        super().__init__(np.array([(i + 1) % n + n * (1 - row), -i % n + n * row]), f"frieze of {n}")


class Coxeter(FiniteMatrixGroup):
    """A finite reflection group from the orders of products of neighbouring mirrors, in coordinates of its roots."""

    def __init__(self, *orders):
        n = len(orders) + 1
        gram = np.eye(n) - sum(np.cos(np.pi / m) * (E(i, i + 1, n) + E(i + 1, i, n)) for i, m in enumerate(orders))
        super().__init__(np.array([np.eye(n) - 2 * E(i, i, n) @ gram for i in range(n)]), f"Coxeter {orders}")


class ShephardTodd8(FiniteMatrixGroup):
    """Two complex reflections of order 4 that braid, as real matrices of twice the size."""

    def generators(self):
        roots = np.array([[1, 0], np.sqrt([0.5, 0.5])])
        reflections = [np.eye(2) + (1j - 1) * np.outer(v, v) for v in roots]
        return Generators(discrete=[np.block([[c.real, -c.imag], [c.imag, c.real]]) for c in reflections])


class TwoFrequencies(MatrixGroup):
    """An angle t that turns one plane by t and another by 2 t."""

    def generators(self):
        return Generators(lie=[E(1, 0, 4) - E(0, 1, 4) + 2 * (E(3, 2, 4) - E(2, 3, 4))])


class Maxwell(MatrixGroup):
    """Rotations of the electric and the magnetic field, and the duality that turns one into the other."""

    def generators(self):
        turns = [np.kron(np.eye(2), E(j, i) - E(i, j)) for i, j in ((0, 1), (1, 2), (0, 2))]
        return Generators(lie=[*turns, np.kron(E(1, 0, 2) - E(0, 1, 2), np.eye(3))])


class G2(MatrixGroup):
    """Automorphisms of the octonions with e_k e_(k+1) = e_(k+3): seven imaginary units, fourteen derivations."""

    def generators(self):
        def turn(i, j):
            return E(i % 7, j % 7, 7) - E(j % 7, i % 7, 7)

        planes = [(turn(k + 1, k + 3), turn(k + 2, k + 6), turn(k + 4, k + 5)) for k in range(7)]
        return Generators(lie=[m for a, b, c in planes for m in (a - b, b - c)])


class Similarities(MatrixGroup):
    """Rotations, translations and scalings of the plane, in homogeneous coordinates."""

    def generators(self):
        return Generators(lie=[E(1, 0) - E(0, 1), E(0, 2), E(1, 2), E(0, 0) + E(1, 1)])


class Carroll(MatrixGroup):
    """Space-time where light stands still: rotations, boosts t -> t + b.x and translations of (t, x, y, 1)."""

    def generators(self):
        boosts = [E(0, 1, 4), E(0, 2, 4)]
        return Generators(lie=[E(2, 1, 4) - E(1, 2, 4), *boosts, *(E(i, 3, 4) for i in range(3))])


class Borel(MatrixGroup):
    """Upper triangular matrices of the plane that are invertible."""

    def generators(self):
        flips = [np.diag([-1.0, 1.0]), np.diag([1.0, -1.0])]
        return Generators(lie=[E(0, 0, 2), E(1, 1, 2), E(0, 1, 2)], discrete=flips)


# What is known of the finite ones: the order and the number of conjugacy classes (None: too many elements to list).
FINITE = {
    "affine plane": (AffinePlane, 432, 11),
    "SL(2, Z/4)": (SL2mod4, 48, 10),
    "Petersen": (Petersen, 120, 7),
    "pocket cube": (PocketCube, 3_674_160, None),
    "frieze": (lambda: Frieze(6), 12, 6),
    "H3": (lambda: Coxeter(3, 5), 120, 10),
    "F4": (lambda: Coxeter(3, 4, 3), 1152, 25),
    "Shephard-Todd 8": (ShephardTodd8, 96, 16),
}
# Of the others: dimension, compact, and the dimensions of the irreps in two tensor powers where these split.
LIE = {
    "two frequencies": (TwoFrequencies, 1, True, [1, 2, 2, 2, 2]),
    "Maxwell": (Maxwell, 4, True, [1, 2, 3, 5, 6, 6, 10]),
    "G2": (G2, 14, True, [1, 7, 14, 27]),
    "similarities": (Similarities, 4, False, None),
    "Carroll": (Carroll, 6, False, None),
    "Borel": (Borel, 3, False, None),
}
ALL = {name: row[0] for name, row in (FINITE | LIE).items()}
LONG = ("F4", "G2", "Maxwell", "affine plane", "pocket cube")


def checked(table):
    return [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in table]


@pytest.mark.parametrize("name", ALL)
def test_each_is_at_most_ten_lines(name):
    G = ALL[name]()
    assert len(inspect.getsource(type(G)).splitlines()) <= 10
    assert G.family == "custom" and type(G).__module__ == __name__


@pytest.mark.parametrize("name", checked(FINITE))
def test_a_finite_one_passes_every_check(name):
    make, order, classes = FINITE[name]
    G = make()
    assert G.order == order and check_group(G).ran >= 30
    if classes:
        assert check_irreps(G).ran >= 15
        over_the_complex_numbers = sum(2 if irrep.type == "complex" else 1 for irrep in eq.irreps(G))
        assert over_the_complex_numbers == classes


@pytest.mark.parametrize("name", checked(LIE))
def test_a_lie_group_passes_every_check(name):
    make, lie_dim, compact, dims = LIE[name]
    G = make()
    assert (G.lie_dim, G.is_compact) == (lie_dim, compact) and check_group(G).ran >= 31
    if dims:
        found = eq.irreps(G, level=2)
        assert [irrep.dim for irrep in found] == dims
        assert check_irreps(G, found).ran >= 10
    V = eq.defining(G)
    assert check_hom(eq.hom(2 * V, V)).ran >= 10


@pytest.mark.parametrize("name", checked(ALL))
def test_a_small_network_trains_and_stays_equivariant(name):
    V = eq.defining(ALL[name]())
    torch.manual_seed(0)
    net = eq.models.EquivariantMLP(2 * V, V, width=24, depth=1).double()
    teacher = copy.deepcopy(net)
    teacher.reset_parameters()
    optimizer = torch.optim.Adam(net.parameters(), 3e-2)
    x = torch.randn(64, 2 * V.dim, dtype=torch.float64)
    target = teacher(x).detach()
    losses = []
    for _ in range(40):
        loss = (net(x) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert eq.equivariance_error(net, 2 * V, V, n=16, samples=8).error < 1e-12


def test_there_are_more_than_ten():
    assert len({type(make()) for make in ALL.values()}) == 13
