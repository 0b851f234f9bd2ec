"""Spaces too large for the equations to be written down, against the dense route and against counts."""

from __future__ import annotations

from math import factorial, prod

import numpy as np
import pytest

import equilayers as eq
from equilayers.errors import TooLarge
from equilayers.groups import Generators, MatrixGroup
from equilayers.intertwiners import hom
from equilayers.intertwiners.iterated import generating_part, iterated_invariants
from equilayers.intertwiners.legs import legs_of, residual
from equilayers.intertwiners.nullspace import solved_invariants


class Euclidean(MatrixGroup):
    """SE(n) as homogeneous matrices."""

    def __init__(self, n):
        self.n = n

    @property
    def name(self):
        return f"SE({self.n})"

    def generators(self):
        n, lie = self.n, []
        for i in range(n):
            for j in range(i + 1, n + 1):
                matrix = np.zeros((n + 1, n + 1))
                matrix[i, j] = 1.0
                if j < n:
                    matrix[j, i] = -1.0
                lie.append(matrix)
        return Generators(lie=lie)


def power(V, k):
    return eq.trivial(V.group) if k == 0 else V if k == 1 else V @ power(V, k - 1)


def standard_tableaux(shape):
    """The hook length formula."""
    columns = [sum(row > j for row in shape) for j in range(shape[0])]
    hooks = [row - j + columns[j] - i - 1 for i, row in enumerate(shape) for j in range(row)]
    return factorial(sum(shape)) // prod(hooks)


def partitions(k, rows, largest=None):
    if rows == 0:
        return [()] if k == 0 else []
    top = min(k, k if largest is None else largest)
    return [(first, *rest) for first in range(top, -1, -1) for rest in partitions(k - first, rows - 1, first)]


def euclidean_invariants(n, k):
    """Translations leave the irrep of GL(n) by the first n rows; SO(n) fixes a vector if these are of one parity."""
    shapes = [s for s in partitions(k, n + 1) if len({row % 2 for row in s[:n]}) == 1]
    return sum(standard_tableaux(tuple(row for row in s if row)) for s in shapes)


@pytest.mark.parametrize(("n", "k"), [(2, 3), (2, 4), (2, 5), (3, 4), (3, 5)])
def test_the_iteration_finds_what_the_dense_equations_find(n, k):
    legs = legs_of(power(eq.defining(Euclidean(n)), k), dual=False)
    found, dense = iterated_invariants(legs), solved_invariants(legs)
    assert found.shape == dense.shape == (dense.shape[0], euclidean_invariants(n, k))
    assert np.abs(found @ found.T - dense @ dense.T).max() < 1e-10
    assert residual(legs, found) < 1e-13


def test_a_perturbed_generator_changes_the_count():
    V = eq.defining(Euclidean(2))
    legs = legs_of(power(V, 4), dual=False)
    for leg in legs:
        leg.__dict__["lie"] = leg.lie + 1e-3 * np.eye(3)
    assert iterated_invariants(legs).shape[1] != euclidean_invariants(2, 4)


def test_a_group_that_is_not_reductive_in_fifteen_thousand_dimensions():
    V = eq.defining(Euclidean(4))
    space = hom(eq.trivial(V.group), power(V, 6))
    assert space.dim == euclidean_invariants(4, 6)
    assert (space.route, space.certificate) == ("null space", "gap")
    assert space.residual < 1e-13


def test_a_finite_group_is_counted_by_its_characters_beforehand():
    V = eq.irrep(eq.group("I"), "H")  # its character is 5, 1, -1, 0, 0 on 1, 15, 20, 12, 12 elements
    space = hom(eq.trivial(V.group), power(V, 5))
    assert (space.dim, space.certificate) == ((5**5 + 15 - 20) // 60, "counted")
    assert space.residual < 1e-13


@pytest.mark.slow
def test_a_hundred_thousand_dimensions():
    V = eq.defining(Euclidean(6))
    space = hom(eq.trivial(V.group), power(V, 6))
    assert space.dim == euclidean_invariants(6, 6) == 16
    assert space.residual < 1e-13


@pytest.mark.slow
def test_more_vectors_of_weight_zero_than_their_gram_matrix_could_hold():
    V = eq.defining(eq.group("SO(3)"))
    space = hom(eq.trivial(V.group), power(V, 10))
    assert (space.dim, space.certificate) == (603, "counted")  # a Motzkin sum
    assert space.residual < 1e-13


@pytest.mark.slow
def test_what_does_not_fit_is_refused_before_it_is_tried():
    V = eq.defining(Euclidean(6))
    with pytest.raises(TooLarge, match="GB for each vector"):
        hom(power(V, 4), power(V, 4))
    V = eq.defining(eq.group("SO+(1,3)"))
    with pytest.raises(TooLarge, match=r"memory +\d+\.\d GB"):
        hom(power(V, 6), power(V, 6))


@pytest.mark.parametrize("name", ["SO(3)", "SO(5)", "SU(3)", "SO(1,3)"])
def test_a_generating_part_generates_and_cannot_be_shortened(name):
    group = eq.group(name)

    def dimension(indices):
        matrices = [group.lie_basis[i] for i in indices]
        while True:
            grown = matrices + [a @ b - b @ a for a in matrices for b in matrices]
            basis = np.linalg.svd(np.array(grown).reshape(len(grown), -1), full_matrices=False)
            rank = int((basis[1] > 1e-9).sum())
            if rank == len(matrices):
                return rank
            matrices = list(basis[2][:rank].reshape(rank, *group.lie_basis.shape[1:]))

    part = generating_part(group)
    assert dimension(part) == group.lie_dim
    assert all(dimension([i for i in part if i != left]) < group.lie_dim for left in part)
