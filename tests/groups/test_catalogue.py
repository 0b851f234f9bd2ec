"""Every named group obeys the laws of groups, and every finite one of moderate order those of its irreps."""

from __future__ import annotations

import pytest

import equilayers as eq
from equilayers.errors import BadGroup
from equilayers.groups import Entry, catalogue
from equilayers.testing import check_group, check_irreps

ENTRIES = {entry.name: entry for entry in catalogue()}
LISTED = 10_000


def test_at_least_sixty_names_and_each_once():
    assert len(ENTRIES) == len(catalogue()) == 117
    assert sum(entry.family == "point groups" for entry in catalogue()) == 31


@pytest.mark.parametrize("name", ENTRIES)
def test_the_laws_of_the_group(name):
    G = ENTRIES[name].group
    assert eq.group(name) == G and isinstance(ENTRIES[name], Entry)
    assert check_group(G).ran > 20


LONG = ("S7", "M11")
FINITE = [name for name, entry in ENTRIES.items() if entry.group.is_finite and entry.group.order <= LISTED]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG else ()) for name in FINITE]
)
def test_all_irreps_of_a_finite_group(name):
    G = eq.group(name)
    found = eq.irreps(G)
    assert sum(irrep.dim**2 // irrep.end_dim for irrep in found) == G.order
    assert check_irreps(G).ran > 3


@pytest.mark.parametrize("name", ["SO(3", "D4h2", "Rubick", "SU", ""])
def test_an_unknown_name_is_refused_and_near_ones_are_shown(name):
    with pytest.raises(BadGroup, match="No group has this name"):
        eq.group(name)


def test_near_names_are_suggested():
    with pytest.raises(BadGroup, match="Rubik"):
        eq.group("Rubick")
    with pytest.raises(BadGroup, match=r"m-3m"):
        eq.group("m3-m")
