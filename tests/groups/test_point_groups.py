"""The 32 crystallographic point groups against a table of the textbooks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadGroup
from equilayers.groups import PointGroup

# Schoenflies: Hermann-Mauguin, order, classes, real irreps, what the coordinates x, y, z carry.
TABLE = {
    "C1": ("1", 1, 1, "A", "3A"),
    "Ci": ("-1", 2, 2, "Ag Au", "3Au"),
    "C2": ("2", 2, 2, "A B", "A 2B"),
    "Cs": ("m", 2, 2, "A' A''", "2A' A''"),
    "C2h": ("2/m", 4, 4, "Ag Bg Au Bu", "Au 2Bu"),
    "D2": ("222", 4, 4, "A B1 B2 B3", "B1 B2 B3"),
    "C2v": ("mm2", 4, 4, "A1 A2 B1 B2", "A1 B1 B2"),
    "D2h": ("mmm", 8, 8, "Ag B1g B2g B3g Au B1u B2u B3u", "B1u B2u B3u"),
    "C4": ("4", 4, 4, "A B E", "A E"),
    "S4": ("-4", 4, 4, "A B E", "B E"),
    "C4h": ("4/m", 8, 8, "Ag Bg Eg Au Bu Eu", "Au Eu"),
    "D4": ("422", 8, 5, "A1 A2 B1 B2 E", "A2 E"),
    "C4v": ("4mm", 8, 5, "A1 A2 B1 B2 E", "A1 E"),
    "D2d": ("-42m", 8, 5, "A1 A2 B1 B2 E", "B2 E"),
    "D4h": ("4/mmm", 16, 10, "A1g A2g B1g B2g Eg A1u A2u B1u B2u Eu", "A2u Eu"),
    "C3": ("3", 3, 3, "A E", "A E"),
    "S6": ("-3", 6, 6, "Ag Eg Au Eu", "Au Eu"),
    "D3": ("32", 6, 3, "A1 A2 E", "A2 E"),
    "C3v": ("3m", 6, 3, "A1 A2 E", "A1 E"),
    "D3d": ("-3m", 12, 6, "A1g A2g Eg A1u A2u Eu", "A2u Eu"),
    "C6": ("6", 6, 6, "A B E1 E2", "A E1"),
    "C3h": ("-6", 6, 6, "A' E' A'' E''", "E' A''"),
    "C6h": ("6/m", 12, 12, "Ag Bg E1g E2g Au Bu E1u E2u", "Au E1u"),
    "D6": ("622", 12, 6, "A1 A2 B1 B2 E1 E2", "A2 E1"),
    "C6v": ("6mm", 12, 6, "A1 A2 B1 B2 E1 E2", "A1 E1"),
    "D3h": ("-6m2", 12, 6, "A1' A2' E' A1'' A2'' E''", "E' A2''"),
    "D6h": ("6/mmm", 24, 12, "A1g A2g B1g B2g E1g E2g A1u A2u B1u B2u E1u E2u", "A2u E1u"),
    "T": ("23", 12, 4, "A E T", "T"),
    "Th": ("m-3", 24, 8, "Ag Eg Tg Au Eu Tu", "Tu"),
    "O": ("432", 24, 5, "A1 A2 E T1 T2", "T1"),
    "Td": ("-43m", 24, 5, "A1 A2 E T1 T2", "T2"),
    "Oh": ("m-3m", 48, 10, "A1g A2g Eg T1g T2g A1u A2u Eu T1u T2u", "T1u"),
}


def matrices(G):
    return G.elements().numpy()


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    mauguin, order, classes, labels, coordinates = TABLE[name]
    G = PointGroup(name)
    assert PointGroup(mauguin) == G
    assert (G.schoenflies, G.hermann_mauguin, G.order) == (name, mauguin, order)
    assert len(matrices(G)) == order
    assert len(G.conjugacy_classes.sizes) == classes
    assert {irrep.label for irrep in eq.irreps(G)} == set(labels.split())
    found = eq.decompose(eq.defining(G)).rep
    names = sorted(f"{m if m > 1 else ''}{irrep.label}" for m, irrep in found.terms)
    assert names == sorted(coordinates.split())


def test_there_are_thirty_two_and_no_two_are_conjugate():
    """Orders, traces and determinants of the elements tell all 32 apart."""
    assert len(TABLE) == 32
    spectra = set()
    for name in TABLE:
        found = matrices(PointGroup(name))
        pairs = np.stack([np.trace(found, axis1=1, axis2=2), np.linalg.det(found)], 1).round(6) + 0.0
        spectra.add(tuple(sorted(map(tuple, pairs.tolist()))))
    # 32, 3m, 6 and -3 share no spectrum; the seven Laue pairs differ by their improper elements.
    assert len(spectra) == 32


@pytest.mark.parametrize("name", TABLE)
def test_it_keeps_a_lattice(name):
    """Every trace is an integer: the crystallographic restriction."""
    traces = np.trace(matrices(PointGroup(name)), axis1=1, axis2=2)
    assert np.abs(traces - traces.round()).max() < 1e-12


@pytest.mark.parametrize("name", [mauguin for mauguin, *_ in TABLE.values() if mauguin != "1"])
def test_eq_group_knows_both_names(name):
    G = eq.group(name)
    assert PointGroup(name) == G
    if not G.schoenflies[1:].isdigit() and G.schoenflies not in ("T", "O", "Oh"):
        assert eq.group(G.schoenflies) == G


def test_names_that_mean_something_else_elsewhere():
    assert eq.group("S4").order == 24 and PointGroup("S4").order == 4
    assert eq.defining(eq.group("D4")).dim == 2 and eq.defining(PointGroup("D4")).dim == 3
    assert PointGroup("C3i") == PointGroup("S6") and PointGroup("-62m") == PointGroup("D3h")


def test_unknown_names_are_refused():
    with pytest.raises(BadGroup, match="No crystallographic"):
        PointGroup("C5v")


def test_a_perturbed_generator_makes_another_group():
    G = PointGroup("D3d")
    wrong = G.discrete_generators.clone().numpy()
    wrong[1] = np.diag([-1.0, 1.0, -1.0])  # a half turn about y instead of x: the same class of group, another one
    twin = eq.FiniteGroup.from_matrices(wrong, name="twin")
    assert twin.order == G.order
    inside = [bool(G.equal(torch.tensor(matrices(G)), torch.tensor(g)).any()) for g in twin.elements().numpy()]
    assert not all(inside)
