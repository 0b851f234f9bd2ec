"""Irreps found from generators alone: known degrees, orthogonality, indicators, labels, anchors, refusals."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadRepresentation, TooLarge
from equilayers.groups import FiniteGroup

_spec = importlib.util.spec_from_file_location("finite_cases", Path(__file__).with_name("finite_cases.py"))
finite_cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(finite_cases)
CASES = finite_cases.groups()
R, C, H = "real", "complex", "quaternionic"
KNOWN = {  # the real irreps, from the character tables of the literature
    "F21": [(1, R), (2, C), (6, C)],
    "SL(2,3)": [(1, R), (2, C), (3, R), (4, C), (4, H)],
    "A5": [(1, R), (3, R), (3, R), (4, R), (5, R)],
    "PSL(2,7)": [(1, R), (6, R), (6, C), (7, R), (8, R)],
    "M11": [(1, R), (10, R), (11, R), (20, C), (32, C), (44, R), (45, R), (55, R)],
}


def unnamed(name: str) -> FiniteGroup:
    """A shipped group by its permutations, without its closed forms and its name."""
    return FiniteGroup.from_permutations(eq.group(name).permutation_generators, name=f"unnamed {name}")


def product_of(first: str, second: str) -> FiniteGroup:
    named = eq.group(f"{first} x {second}")
    return FiniteGroup.from_permutations(named.permutation_generators, name=f"{first}.{second}")


GROUPS = {
    **{name: CASES[name] for name in KNOWN if name != "M11"},
    **{f"unnamed {n}": unnamed(n) for n in ("C1", "C7", "D4", "D6", "S4", "S5", "Q8", "A6", "Oh")},
    **{n: eq.group(n) for n in ("T", "O", "I", "Oh", "Ih", "Q8", "A4", "A5", "A6")},
    **{f"{a}.{b}": product_of(a, b) for a, b in (("C3", "C3"), ("Q8", "C3"), ("Q8", "Q8"), ("T", "S3"))},
    "table of Z6": FiniteGroup.from_table([[(i + j) % 6 for j in range(6)] for i in range(6)]),
    "table of one": FiniteGroup.from_table([[0]]),
    "two orbits": FiniteGroup.from_permutations([[1, 0, 2, 3], [0, 1, 3, 2]]),
    "idle generator": FiniteGroup.from_permutations([[0, 1, 2], [1, 2, 0]]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_degrees_and_types_of_the_literature(name: str) -> None:
    assert [(i.dim, i.type) for i in eq.irreps(CASES[name])] == KNOWN[name]


def test_symmetric_group_of_seven_points_without_its_closed_form() -> None:
    found = eq.irreps(unnamed("S7"))
    assert [i.dim for i in found] == [i.dim for i in eq.irreps(eq.group("S7"))]


@pytest.mark.parametrize("name", GROUPS)
def test_orthogonality_and_indicators_over_all_elements(name: str) -> None:
    G = GROUPS[name]
    elements = G.elements()
    squares = G.compose(elements, elements)
    found = eq.irreps(G)
    chi = np.array([i(elements).diagonal(dim1=-2, dim2=-1).sum(-1).numpy() for i in found])
    expected = np.diag([i.end_dim for i in found])
    assert np.abs(chi @ chi.T / G.order - expected).max() < 1e-10
    assert sum(i.dim**2 // i.end_dim for i in found) == G.order
    for i in found:
        indicator = float(i(squares).diagonal(dim1=-2, dim2=-1).sum(-1).mean())
        assert abs(indicator - {R: 1, C: 0, H: -2}[i.type]) < 1e-10
        assert i.is_orthogonal


@pytest.mark.parametrize("name", GROUPS)
def test_every_law_of_irreps(name: str) -> None:
    assert eq.testing.check_irreps(GROUPS[name]).ran >= 10


@pytest.mark.parametrize("name", ["unnamed S5", "Q8.Q8", "SL(2,3)", "PSL(2,7)", "Ih"])
def test_homomorphism_to_rounding(name: str) -> None:
    G = GROUPS[name]
    rng = torch.Generator().manual_seed(0)
    g, h = G.sample(20, rng), G.sample(20, rng)
    for i in eq.irreps(G):
        assert float((i(G.compose(g, h)) - i(g) @ i(h)).abs().max()) < 1e-12


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("T", "A E T"),
        ("O", "A1 A2 E T1 T2"),
        ("I", "A G H T1 T2"),
        ("Oh", "A1g A1u A2g A2u Eg Eu T1g T1u T2g T2u"),
        ("Ih", "Ag Au Gg Gu Hg Hu T1g T1u T2g T2u"),
    ],
)
def test_mulliken_labels(name: str, labels: str) -> None:
    assert sorted(i.label for i in eq.irreps(eq.group(name))) == labels.split()


@pytest.mark.parametrize(
    ("name", "label"), [("T", "T"), ("O", "T1"), ("I", "T1"), ("Oh", "T1u"), ("Ih", "T1u"), ("Q8", "4")]
)
def test_an_irreducible_defining_action_is_its_irrep(name: str, label: str) -> None:
    G = eq.group(name)
    assert np.array_equal(eq.irrep(G, label).images.discrete, eq.defining(G).images.discrete)


def test_determinant_and_second_vectors_of_the_octahedron() -> None:
    G = eq.group("O")
    first, second = eq.character(eq.irrep(G, "A2") @ eq.irrep(G, "T1")), eq.character(eq.irrep(G, "T2"))
    assert np.abs(first.values - second.values).max() < 1e-12
    Gh = eq.group("Oh")
    minus = -torch.eye(3, dtype=torch.float64)
    assert all(float(i(minus)[0, 0]) == pytest.approx(1 if i.label.endswith("g") else -1) for i in eq.irreps(Gh))


def test_order_is_dimension_type_characters() -> None:
    for name, G in GROUPS.items():
        found = eq.irreps(G)
        keys = [
            (i.dim, [R, C, H].index(i.type), tuple(-np.round(eq.character(i).values, 6) + 0.0)) for i in found
        ]
        assert keys == sorted(keys), name
        assert found[0].is_trivial


def test_bounds_and_refusals() -> None:
    G = unnamed("S5")
    assert [i.dim for i in eq.irreps(G, max_dim=4)] == [1, 1, 4, 4]
    with pytest.raises(BadRepresentation, match="No irrep"):
        eq.irrep(G, "nonsense")
    with pytest.raises(TooLarge, match="order"):
        eq.irreps(unnamed("S9"))
    with pytest.raises(TooLarge, match="irreps"):
        eq.irreps(eq.group("S50"))
    swaps = []
    for k in range(11):
        p = list(range(22))
        p[2 * k], p[2 * k + 1] = p[2 * k + 1], p[2 * k]
        swaps.append(p)
    with pytest.raises(TooLarge, match="2048"):
        eq.irreps(FiniteGroup.from_permutations(swaps))


def test_equal_groups_keep_their_own_parents() -> None:
    whole, other = eq.group("S4"), eq.group("S5")
    first = whole.subgroup(whole.elements()[1:2])
    for G, parent in ((first, whole), (other.subgroup(other.elements()[1:2]), other)):
        assert all(i.group is G and i.group.parent is parent for i in eq.irreps(G))
    assert eq.irreps(first) is eq.irreps(first)
