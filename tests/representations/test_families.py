"""Laws of the closed forms: C_n, D_n, S_n and direct products, against oracles that share no code with them."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup, BadInput, BadRepresentation, TooLarge
from equilayers.representations import products, symmetric
from equilayers.representations.representation import Irrep

FINITE = (
    "trivial", *(f"C{n}" for n in range(1, 13)), *(f"D{n}" for n in range(1, 13)), *(f"S{n}" for n in range(1, 7)),
    "C3 x C3", "C4 x D3", "D2 x D4", "C3 x C4 x C5", "S3 x C2", "Q8 x C3", "Q8 x Q8", "Q8 x C3 x C4",
)  # fmt: skip
INFINITE = ("SO(2) x C3", "SO(3) x S3", "O(2) x Q8", "SU(2) x SU(2)", "SO(2) x SO(2)", "SU(2) x C3", "O(3) x D4")
INDICATOR = {"real": 1, "complex": 0, "quaternionic": -2}


def traces(V: Irrep, g: torch.Tensor) -> np.ndarray:
    return V(g).diagonal(dim1=-2, dim2=-1).sum(-1).numpy()


def commutant_dim(matrices: list[np.ndarray]) -> int:
    """Null space of the equations X A = A X."""
    d = matrices[0].shape[-1]
    eye = np.eye(d)
    rows = np.concatenate([np.kron(a, eye) - np.kron(eye, a.T) for a in matrices])
    return int((np.linalg.svd(rows, compute_uv=False) < 1e-9).sum()) + max(0, d * d - len(rows))


def generators(V: Irrep) -> list[np.ndarray]:
    return [*V.images.lie, *V.images.discrete]


def homomorphism_error(V: Irrep, g: torch.Tensor, h: torch.Tensor) -> float:
    return float((V(g) @ V(h) - V(V.group.compose(g, h))).abs().max())


# Finite groups


@pytest.mark.parametrize("name", FINITE)
def test_matrices_multiply_as_the_group_does_and_are_orthogonal(name, generator):
    G = eq.group(name)
    g, h = G.sample(40, generator), G.sample(40, generator)
    for V in eq.irreps(G):
        assert homomorphism_error(V, g, h) < 1e-13
        at_g = V(g)
        assert float((at_g @ at_g.mT - torch.eye(V.dim, dtype=torch.float64)).abs().max()) < 1e-13
        assert V.is_orthogonal
        if len(G.discrete_generators):
            np.testing.assert_allclose(V.images.discrete, V(G.discrete_generators).numpy(), atol=1e-13)


@pytest.mark.parametrize("name", FINITE)
def test_the_list_is_complete_inequivalent_and_of_the_stated_types(name):
    G = eq.group(name)
    found, elements = eq.irreps(G), G.elements()
    assert sum(V.dim**2 // V.end_dim for V in found) == G.order
    chi = np.array([traces(V, elements) for V in found])
    np.testing.assert_allclose(chi @ chi.T / G.order, np.diag([V.end_dim for V in found]), atol=1e-12)
    squares = G.compose(elements, elements)
    indicators = [traces(V, squares).mean() for V in found]
    np.testing.assert_allclose(indicators, [INDICATOR[V.type] for V in found], atol=1e-12)


@pytest.mark.parametrize("name", FINITE)
def test_the_commutant_is_in_standard_form(name):
    for V in eq.irreps(eq.group(name)):
        images = V.images.discrete
        for unit in V.endomorphisms:
            np.testing.assert_allclose(images @ unit, unit @ images, atol=1e-14)
        assert len(V.endomorphisms) == V.end_dim


@pytest.mark.parametrize("name", FINITE)
def test_the_order_is_that_of_dimension_type_and_characters(name):
    """Larger characters first, class by class, in the order of the group's classes."""
    G = eq.group(name)
    found = eq.irreps(G)
    members = G.conjugacy_classes.representatives
    kinds = {"real": 0, "complex": 1, "quaternionic": 2}
    keys = [(V.dim, kinds[V.type], tuple(-np.round(traces(V, members), 6) + 0.0)) for V in found]
    assert keys == sorted(keys)
    assert found[0].is_trivial


