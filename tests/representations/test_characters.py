"""Laws of characters and their tables, with tables from the literature as oracles."""

from __future__ import annotations

from math import cos, pi, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import equilayers as eq
from equilayers.errors import BadRepresentation, GroupMismatch, NotCertified, TooLarge
from equilayers.representations import Character
from equilayers.representations.cyclotomic import RealCyclotomic
from equilayers.testing import strategies

FINITE = ("trivial", "C2", "C5", "C8", "D4", "D7", "S4", "S5", "Q8", "T", "O", "A5", "C3 x C3", "Q8 x C3")
GOLDEN = (1 + sqrt(5)) / 2

# Rows as sets, columns by (element order, class size): what the literature says whatever the order of the rows
TABLES = {
    "S4": [(1, 1), (2, 3), (2, 6), (3, 8), (4, 6)],
    "Q8": [(1, 1), (2, 1), (4, 2), (4, 2), (4, 2)],
    "A5": [(1, 1), (2, 15), (3, 20), (5, 12), (5, 12)],
    "D5": [(1, 1), (2, 5), (5, 2), (5, 2)],
}
ROWS = {
    "S4": [(1, 1, 1, 1, 1), (1, 1, -1, 1, -1), (2, 2, 0, -1, 0), (3, -1, 1, 0, -1), (3, -1, -1, 0, 1)],
    "Q8": [(1, 1, 1, 1, 1), (1, 1, 1, -1, -1), (1, 1, -1, 1, -1), (1, 1, -1, -1, 1), (4, -4, 0, 0, 0)],
    "A5": [
        (1, 1, 1, 1, 1), (3, -1, 0, GOLDEN, 1 - GOLDEN), (3, -1, 0, 1 - GOLDEN, GOLDEN), (4, 0, 1, -1, -1),
        (5, 1, -1, 0, 0),
    ],
    "D5": [(1, 1, 1, 1), (1, -1, 1, 1), (2, 0, GOLDEN - 1, -GOLDEN), (2, 0, -GOLDEN, GOLDEN - 1)],
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_the_literature(name):
    table = eq.character_table(eq.group(name))
    classes = table.group.conjugacy_classes
    assert list(zip(classes.orders.tolist(), classes.sizes.tolist(), strict=True)) == TABLES[name]
    np.testing.assert_allclose(sorted(table.values.tolist()), sorted(ROWS[name]), atol=1e-12)


@pytest.mark.parametrize("name", FINITE)
def test_values_are_traces(name):
    G = eq.group(name)
    elements, classes = G.elements(), G.conjugacy_classes
    for V in (*eq.irreps(G), eq.defining(G), eq.defining(G) @ eq.defining(G) + 2 * eq.trivial(G)):
        chi = eq.character(V)
        expected = V(elements).diagonal(dim1=-2, dim2=-1).sum(-1)
        np.testing.assert_allclose(chi(elements), expected, atol=1e-11)
        np.testing.assert_allclose(chi.values[classes.labels], expected, atol=1e-11)


@pytest.mark.parametrize("name", FINITE)
def test_orthogonality(name):
    table = eq.character_table(eq.group(name))
    for i, chi in enumerate(table.characters):
        for j, psi in enumerate(table.characters):
            assert chi.inner(psi) == (table.irreps[i].end_dim if i == j else 0)
    weights = table.group.conjugacy_classes.sizes / table.group.order
    gram = (table.values * weights) @ table.values.T
    np.testing.assert_allclose(gram, np.diag([V.end_dim for V in table.irreps]), atol=1e-12)


@pytest.mark.parametrize("name", FINITE)
def test_columns_are_orthogonal_up_to_inverses(name):
    r"""sum over irreps of chi(g) chi(h) / end_dim = |C(g)| where h is conjugate to g or to its inverse, counted."""
    table = eq.character_table(eq.group(name))
    classes = table.group.conjugacy_classes
    ends = np.array([V.end_dim for V in table.irreps])
    columns = (table.values / ends[:, None]).T @ table.values
    same = np.eye(len(classes))
    expected = (same + same[classes.power(-1)]) / 2 * (table.group.order / classes.sizes)[:, None]
    np.testing.assert_allclose(columns, expected, atol=1e-10)


@given(st.data(), st.sampled_from(("D4", "S4", "Q8", "C8", "C4 x D3")))
def test_characters_turn_the_algebra_into_arithmetic(data, name):
    G = eq.group(name)
    V = data.draw(strategies.representations(G, max_dim=12))
    W = data.draw(strategies.representations(G, max_dim=6))
    v, w = eq.character(V).values, eq.character(W).values
    np.testing.assert_allclose(eq.character(V + W).values, v + w, atol=1e-10)
    np.testing.assert_allclose(eq.character(V @ W).values, v * w, atol=1e-10)
    np.testing.assert_allclose(eq.character(3 * V).values, 3 * v, atol=1e-10)
    np.testing.assert_allclose(eq.character(V.dual).values, v[G.conjugacy_classes.power(-1)], atol=1e-10)
    np.testing.assert_allclose(eq.character(W.sym(2)).values, (w**2 + w[G.conjugacy_classes.power(2)]) / 2, atol=1e-10)
    assert eq.character(V).inner(eq.character(W)) == eq.character(V.dual @ W).inner(eq.character(eq.trivial(G)))


def test_equal_values_are_equal_characters():
    G = eq.group("D4")
    V = eq.defining(G)
    assert eq.character(V + V) == eq.character(2 * V)
    assert hash(eq.character(V + V)) == hash(eq.character(2 * V))
    assert eq.character(V) != eq.character(2 * eq.trivial(G))
    assert eq.character(eq.irrep(G, "B1")) != eq.character(eq.irrep(G, "B2"))
    assert eq.character(eq.regular(G)) == eq.character(sum_of([V.dim * V for V in eq.irreps(G)]))


def sum_of(parts):
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def test_a_character_of_a_lie_group_is_a_function(generator):
    G = eq.group("SO(3)")
    chi = eq.character(eq.irrep(G, "2"))
    g = G.sample(5, generator)
    angle = torch.arccos((eq.character(eq.defining(G))(g) - 1) / 2)
    assert float((chi(g) - (1 + 2 * torch.cos(angle) + 2 * torch.cos(2 * angle))).abs().max()) < 1e-12
    assert "2 of SO(3)" in str(chi)
    with pytest.raises(BadRepresentation, match="finite"):
        chi.values


def test_a_large_group_has_characters_of_its_elements_only(generator):
    G = eq.group("S50")
    chi = eq.character(eq.defining(G))
    g = G.sample(3, generator)
    np.testing.assert_allclose(chi(g), (g == torch.arange(50)).sum(-1))
    for call in (lambda: chi.values, lambda: eq.character_table(G)):
        with pytest.raises(TooLarge):
            call()


class Shrinking(eq.representations.Representation):
    """A broken twin: not a homomorphism, though near to one at the identity."""

    def __init__(self, group):
        self.group, self.dim, self.name, self.key = group, 2, "shrinking", (group.fingerprint, "shrinking")

    def _images(self):
        raise NotImplementedError

    def __call__(self, g):
        return 0.999 * g


def test_a_map_that_is_no_representation_has_no_character():
    chi = Character(Shrinking(eq.group("D4")))
    with pytest.raises(NotCertified, match="integers"):
        chi.exact


def test_characters_of_two_groups_have_no_inner_product():
    with pytest.raises(GroupMismatch):
        eq.character(eq.defining(eq.group("C4"))).inner(eq.character(eq.defining(eq.group("D4"))))


# Printing


def test_a_table_prints_aligned_with_names_as_in_the_atlas():
    table = eq.character_table(eq.group("D5"))
    lines = str(table).splitlines()
    assert lines[0] == "D5, order 10"
    assert lines[1].split() == ["class", "1a", "2a", "5a", "5b"]
    assert lines[2].split() == ["size", "1", "5", "2", "2"]
    assert lines[6].split() == ["E1", "real", "2", "0", "(-1+√5)/2", "(-1-√5)/2"]
    assert len({len(line) for line in lines[1:]}) == 1
    assert repr(table) == str(table)


def test_class_names_beyond_z():
    names = eq.character_table(eq.group("C31")).names
    assert names[0] == "1a"
    assert names[26:29] == ("31z", "31aa", "31ab")


@pytest.mark.parametrize(
    ("multiplicities", "text"),
    [
        ((3,), "3"), ((1, 2), "-1"), ((0, 1, 1), "-1"), ((1, 1, 1), "0"), ((0, 1, 0, 1), "0"),
        ((0, 1, 0, 0, 0, 0, 0, 1), "√2"),
        ((0, 0, 0, 1, 0, 1, 0, 0), "-√2"), ((0, 1, 0, 0, 1), "(-1+√5)/2"), ((0, 0, 1, 1, 0), "(-1-√5)/2"),
        ((2, 0, 1, 1, 0), "(3-√5)/2"), ((1, 2, 0, 0, 2), "√5"), ((0, *[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "√3"),
        ((0, 0, 0, 1, 1, 0, 0), "2cos(6π/7)"), ((0, 1, 1, 0, 0, 1, 1), "2cos(2π/7)+2cos(4π/7)"),
        ((0, 0, 1, 0, 0, 1, 0), "2cos(4π/7)"),
    ],
)  # fmt: skip
def test_closed_forms(multiplicities, text):
    value = RealCyclotomic.from_multiplicities(multiplicities)
    n = len(multiplicities)
    assert abs(float(value) - sum(m * cos(2 * pi * j / n) for j, m in enumerate(multiplicities))) < 1e-12
    assert str(value) == text
    assert abs(read(str(value)) - float(value)) < 1e-9


def read(text: str) -> float:
    """The number that a closed form denotes, by Python's own arithmetic."""
    for a, b in (("2cos(π", "2cos(1π"), ("2cos", "2*cos"), ("π", "*pi"), ("·", "*")):
        text = text.replace(a, b)
    out, i = "", 0
    while i < len(text):
        if text[i] == "√":
            digits = ""
            while i + 1 < len(text) and text[i + 1].isdigit():
                digits, i = digits + text[i + 1], i + 1
            out += ("*" if out and out[-1].isdigit() else "") + f"sqrt({digits})"
        else:
            out += text[i]
        i += 1
    return float(eval(out, {"cos": cos, "pi": pi, "sqrt": sqrt}))


@given(st.integers(1, 60), st.data())
def test_real_cyclotomic_integers_are_exact(n, data):
    """Equal numbers have equal coefficients: adding a vanishing sum of roots of unity changes nothing."""
    half = data.draw(st.lists(st.integers(-6, 6), min_size=n // 2 + 1, max_size=n // 2 + 1))
    multiplicities = [half[min(j, n - j)] for j in range(n)]
    value = RealCyclotomic.from_multiplicities(tuple(multiplicities))
    expected = sum(m * cos(2 * pi * j / n) for j, m in enumerate(multiplicities))
    assert abs(float(value) - expected) < 1e-9
    assert abs(read(str(value)) - expected) < 1e-8
    for p in (p for p in (2, 3, 5, 7) if n % p == 0):
        shifted = [m + (j % (n // p) == 0) for j, m in enumerate(multiplicities)]
        assert RealCyclotomic.from_multiplicities(tuple(shifted)) == value
    assert value.conjugates[0] == value
    trace = sum(float(c) for c in value.conjugates)
    assert abs(trace - round(trace)) < 1e-8
