"""Numbers of maps that theorems give, by formulas written here from scratch: through hom, and by every route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from math import comb, factorial, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import equilayers as eq
from equilayers.intertwiners import hom
from equilayers.intertwiners.cartan import is_reductive
from equilayers.intertwiners.iterated import iterated_invariants
from equilayers.intertwiners.legs import legs_of, total_size
from equilayers.intertwiners.nullspace import discrete_invariants, solved_invariants
from equilayers.intertwiners.orbits import orbit_invariants
from equilayers.intertwiners.pairing_route import pairing_core
from equilayers.intertwiners.pattern_route import diagram_core, symmetric_core
from equilayers.intertwiners.solver import _schur
from equilayers.intertwiners.weights import lie_invariants

FEW, MANY = 300, 700  # unknowns up to which equations are solved, and iterated on
WEIGHTS = 10_000  # index tuples
SPLIT = 20  # dimension up to which both sides are decomposed

# Formulas


def bell(axes, most=None):
    """Partitions of a set into at most so many blocks: S(m, b) = b S(m-1, b) + S(m-1, b-1)."""
    row = {0: 1}
    for _ in range(axes):
        row = {b: b * row.get(b, 0) + row.get(b - 1, 0) for b in range(axes + 1)}
    return sum(count for b, count in row.items() if most is None or b <= most)


def odd_product(axes):
    """1 * 3 * 5 * ... * (axes - 1) ways to pair an even number of axes."""
    return 0 if axes % 2 else prod(range(1, axes, 2))


def motzkin(axes):
    """Invariants of SO(3) in T(m): the constant term of (x + 1 + 1/x)^m (1 - x)."""
    coefficient = {0: 1}
    for _ in range(axes):
        coefficient = {d: sum(coefficient.get(d + s, 0) for s in (-1, 0, 1)) for d in range(-axes, axes + 1)}
    return coefficient[0] - coefficient.get(1, 0)


def shapes(total, largest):
    if total == 0:
        return [()]
    return [(first, *rest) for first in range(min(total, largest), 0, -1) for rest in shapes(total - first, first)]


def tableaux(shape):
    """Standard tableaux, one box after the other."""
    if sum(shape) <= 1:
        return 1
    rows = [i for i in range(len(shape)) if shape[i] > (shape[i + 1] if i + 1 < len(shape) else 0)]
    return sum(tableaux(tuple(r - (i == j) for j, r in enumerate(shape) if r - (i == j))) for i in rows)


def doubled(m, rows=None, columns=None):
    """Tableaux of shapes with even rows: invariants of O(n), with n rows at most, and Sp(2n), with 2n columns."""
    found = [s for s in shapes(m, m) if len(s) <= (rows or m) and (not s or s[0] <= (columns or m))]
    return sum(tableaux(tuple(2 * part for part in s)) for s in found)


def permutations_without_long_falls(k, n):
    """k! for n >= k, and fewer for fewer dimensions: the sum of f^2 over shapes of at most n rows."""
    return sum(tableaux(s) ** 2 for s in shapes(k, k) if len(s) <= n)


# The table


@dataclass(frozen=True)
class Known:
    """What was counted, V and W, and the number of maps."""

    name: str
    pair: Callable[[], tuple[eq.representations.Representation, eq.representations.Representation]]
    count: int
    slow: bool = False


def power(V, k):
    T = eq.trivial(V.group)
    for _ in range(k):
        T = T @ V
    return T


def tensors(name, k, l, count, slow=False):
    def pair():
        V = eq.defining(eq.group(name))
        return power(V, k), power(V, l)

    return Known(f"{name}, T{k} -> T{l}", pair, count, slow)


def commutant(name, representation, count):
    def pair():
        V = representation(eq.group(name))
        return V, V

    return Known(name, pair, count)


def multivectors(G):
    return eq.exterior(eq.defining(G))


def projective_multivectors(G):
    return eq.exterior(eq.defining(G).dual)


def outer(G):
    """The outer product of the first faithful irrep of either factor."""
    pulled = []
    for i, factor in enumerate(G.factors):
        g = factor.elements()
        faithful = [a for a in eq.irreps(factor) if len(a(g).round(decimals=6).add(0.0).unique(dim=0)) == factor.order]
        pulled.append(eq.restrict(faithful[0], G.projection(i)))
    return pulled[0] @ pulled[1]


def complex_tensors(n, k):
    """U(n) on T(k) of its complex vectors, as real matrices: every complex map counts twice."""

    def pair():
        G = eq.group(f"U({n})")
        lie = []
        for a in G.lie_basis[:, :n, :n] + 1j * G.lie_basis[:, n:, :n]:
            total = sum(reduce(np.kron, [a if i == j else np.eye(n) for j in range(k)]) for i in range(k))
            lie.append(np.block([[total.real, -total.imag], [total.imag, total.real]]))
        V = eq.representation(G, lie=lie)
        return V, V

    return Known(f"U({n}), complex T{k} -> T{k}", pair, 2 * permutations_without_long_falls(k, n))


TABLE = [
    *(tensors(f"S{n}", k, l, bell(k + l)) for n, k, l in [(4, 2, 2), (5, 2, 3), (6, 3, 3), (8, 3, 3), (8, 0, 6)]),
    *(tensors(f"S{n}", k, l, bell(k + l, n)) for n, k, l in [(2, 2, 2), (3, 2, 2), (3, 3, 3), (4, 3, 3)]),
    *(tensors(f"O({n})", 0, 2 * k, odd_product(2 * k)) for n, k in [(2, 1), (2, 2), (3, 3), (4, 3)]),
    tensors("O(4)", 0, 8, odd_product(8), slow=True),
    *(tensors(f"O({n})", 0, 2 * k, doubled(k, rows=n)) for n, k in [(2, 3), (2, 4), (3, 4)]),
    *(tensors(f"U({n})", k, k, factorial(2 * k) // factorial(k)) for n, k in [(1, 1), (2, 2), (3, 2)]),
    tensors("U(3)", 3, 3, 120, slow=True),
    tensors("U(1)", 2, 2, comb(4, 2)),
    tensors("U(2)", 3, 3, comb(6, 3) * permutations_without_long_falls(3, 2)),
    *(complex_tensors(n, k) for n, k in [(1, 3), (2, 2), (2, 3), (3, 3), (2, 4)]),
    *(tensors(f"SU({n})", k, k, factorial(2 * k) // factorial(k)) for n, k in [(3, 1), (5, 2)]),
    tensors("SU(3)", 2, 2, 12),
    tensors("Sp(4)", 0, 6, 14),
    tensors("Sp(4)", 3, 3, doubled(3, columns=2)),
    *(tensors(name, 0, 6, 25) for name in ("SO(1,3)", "SO+(1,3)")),
    tensors("SO(3)", 0, 8, 91),
    *(tensors("SO(3)", 0, m, motzkin(m)) for m in range(2, 8)),
    tensors("SO(3)", 4, 4, motzkin(8)),
    tensors("O(4)", 4, 4, 105),
    commutant("E(3)", projective_multivectors, 9),
    commutant("SE(3)", projective_multivectors, 16),
    commutant("SO+(1,3)", multivectors, 10),
    commutant("SO(1,3)", multivectors, 10),
    commutant("O(1,3)", multivectors, 5),
    commutant("Rubik", eq.defining, 9),
    commutant("C3 x C3", outer, 4),
    commutant("Q8 x C3", outer, 8),
    commutant("Q8 x Q8", outer, 16),
]


def routes(v, w):
    """The number of maps by every route that takes this pair, whatever the solver would choose."""
    legs, group = [*legs_of(w, dual=False), *legs_of(v, dual=True)], v.group
    for route in (symmetric_core, diagram_core, pairing_core):
        core = route(group, legs, w.dim, v.dim)
        if core is not None:
            yield route.__name__, core.dim
    if all(leg.is_monomial for leg in legs):
        yield "orbits", orbit_invariants(legs)[2]
    if group.lie_dim and is_reductive(group) and total_size(legs) <= WEIGHTS:
        vectors = lie_invariants(group, legs)[0]
        yield "weights", discrete_invariants(legs, vectors)[0].shape[1] if vectors.shape[1] else 0
    if max(v.dim, w.dim) <= SPLIT and (group.is_transpose_closed or group.is_compact):
        yield "Schur", _schur(v, w, legs).dim
    if total_size(legs) <= FEW:
        yield "equations", solved_invariants(legs).shape[1]
    if 1 < total_size(legs) <= MANY:
        yield "iteration", iterated_invariants(legs).shape[1]


def marked(known):
    return pytest.param(known, id=known.name, marks=[pytest.mark.slow] if known.slow else [])


@pytest.mark.parametrize("known", [marked(known) for known in TABLE])
def test_known_counts(known):
    v, w = known.pair()
    space = hom(v, w)
    assert space.dim == known.count
    assert (space.certificate == "gap") == (known.name in ("E(3)", "SE(3)"))
    assert space.residual < 1e-13
    if len(v.terms) == len(w.terms) == 1:
        found = dict(routes(v, w))
        assert found
        assert set(found.values()) == {known.count}, found


# The formulas, at drawn orders and dimensions


@st.composite
def drawn(draw):
    family = draw(st.sampled_from(["S", "O", "U", "Sp", "SO"]))
    most = {"S": 5, "O": 4, "U": 3, "Sp": 2, "SO": 5}[family]
    n = draw(st.integers(2 if family in ("S", "O", "SO") else 1, most))
    dim = {"U": 2, "Sp": 2}.get(family, 1) * n
    axes = draw(st.integers(0, {2: 7, 3: 6, 4: 5, 5: 4, 6: 4}[dim]))
    k = draw(st.integers(0, axes))
    m = axes // 2
    pairs = {
        "S": bell(axes, n),
        "O": 0 if axes % 2 else doubled(m, rows=n),
        "U": 0 if axes % 2 else comb(axes, m) * permutations_without_long_falls(m, n),
        "Sp": 0 if axes % 2 else doubled(m, columns=n),
        "SO": (0 if axes % 2 else doubled(m, rows=n)) + odd_rows(axes, n),
    }
    return tensors(
        f"{family}{n}" if family == "S" else f"{family}({2 * n if family == 'Sp' else n})", k, axes - k, pairs[family]
    )


def odd_rows(axes, n):
    """What O(n) multiplies by the determinant: tableaux of n odd rows."""
    return sum(tableaux(s) for s in shapes(axes, axes) if len(s) == n and all(row % 2 for row in s))


@settings(max_examples=40)
@given(drawn())
def test_drawn_orders_and_dimensions(known):
    v, w = known.pair()
    space = hom(v, w)
    assert (space.dim, space.certificate != "gap") == (known.count, True), known.name
    assert set(dict(routes(v, w)).values()) == {known.count}, known.name


@pytest.mark.parametrize("n", range(1, 7))
def test_the_formulas_agree_with_the_closed_forms_at_large_dimension(n):
    assert bell(2 * n, 2 * n) == bell(2 * n) > bell(2 * n, 2 * n - 1)
    assert doubled(n, rows=n) == doubled(n, columns=n) == odd_product(2 * n)
    assert n == 1 or doubled(n, rows=n - 1) < odd_product(2 * n)
    assert permutations_without_long_falls(n, n) == factorial(n)
    assert motzkin(2 * n) == doubled(n, rows=3) + odd_rows(2 * n, 3)


@pytest.mark.parametrize(
    ("twin", "k", "l", "count"),
    [("S3", 2, 2, bell(4)), ("SO(4)", 0, 4, 3), ("O(2)", 0, 6, 15), ("O(1,3)", 0, 6, 25), ("U(2)", 3, 3, 120)],
)
def test_a_neighbour_has_another_number(twin, k, l, count):
    """The broken twin: a group or a dimension beside the one that the count belongs to."""
    assert hom(*tensors(twin, k, l, count).pair()).dim != count