@pytest.mark.parametrize("name", FINITE)
def test_labels_are_unique_readable_and_found_again(name):
    G = eq.group(name)
    found = eq.irreps(G)
    labels = [V.label for V in found]
    assert len(set(labels)) == len(labels)
    assert not set("x+ ") & set("".join(labels))
    for V in found:
        again = eq.irrep(G, V.label)
        assert again == V
        assert (again.type, again.dim) == (V.type, V.dim)
        assert torch.equal(again(G.discrete_generators), V(G.discrete_generators))
    assert eq.rep(G, " + ".join(f"2x{label}" for label in labels)).dim == 2 * sum(V.dim for V in found)


@pytest.mark.parametrize("name", FINITE)
def test_max_dim_keeps_a_part_of_the_list_in_its_order(name):
    G = eq.group(name)
    assert eq.irreps(G, max_dim=2) == tuple(V for V in eq.irreps(G) if V.dim <= 2)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_a_transposed_irrep_would_be_noticed(n):
    """The broken twin: V(g)^T multiplies in the opposite order, which only commutative images hide."""
    G = eq.group(f"D{n}")
    for V in eq.irreps(G):
        if V.dim > 1:
            g, h = G.discrete_generators
            assert float((V(g).mT @ V(h).mT - V(G.compose(g, h)).mT).abs().max()) > 0.1


@pytest.mark.parametrize("n", range(3, 9))
def test_anchors_the_defining_action_is_an_irrep(n):
    for name, label in ((f"C{n}", "1"), (f"D{n}", "E1")):
        G = eq.group(name)
        elements = G.elements()
        assert torch.equal(eq.irrep(G, label)(elements), eq.defining(G)(elements))


@pytest.mark.parametrize("n", range(1, 13))
def test_one_dimensional_irreps_of_dihedral_groups_by_their_signs(n):
    G = eq.group(f"D{n}")
    signs = {V.label: tuple(V(G.discrete_generators).flatten().tolist()) for V in eq.irreps(G) if V.dim == 1}
    expected = {"A1": (1.0, 1.0), "A2": (1.0, -1.0), "B1": (-1.0, 1.0), "B2": (-1.0, -1.0)}
    assert signs == {label: expected[label] for label in (("A1", "A2") if n % 2 else tuple(expected))}


def test_frequencies_are_traces():
    G = eq.group("C12")
    angles = 2 * np.pi * np.arange(12) / 12
    turn = G.discrete_generators[0]
    powers = [G.identity]
    for _ in range(11):
        powers.append(G.compose(powers[-1], turn))
    for V in eq.irreps(G):
        expected = V.dim * np.cos(int(V.label) * angles)
        np.testing.assert_allclose(traces(V, torch.stack(powers)), expected, atol=1e-12)


def test_quarter_turns_are_exact():
    for name in ("C4", "D4"):
        G = eq.group(name)
        for V in eq.irreps(G):
            assert set(V(G.elements()).flatten().tolist()) <= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("C4", "3"), ("C4", "-1"), ("C5", "01"), ("trivial", "1"), ("D3", "B1"), ("D2", "E1"), ("D4", "E2"),
        ("D4", "E0"), ("S4", "[3,2]"), ("S4", "[1,3]"), ("S4", "[4,0]"), ("S4", "4"), ("C3 x C3", "(1,1,1)"),
        ("C3 x C3", "(1*,1)"),
        ("C3 x C3", "1,1"), ("C2 x C3", "(1,1*)"), ("SO(3) x S3", "(1,[3]*)"), ("Q8 x Q8", "(4,9)"),
    ],
)  # fmt: skip
def test_labels_that_do_not_exist(name, label):
    with pytest.raises(BadRepresentation):
        eq.irrep(eq.group(name), label)


def test_a_matrix_outside_the_group_is_refused():
    half = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    with pytest.raises(BadGroup):
        eq.irrep(eq.group("C5"), "2")(half)
    with pytest.raises(BadGroup):
        eq.irrep(eq.group("D6"), "B1")(half)


# Symmetric groups


