"""Spaces found by equations alone, against ranks in exact arithmetic, and against the members that everybody knows."""

from __future__ import annotations

from functools import reduce
from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest
from scipy import sparse

import equilayers as eq
from equilayers.errors import NotCertified
from equilayers.intertwiners import hom, solver
from equilayers.intertwiners.cores import DenseCore
from equilayers.intertwiners.iterated import iterated_invariants
from equilayers.intertwiners.legs import legs_of, residual
from equilayers.intertwiners.members import known_members, require_known_members
from equilayers.intertwiners.nullspace import solved_invariants

PRIME = 2_147_483_629
SLOW = pytest.mark.slow
NAMES = ["E(2)", "SE(2)", "E(3)", "SE(3)", "Heisenberg"]


def power(V, k):
    return V if k == 1 else V @ power(V, k - 1)


def both(V, W):
    return [*legs_of(W, dual=False), *legs_of(V, dual=True)]


def rank(matrix):
    """Gaussian elimination modulo a prime, on integers."""
    matrix, found = matrix % PRIME, 0
    for column in range(matrix.shape[1]):
        pivots = np.flatnonzero(matrix[found:, column])
        if not len(pivots):
            continue
        at = found + pivots[0]
        matrix[[found, at]] = matrix[[at, found]]
        matrix[found] = matrix[found] * pow(int(matrix[found, column]), -1, PRIME) % PRIME
        rows = found + 1 + np.flatnonzero(matrix[found + 1 :, column])
        matrix[rows] = (matrix[rows] - matrix[rows, column, None] * matrix[found]) % PRIME
        found += 1
        if found == len(matrix):
            break
    return found


def commutator(a):
    one = np.eye(len(a), dtype=int)
    return np.kron(a, one) - np.kron(one, a.T)


def leibniz(a, k):
    one = np.eye(len(a), dtype=int)
    return sum(reduce(np.kron, [a if i == j else one for j in range(k)]) for i in range(k))


def exact_count(V, k):
    """Maps of T(k) to itself: unknowns minus the rank of all equations, whose coefficients are integers."""
    lie, discrete = V.images.lie, V.images.discrete
    assert np.array_equal(lie, lie.round()) and np.array_equal(discrete, discrete.round())
    lie, discrete = lie.astype(int), discrete.astype(int)
    equations = []
    for a in lie:
        equations.append(commutator(leibniz(a, k)))
    for g in discrete:
        equations.append(commutator(reduce(np.kron, [g] * k)))
    stacked = np.concatenate(equations)
    return stacked.shape[1] - rank(np.unique(stacked[stacked.any(1)], axis=0))


@pytest.mark.parametrize(
    ("name", "k"),
    [(name, k) for name in NAMES for k in (1, 2)]
    + [("E(2)", 3), *(pytest.param(name, 3, marks=SLOW) for name in ("SE(2)", "E(3)", "SE(3)", "Heisenberg"))],
)
def test_the_iteration_the_equations_and_exact_arithmetic_agree(name, k):
    V = eq.defining(eq.group(name))
    T = power(V, k)
    found = iterated_invariants(both(T, T))
    assert residual(both(T, T), found) < 1e-13
    if T.dim**2 <= 2500:
        dense = solved_invariants(both(T, T))
        assert found.shape == dense.shape
        assert np.abs(found @ found.T - dense @ dense.T).max() < 1e-10
    if T.dim <= 27:
        assert found.shape[1] == exact_count(V, k)


