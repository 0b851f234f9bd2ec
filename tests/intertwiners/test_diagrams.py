"""Bases by diagrams: as many as known, each commutes, all together span what the solver finds, exact contractions."""

from __future__ import annotations

import math
import time
from itertools import permutations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, BadInput, NotCertified, TooLarge
from equilayers.intertwiners import diagrams, pairing_route, permutation_diagrams
from equilayers.intertwiners.brauer import pairing_count, pairings
from equilayers.intertwiners.legs import legs_of
from equilayers.intertwiners.nullspace import discrete_invariants
from equilayers.intertwiners.orbits import orbit_invariants
from equilayers.intertwiners.pairing_route import pairing_core
from equilayers.intertwiners.pattern_route import diagram_core, symmetric_core
from equilayers.intertwiners.weights import lie_invariants
from equilayers.numerics import canonical_basis

NAMES = ["S2", "S3", "S5", "O(2)", "O(3)", "SO(5)", "O(1,3)", "SO(1,4)", "U(2)", "SU(3)", "Sp(2)", "Sp(4)"]
ORDERS = [(1, 1), (2, 0), (0, 2), (2, 1), (2, 2), (1, 3)]
BELL = [1, 1, 2, 5, 15, 52, 203, 877, 4140]


def tensor_power(V, k):
    W = eq.trivial(V.group)
    for _ in range(k):
        W = W @ V
    return W


def legs(V, k, l):
    return [*legs_of(tensor_power(V, l), dual=False), *legs_of(tensor_power(V, k), dual=True)]


def double_factorial(n):
    return math.prod(range(n, 0, -2))


def found(name, k, l):
    """The diagrams and the dimension of V; None where determinants stand beside them."""
    G = eq.group(name)
    try:
        return diagrams(G, k, l), eq.defining(G)
    except NotCertified:
        return None, eq.defining(G)


@pytest.mark.parametrize("orders", ORDERS)
@pytest.mark.parametrize("name", NAMES)
def test_diagrams_commute_and_span(name, orders):
    k, l = orders
    basis, V = found(name, k, l)
    if basis is None:
        assert name in ("U(2)", "SU(3)", "Sp(2)", "SO(5)") or k + l >= V.dim
        return
    into, out = tensor_power(V, k), tensor_power(V, l)
    g = V.group.sample(4, torch.Generator().manual_seed(0))
    a, b = into(g).double().numpy(), out(g).double().numpy()
    matrices = np.array([d.matrix(V.dim) for d in basis]).reshape(len(basis), out.dim, into.dim)
    scale = np.abs(a).max() * np.abs(b).max()
    for m in matrices:
        assert np.abs(b @ m - m @ a).max() < 1e-12 * scale * V.dim**2
    space = eq.hom(into, out)
    assert space.dim == len(basis)
    flat = matrices.reshape(len(basis), out.dim * into.dim)
    if len(basis):
        both = np.concatenate([flat, space.basis().reshape(space.dim, -1)])
        assert np.linalg.matrix_rank(flat, tol=1e-9) == np.linalg.matrix_rank(both, tol=1e-9) == len(basis)