@pytest.mark.parametrize("n", range(2, 7))
def test_young_against_permutations_of_points_and_pairs(n):
    """The permutation of n points is [n] + [n-1,1]; that of ordered pairs counts fixed pairs."""
    G = eq.group(f"S{n}")
    elements = G.elements()
    fixed = (elements == torch.arange(n)).sum(-1).numpy()
    np.testing.assert_allclose(traces(eq.irrep(G, f"[{n - 1},1]"), elements), fixed - 1, atol=1e-12)
    signs = np.array([np.linalg.det(np.eye(n)[p]) for p in elements.numpy()])
    sign = eq.irrep(G, "[" + ",".join("1" * n) + "]")
    np.testing.assert_allclose(traces(sign, elements), signs, atol=1e-12)
    if n > 3:
        unordered = np.array(
            [sum(1 for i in range(n) for j in range(i) if {p[i], p[j]} == {i, j}) for p in elements.tolist()]
        )
        total = sum(traces(eq.irrep(G, label), elements) for label in (f"[{n}]", f"[{n - 1},1]", f"[{n - 2},2]"))
        np.testing.assert_allclose(total, unordered, atol=1e-12)


@pytest.mark.parametrize("n", range(1, 7))
def test_murnaghan_and_nakayama_against_traces(n):
    G = eq.group(f"S{n}")
    members = G.conjugacy_classes.representatives
    for V in eq.irreps(G):
        shape = tuple(int(part) for part in V.label[1:-1].split(","))
        assert symmetric.dimension(shape) == V.dim
        rule = [symmetric.value_at_class(shape, cycle_type(p)) for p in members.tolist()]
        np.testing.assert_allclose(traces(V, members), rule, atol=1e-12)


def cycle_type(p: list[int]) -> tuple[int, ...]:
    lengths, seen = [], set()
    for start in range(len(p)):
        length, point = 0, start
        while point not in seen:
            seen.add(point)
            point, length = p[point], length + 1
        if length:
            lengths.append(length)
    return tuple(sorted(lengths, reverse=True))


def test_young_on_all_products_of_s4_by_another_convention_for_the_order():
    """A twin that reads p as its inverse is an anti-homomorphism, and is noticed."""
    G, V = eq.group("S4"), eq.irrep(eq.group("S4"), "[3,1]")
    all_of_it = torch.tensor(list(permutations(range(4))))
    g, h = all_of_it[:, None], all_of_it[None]
    product = V(G.compose(g, h))
    assert float((V(g) @ V(h) - product).abs().max()) < 1e-14
    assert float((V(G.inverse(g)) @ V(G.inverse(h)) - V(G.inverse(G.compose(g, h)))).abs().max()) > 0.5


def test_large_symmetric_groups_by_label_and_by_dimension(generator):
    G = eq.group("S50")
    V = eq.irrep(G, "[49,1]")
    g, h = G.sample(3, generator), G.sample(3, generator)
    assert homomorphism_error(V, g, h) < 1e-13
    np.testing.assert_allclose(traces(V, g), (g == torch.arange(50)).sum(-1).numpy() - 1, atol=1e-12)
    small = eq.irreps(G, max_dim=49)
    assert [W.dim for W in small] == [1, 1, 49, 49]
    assert small[0].is_trivial
    with pytest.raises(TooLarge, match="204226"):
        eq.irreps(G)
    with pytest.raises(TooLarge):
        eq.irrep(G, "[" + ",".join(["10"] * 5) + "]")