def affine_diagrams(n, k):
    """Maps of T(k), k < 6, that commute with E(n): p pairs of outputs hold the metric of vectors, 2p inputs are read by
    the form at infinity, or four of them by the product of two differences of points, and the rest is permuted."""
    d = n + 1
    metric, infinity, found = np.diag([1.0] * n + [0.0]), np.eye(d)[n], []
    lines = np.einsum("a,c,bd->abcd", infinity, infinity, metric)
    lines = lines - lines.swapaxes(0, 1)
    lines = lines - lines.swapaxes(2, 3)
    for p in range(k // 2 + 1):
        for read in combinations(range(k), 2 * p):
            for made in combinations(range(k), 2 * p):
                for pairs in pairings(made):
                    rest = [i for i in range(k) if i not in read]
                    for order in permutations([o for o in range(k) if o not in made]):
                        factors = [(metric, pair) for pair in pairs]
                        factors += [(np.eye(d), (o, k + i)) for o, i in zip(order, rest, strict=True)]
                        readings = [[(infinity, (k + i,)) for i in read]]
                        if len(read) == 4:
                            readings += [[(lines, (k + a, k + b, k + c, k + e))] for (a, b), (c, e) in pairings(read)]
                        for reading in readings:
                            full = reduce(np.multiply.outer, [f for f, _ in factors + reading])
                            axes = [axis for _, at in factors + reading for axis in at]
                            found.append(full.transpose(np.argsort(axes)).reshape(d**k, d**k))
    return np.array(found)


def pairings(axes):
    if not axes:
        return [[]]
    return [[(axes[0], b), *rest] for b in axes[1:] for rest in pairings([a for a in axes[1:] if a != b])]


@pytest.mark.parametrize(
    ("n", "k"),
    [(2, 2), (2, 3), pytest.param(3, 3, marks=SLOW), pytest.param(2, 4, marks=SLOW), pytest.param(3, 4, marks=SLOW)],
)
def test_the_euclidean_groups_have_the_maps_of_their_diagrams(monkeypatch, n, k):
    monkeypatch.setattr(solver, "UNKNOWNS", 80)  # iterate
    solver.solve.cache_clear()
    T = power(eq.defining(eq.group(f"E({n})")), k)
    space = hom(T, T)
    known = affine_diagrams(n, k).reshape(-1, T.dim**2)
    inner = np.linalg.eigvalsh(known @ known.T)
    assert space.dim == (inner > 1e-9 * inner[-1]).sum()
    assert n + 1 < k or space.dim == factorial(2 * k) // (2**k * factorial(k))  # as many as O(n + 1) has
    assert (space.route, space.certificate) == ("null space", "gap")
    assert space.residual < 1e-13
    for member in known[:: max(1, len(known) // 8)].reshape(-1, T.dim, T.dim):
        assert np.abs(space.project(member).numpy() - member).max() < 1e-9


@pytest.mark.slow
def test_the_heisenberg_group_on_four_factors_is_counted_in_exact_arithmetic():
    """Its diagonal torus sorts index tuples by their contents, and the equations keep differences of contents."""
    V = eq.defining(eq.group("Heisenberg"))
    T = power(V, 4)
    digits = np.indices((3,) * 4).reshape(4, -1)
    contents = np.array([(digits == letter).sum(0) for letter in (0, 1)]).T
    shifts = (contents[:, None] - contents[None, :]).reshape(-1, 2)
    count = 0
    one = sparse.eye_array(81, dtype=int, format="csc")
    totals = [sparse.csc_array(leibniz(a.astype(int), 4)) for a in V.images.lie]
    equations = sparse.vstack([sparse.kron(t, one) - sparse.kron(one, t.T) for t in totals]).tocsc()
    for shift in np.unique(shifts, axis=0):
        unknowns = np.flatnonzero((shifts == shift).all(1))
        part = equations[:, unknowns].tocsr()
        part = part[np.flatnonzero(np.diff(part.indptr))].toarray()
        count += len(unknowns) - rank(np.unique(part, axis=0))
    space = hom(T, T)
    assert space.dim == count == 323
    assert space.residual < 1e-13


# The guard


@pytest.mark.parametrize("name", ["E(2)", "Heisenberg", "SO(1,2)", "D5"])
def test_known_members_commute(name):
    V = eq.defining(eq.group(name))
    one = eq.trivial(V.group)
    pairs = [
        (V, V),
        (V @ V, V @ V),
        (V.dual @ V, V @ V.dual),
        (V @ V @ V.dual, V.dual @ V @ V),
        (V.dual @ V.sym(2), V.sym(2) @ V.dual),
    ]
    for v, w in pairs:
        found = list(known_members(v, w))
        assert found
        vectors = np.array([member.ravel() for _, member in found]).T
        assert residual(both(v, w), vectors) < 1e-12
    assert not list(known_members(V, one)) and not list(known_members(V @ V, V))
    assert len(list(known_members(V @ V @ V, V @ V @ V))) == 3


@pytest.mark.parametrize("name", ["E(2)", "Heisenberg", "SO+(1,2)", "SO(3)"])
def test_a_space_without_a_map_that_it_must_hold_is_refused(name):
    V = eq.defining(eq.group(name))
    T = V @ V
    vectors = solved_invariants(both(T, T))
    whole = DenseCore(T.dim, T.dim, "null space", "gap", 0.0, "", vectors)
    require_known_members(whole, T, T)
    for kept in (vectors[:, :0], vectors[:, 1:], vectors[:, :-1]):
        core = DenseCore(T.dim, T.dim, "null space", "gap", 0.0, "", kept)
        with pytest.raises(NotCertified, match="not all"):
            require_known_members(core, T, T)


def test_products_of_members_reveal_what_no_permutation_does():
    """A space with the identity and the exchange, and four other members, that is no algebra."""
    V = eq.defining(eq.group("Heisenberg"))
    T = V @ V
    vectors = solved_invariants(both(T, T))
    known = np.array([member.ravel() for _, member in known_members(T, T)]).T
    drawn = vectors @ np.random.default_rng(0).normal(size=(vectors.shape[1], 4))
    kept = np.linalg.qr(np.concatenate([known, drawn], 1))[0]
    assert kept.shape[1] < vectors.shape[1]
    core = DenseCore(T.dim, T.dim, "null space", "gap", 0.0, "", kept)
    with pytest.raises(NotCertified, match="a product of two members"):
        require_known_members(core, T, T)


def test_the_solver_asks(monkeypatch):
    monkeypatch.setattr(solver, "UNKNOWNS", 80)
    monkeypatch.setattr(solver, "iterated_invariants", lambda legs, count: iterated_invariants(legs, count)[:, :0])
    solver.solve.cache_clear()
    V = eq.defining(eq.group("E(2)"))
    with pytest.raises(NotCertified, match=r"missing +the identity"):
        hom(V @ V, V @ V)
    solver.solve.cache_clear()