@pytest.mark.parametrize("axes", range(8))
def test_counts_at_large_n(axes):
    k, l = axes // 2, axes - axes // 2
    even = axes % 2 == 0
    m = axes // 2
    assert len(diagrams(eq.group("S8"), k, l)) == BELL[axes]
    assert len(diagrams(eq.group("O(8)"), k, l)) == (double_factorial(axes - 1) if even else 0)
    if axes <= 6:
        assert len(diagrams(eq.group("Sp(8)"), k, l)) == (double_factorial(axes - 1) if even else 0)
        assert len(diagrams(eq.group("U(4)"), k, l)) == (math.factorial(axes) // math.factorial(m) if even else 0)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("axes", [0, 1, 2, 3, 4, 5, 6])
def test_partitions_at_small_n_are_orbits_of_index_tuples(n, axes):
    """Burnside's lemma, which shares nothing with the diagrams."""
    fixed = [sum(p[i] == i for i in range(n)) for p in permutations(range(n))]
    count = sum(f**axes for f in fixed) // len(fixed)
    assert len(diagrams(eq.group(f"S{n}"), axes // 2, axes - axes // 2)) == count


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_permutations_of_axes_over_the_complex_numbers(n, k):
    """The rank of all k! permutation operators; those chosen are independent, and as many."""
    basis = permutation_diagrams(n, k)
    everything = np.array([d.matrix(n).ravel() for d in permutation_diagrams(k, k)])
    chosen = np.array([d.matrix(n).ravel() for d in basis])
    assert len(everything) == math.factorial(k)
    assert np.linalg.matrix_rank(everything) == np.linalg.matrix_rank(chosen) == len(basis)


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("axes", [2, 4, 6])
def test_pairing_counts_are_ranks(n, axes):
    matrices = np.array([d.matrix(n).ravel() for d in pairings(axes // 2, axes // 2)])
    assert np.linalg.matrix_rank(matrices) == pairing_count("orthogonal", n, axes)


@pytest.mark.parametrize("orders", [(1, 1), (2, 2), (3, 1), (1, 3), (0, 2), (2, 0), (3, 3)])
@pytest.mark.parametrize("name", ["S4", "O(3)", "O(1,2)", "U(3)", "Sp(4)"])
def test_contractions_are_the_matrices(name, orders):
    k, l = orders
    basis, V = found(name, k, l)
    if basis is None or (name == "S4" and k == 0):
        return
    n = V.dim
    x = torch.randn(2, *[n] * k, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for d in basis[:40]:
        expected = torch.as_tensor(d.matrix(n)) @ x.reshape(2, -1, 1)
        assert torch.allclose(d.apply(x).reshape(2, -1, 1), expected, rtol=0, atol=1e-12)


def test_a_contraction_writes_no_matrix():
    """n = 30, T(3) to T(3): a matrix would take 5.8 GB."""
    x = torch.randn(30, 30, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    d = next(iter(pairings(3, 3)))
    with pytest.raises(TooLarge):
        d.matrix(30)
    assert d.apply(x).shape == (30, 30, 30)


@pytest.mark.parametrize("orders", [(2, 2), (2, 1), (3, 2), (3, 3), (0, 4), (1, 5)])
@pytest.mark.parametrize("n", [2, 3, 4, 6, 7])
def test_the_route_of_the_symmetric_group_is_that_of_orbits(n, orders):
    V = eq.defining(eq.group(f"S{n}"))
    core = symmetric_core(V.group, legs(V, *orders), 1, 1)
    assert (core is None) == (n ** sum(orders) < 200)
    if core is not None:
        labels, values, count = orbit_invariants(legs(V, *orders))
        assert np.array_equal(core.labels, labels) and np.array_equal(core.values, values) and core.count == count


@pytest.mark.parametrize(
    "name, k, l", [("O(3)", 3, 3), ("O(4)", 2, 2), ("SO(5)", 2, 2), ("O(2)", 4, 4), ("SO(3)", 3, 2)]
)
def test_the_route_of_the_orthogonal_group_is_that_of_weights(name, k, l):
    V = eq.defining(eq.group(name))
    core = diagram_core(V.group, legs(V, k, l), V.dim**l, V.dim**k)
    if name == "SO(3)":
        assert core is None  # determinants
        return
    vectors, _, _ = lie_invariants(V.group, legs(V, k, l))
    for leg in [] if name.startswith("SO") else [V.images.discrete]:
        full = np.eye(1)
        for _ in range(k + l):
            full = np.kron(full, leg[0])
        u, s, _ = np.linalg.svd(full @ vectors + vectors, full_matrices=False)
        vectors = u[:, s > 1e-9]
    assert np.abs(core.basis().reshape(core.dim, -1).T - canonical_basis(vectors)).max() < 1e-9


PAIRED = [
    ("Sp(4)", 2, 2),
    ("Sp(4)", 1, 5),
    ("Sp(2)", 4, 4),
    ("SO+(1,3)", 3, 3),
    ("SO(1,3)", 0, 6),
    ("O(1,3)", 3, 3),
    ("SO(3)", 4, 3),
    ("SO(4)", 2, 2),
    ("SO(1,2)", 2, 3),
    ("SO(2,2)", 1, 3),
    ("SU(2)", 2, 2),
    ("U(2)", 2, 2),
    ("SU(3)", 2, 2),
    ("SO(5)", 3, 2),
]


@pytest.mark.parametrize("name, k, l", PAIRED)
def test_pairings_and_determinants_are_the_maps_that_weights_find(name, k, l):
    V = eq.defining(eq.group(name))
    core = pairing_core(V.group, legs(V, k, l), V.dim**l, V.dim**k)
    vectors, certificate, _ = lie_invariants(V.group, legs(V, k, l))
    vectors = canonical_basis(discrete_invariants(legs(V, k, l), vectors)[0])
    assert (core.dim, core.certificate, certificate) == (vectors.shape[1], "exact", "counted")
    assert np.abs(core.vectors - vectors).max(initial=0.0) < 1e-12
    assert core.residual < 1e-14


@pytest.mark.parametrize("name, k, l", [("SU(3)", 3, 3), ("SU(2)", 2, 1), ("C4", 4, 4), ("S5", 2, 2), ("E(2)", 3, 3)])
def test_what_pairings_do_not_reach_is_left_to_other_routes(name, k, l):
    V = eq.defining(eq.group(name))
    assert pairing_core(V.group, legs(V, k, l), 1, 1) is None


def test_a_forgotten_determinant_is_noticed(monkeypatch):
    monkeypatch.setattr(pairing_route, "_with_determinants", lambda *_: [])
    V = eq.defining(eq.group("SO+(1,3)"))
    with pytest.raises(NotCertified, match="span"):
        pairing_core(V.group, legs(V, 0, 6), 1, 1)


def test_the_route_is_faster_than_orbits():
    V = eq.defining(eq.group("S8"))
    T = tensor_power(V, 3)
    eq.hom(T, T)

    def seconds(function, *args):
        best = math.inf
        for _ in range(3):
            start = time.process_time()
            function(*args)
            best = min(best, time.process_time() - start)
        return best

    both = legs(V, 3, 3)
    assert seconds(symmetric_core, V.group, both, T.dim, T.dim) < seconds(orbit_invariants, both)
    assert eq.hom(T, T).route == "diagrams" and eq.hom(T, T).dim == BELL[6]


def test_determinants_are_not_forgotten():
    with pytest.raises(NotCertified, match="Determinants"):
        diagrams(eq.group("SO(3)"), 2, 1)
    assert eq.hom(tensor_power(eq.defining(eq.group("SO(3)")), 2), eq.defining(eq.group("SO(3)"))).dim == 1


def test_wrong_words_are_refused():
    with pytest.raises(BadGroup):
        diagrams(eq.group("C4"), 1, 1)
    with pytest.raises(BadInput):
        diagrams(eq.group("S4"), -1, 1)
    with pytest.raises(BadInput):
        diagrams(eq.group("O(3)"), 2, 2)[0].apply(torch.zeros(3, 4))
