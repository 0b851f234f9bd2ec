"""HomSpace: factorised, refusing before memory is spent, informative, and the same everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation, TooLarge
from equilayers.intertwiners import hom, solver
from equilayers.intertwiners.orbits import canonical_order
from equilayers.numerics import canonical_basis

NAMES = ("D5", "Q8", "SO(3)", "SO(1,3)", "SU(3)")
PROGRAM = """
import json, sys, torch, equilayers as eq
torch.manual_seed(5); torch.set_num_threads(2)
V = [eq.defining(eq.group(name)) for name in sys.argv[1:]]
print(json.dumps([eq.hom(v @ v, v @ v).basis().ravel().tolist() for v in V]))
"""


def test_a_space_of_73728_maps_is_not_multiplied_out():
    V = 96 * eq.regular(eq.group("D4"))
    tracemalloc.start()
    space = hom(V, V)
    assert space.dim == 73_728
    with pytest.raises(TooLarge, match=r"347\.9 GB"):
        space.basis()
    weights = torch.randn(space.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    matrix = space.matrix(weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    assert float((space.coordinates(matrix) - weights).abs().max()) < 1e-12
    g = V.group.discrete_generators
    assert float((V(g) @ matrix - matrix @ V(g)).abs().max()) < 1e-12
    assert [(term.core.dim, term.out_multiplicity, term.in_multiplicity) for term in space.terms] == [(8, 96, 96)]


def test_terms_lie_where_they_say():
    group = eq.group("D4")
    V = 2 * eq.regular(group) + eq.defining(group)
    W = 3 * eq.defining(group) + eq.trivial(group)
    space = hom(V, W)
    assert sum(term.dim for term in space.terms) == space.dim
    weights, start = torch.eye(space.dim, dtype=torch.float64), 0
    for term in space.terms:
        maps = space.matrix(weights[start : start + term.dim]).clone()
        maps[:, term.rows, term.columns] = 0
        assert not maps.any()
        start += term.dim


def test_copies_are_a_kronecker_product():
    """hom(m V, n W) = hom(V, W) (x) matrices, weights in the order (core, copy out, copy in)."""
    V = eq.defining(eq.group("D5"))
    small = hom(V @ V, V @ V)
    large = hom(3 * (V @ V), 2 * (V @ V))
    weights = torch.randn(small.dim, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = sum(np.kron(b, weights[k].numpy()) for k, b in enumerate(small.basis()))
    assert np.abs(large.matrix(weights.flatten()).numpy() - expected).max() < 1e-14


@pytest.mark.parametrize("name", ["D5", "Q8", "C5", "A5", "SO(3)", "SU(2)", "O(2)"])
def test_blocks_hold_all_maps(name):
    V = eq.defining(eq.group(name))
    source, target = 2 * V + eq.trivial(V.group), (V @ V if V.dim < 5 else V) + V
    space = hom(source, target)
    assert sum(block.dim for block in space.blocks) == space.dim
    rng = np.random.default_rng(0)
    total = np.zeros((target.dim, source.dim))
    for block in space.blocks:
        for unit in block.irrep.endomorphisms:
            between = rng.normal(size=(block.out_multiplicity, block.in_multiplicity))
            total += block.out_of @ np.kron(unit, between) @ block.into
    assert np.abs(space.project(total).numpy() - total).max() < 1e-12


def test_batches_dtypes_gradients_and_devices():
    V = eq.defining(eq.group("SO(3)"))
    space = hom(V @ V + V, 2 * V)
    weights = torch.randn(4, 5, space.dim, dtype=torch.float64, requires_grad=True)
    maps = space.matrix(weights)
    assert maps.shape == (4, 5, 6, 12)
    assert torch.allclose(maps[2, 3], space.matrix(weights[2, 3]))
    assert torch.allclose(space.coordinates(maps), weights)
    assert torch.autograd.gradcheck(lambda w: space.matrix(w), (weights[0, 0],))
    assert space.matrix(weights.float()).dtype == torch.float32
    assert space.matrix(torch.zeros(0, space.dim)).shape == (0, 6, 12)
    with torch.device("meta"):
        solver.solve.cache_clear()
        assert np.isfinite(hom(V @ V + V, 2 * V).basis()).all()


def test_a_wrong_number_of_weights_or_rows_is_refused():
    V = eq.defining(eq.group("D4"))
    space = hom(V, V)
    with pytest.raises(BadInput, match="one weight for each map"):
        space.matrix(torch.zeros(3))
    with pytest.raises(BadInput, match=r"W\.dim rows"):
        space.coordinates(torch.zeros(3, 2))


def test_it_says_what_it_is_and_why_it_is_empty():
    group = eq.group("D4")
    full, empty = hom(eq.regular(group), 2 * eq.defining(group)), hom(eq.trivial(group), eq.defining(group))
    assert "dim 4" in repr(full)
    assert "orbits" in repr(full)
    assert "2 maps, 2 x 1 copies" in str(full)
    assert empty.reason == "No irrep in common: V holds A1; W holds E1."
    assert empty.reason in str(empty)
    assert empty.basis().shape == (0, 2, 1)
    assert "no maps" in hom(0 * eq.defining(group), eq.defining(group)).reason


def test_blocks_need_irreps():
    from equilayers.groups import Generators, MatrixGroup

    class Shift(MatrixGroup):
        def generators(self):
            turn, along, up = np.zeros((3, 3, 3))
            turn[1, 0], turn[0, 1], along[0, 2], up[1, 2] = 1.0, -1.0, 1.0, 1.0
            return Generators(lie=[turn, along, up])

    V = eq.defining(Shift())
    with pytest.raises(BadRepresentation, match="do not split"):
        _ = hom(V, V).blocks


def test_too_many_index_tuples_are_refused_with_their_number():
    V = eq.defining(eq.group("S8"))
    W = V @ V @ V @ V @ V
    with pytest.raises(TooLarge, match="1073741824"):
        hom(W, W)


# Canonical


@pytest.mark.parametrize("name", ["D4", "D5", "Q8", "S4", "C8", "SO(3)", "SO(1,3)", "SU(2)"])
def test_the_basis_is_a_function_of_the_space_alone(name):
    """Found again from a basis turned at random; the twin with the largest entry positive is not."""
    V = eq.defining(eq.group(name))
    W = V @ V if V.dim < 5 else V
    space = hom(W, W)
    basis = space.basis().reshape(space.dim, -1).T
    for seed in range(3):
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(space.dim, space.dim)))[0]
        assert np.abs(canonical_basis(basis @ turn) - basis).max() < 1e-12


def test_signs_by_the_largest_entry_depend_on_the_way_there():
    """The broken twin: with exact ties, rounding decides which entry is the largest."""
    V = eq.defining(eq.group("D4"))
    basis = hom(V @ V, V @ V).basis().reshape(4, -1).T

    def signed(columns):
        largest = np.abs(columns).argmax(0)
        return columns * np.sign(columns[largest, np.arange(columns.shape[1])])

    ties = [np.flatnonzero(np.abs(np.abs(c) - np.abs(c).max()) < 1e-12) for c in basis.T]
    noise = np.random.default_rng(0).normal(size=(20, *basis.shape)) * 1e-15
    by_rule = [canonical_basis(np.linalg.qr(basis + n)[0]) for n in noise]
    assert max(np.abs(b - basis).max() for b in by_rule) < 1e-12
    assert max(len(t) for t in ties) > 1
    mixed = basis @ np.array([[1.0, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1], [0, 0, 1, -1]]) / np.sqrt(2)
    assert max(np.abs(signed(mixed + n) - signed(mixed)).max() for n in noise) > 0.1


def test_orbits_come_in_the_order_of_the_general_rule():
    rng = np.random.default_rng(3)
    for _ in range(50):
        labels = rng.integers(0, 6, size=20)
        _, first, labels = np.unique(labels, return_index=True, return_inverse=True)
        labels = np.argsort(np.argsort(first))[labels]  # numbered by first points
        sizes = np.bincount(labels)
        vectors = np.eye(len(sizes))[labels] / np.sqrt(sizes)
        assert np.allclose(canonical_basis(vectors), vectors[:, canonical_order(sizes)])


def test_neither_seed_nor_threads_nor_what_was_solved_before_matters():
    answers = []
    for name in NAMES:
        V = eq.defining(eq.group(name))
        hom(V, V @ V), hom(V @ V @ V, V)
        answers.append(hom(V @ V, V @ V).basis().ravel())
    environment = {"PYTHONHASHSEED": "77", "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", PROGRAM, *NAMES]
    elsewhere = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    for first, second in zip(answers, elsewhere, strict=True):
        assert np.abs(first - np.array(second)).max() < 1e-10


def test_solutions_are_kept_by_value():
    solver.solve.cache_clear()
    group = eq.group("D5")
    V = eq.defining(group)
    again = eq.representation(group, V.images.discrete, name="defining")
    first, second = hom(V, V), hom(again, again)
    assert hom(V, V).terms[0].core is first.terms[0].core
    assert first.terms[0].core is not second.terms[0].core  # one name, two values