@pytest.mark.parametrize("n", [9, 13, 24])
def test_small_irreps_of_large_symmetric_groups_are_all_there(n):
    """Dimensions of the irreps below n(n-3)/2: 1, 1, n-1, n-1, and then the first ones beyond (Rasala 1977)."""
    found = eq.irreps(eq.group(f"S{n}"), max_dim=n * (n - 3) // 2)
    expected = sorted([1, 1, n - 1, n - 1, n * (n - 3) // 2, n * (n - 3) // 2])
    assert [V.dim for V in found] == expected


def test_the_number_of_irreps_is_the_number_of_partitions():
    counts = [1, 2, 3, 5, 7, 11, 15, 22, 30, 42, 56]
    assert [len(eq.irreps(eq.group(f"S{n}"))) for n in range(1, 12)] == counts
    for n in (9, 10):
        assert sum(V.dim**2 for V in eq.irreps(eq.group(f"S{n}"))) == math.factorial(n)


# Products


@pytest.mark.parametrize(
    ("name", "labels", "expected", "parts"),
    [
        ("C3 x C3", ("1", "1"), 4, {"(1,1)": 1, "(1,1*)": 1}),
        ("Q8 x C3", ("4", "1"), 8, {"(4,1)": 2}),
        ("Q8 x Q8", ("4", "4"), 16, {"(4,4)": 4}),
    ],
)
def test_outer_products_of_complex_and_quaternionic_irreps(name, labels, expected, parts):
    """Outer products of faithful irreps: their commutant, and what they contain how often."""
    G = eq.group(name)
    factors = [eq.irrep(f, label) for f, label in zip(G.factors, labels, strict=True)]
    outer = eq.restrict(factors[0], G.projection(0)) @ eq.restrict(factors[1], G.projection(1))
    assert commutant_dim(generators(outer)) == expected
    elements = G.elements()
    total = sum(m * traces(eq.irrep(G, label), elements) for label, m in parts.items())
    np.testing.assert_allclose(traces(outer, elements), total, atol=1e-12)
    for label in parts:
        V = eq.irrep(G, label)
        assert commutant_dim(generators(V)) == V.end_dim


@pytest.mark.parametrize("name", INFINITE)
def test_products_with_infinite_factors(name, generator):
    G = eq.group(name)
    g, h = G.sample(10, generator), G.sample(10, generator)
    A = torch.randn(5, G.lie_dim, generator=generator, dtype=torch.float64)
    found = eq.irreps(G, level=2)
    assert found[0].is_trivial
    assert len({V.label for V in found}) == len(found)
    for V in found:
        assert homomorphism_error(V, g, h) < 1e-12
        assert float((V(G.exp(A)) - torch.linalg.matrix_exp(V.derivative(A))).abs().max()) < 1e-12
        assert commutant_dim(generators(V)) == V.end_dim
        assert eq.irrep(G, V.label) == V
    g = G.sample(4000, generator)
    chi = np.array([traces(V, g) for V in found])
    gram = chi @ chi.T / chi.shape[1]
    assert np.abs(gram - np.diag([V.end_dim for V in found])).max() < 0.5, "irreps listed twice, or reducible"


def test_levels_of_a_product_add_up():
    pairs = {V.label for V in eq.irreps(eq.group("SO(2) x SO(2)"), level=2)}
    assert pairs == {"(0,0)", "(0,1)", "(0,2)", "(1,0)", "(2,0)", "(1,1)", "(1,1*)"}


def test_products_of_semisimple_groups_by_dimension():
    found = eq.irreps(eq.group("SU(2) x SU(2)"), max_dim=4)
    assert {V.label for V in found} == {"(0,0)", "(0,1)", "(1,0)", "(1/2,1/2)", "(0,1/2)", "(1/2,0)"}
    with pytest.raises(BadInput):
        eq.irreps(eq.group("SO(2) x C3"), max_dim=4)


def test_the_swap_of_a_conjugate_is_noticed():
    """The broken twin: (1,1) and (1,1*) of C3 x C3 under each other's labels have other characters."""
    G = eq.group("C3 x C3")
    plain, conjugate = eq.irrep(G, "(1,1)"), eq.irrep(G, "(1,1*)")
    diagonal = G.pack([G.factors[0].discrete_generators[0], G.factors[1].discrete_generators[0]])
    np.testing.assert_allclose(traces(plain, diagonal), 2 * np.cos(4 * np.pi / 3), atol=1e-12)
    np.testing.assert_allclose(traces(conjugate, diagonal), 2, atol=1e-12)


def test_algebras_multiply_as_they_should():
    """Matrices over R, C, H in standard form: the outer product keeps products, for random invertible ones."""
    rng = np.random.default_rng(3)
    for a in (1, 2, 4):
        for b in (1, 2, 4):
            A, B = ([torch.tensor(rng.normal(size=(c, 2, 2))) for _ in range(2)] for c in (a, b))
            products_of = [products._realise(products._multiply(tuple(x), tuple(y))) for x, y in zip(A, B, strict=True)]
            squares = []
            for c, (x, y) in ((a, A), (b, B)):
                real = products._realise(tuple(x)) @ products._realise(tuple(y))
                squares.append(products._components(real, c))
            both = products._realise(products._multiply(*squares))
            np.testing.assert_allclose(products_of[0] @ products_of[1], both, atol=1e-12)
