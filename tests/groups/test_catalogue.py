"""Every named group obeys the laws of groups, and every finite one of moderate order those of its irreps."""

from __future__ import annotations

import dataclasses
import math

import pytest

import equilayers as eq
from equilayers.errors import BadGroup
from equilayers.groups import Entry, catalogue
from equilayers.testing import check_group, check_irreps

ENTRIES = {entry.name: entry for entry in catalogue()}
LISTED = 10_000
CRYSTALS = {name for name, entry in ENTRIES.items() if entry.family == "point groups"}  # test_point_groups has them
LONG_LAWS = CRYSTALS | {"S50", "SO(2) wr S3"}


def test_at_least_sixty_names_and_each_once():
    assert len(ENTRIES) == len(catalogue()) == 117
    assert sum(entry.family == "point groups" for entry in catalogue()) == 31


def test_an_entry_says_what_its_group_says():
    known = {"m-3m": (48, 0, True), "S50": (math.factorial(50), 0, True), "U(3)": (None, 9, True)}
    known |= {"O(1,3)": (None, 6, False), "Poincare": (None, 10, False), "SO(2) wr S3": (None, 3, True)}
    for name, facts in known.items():
        entry = ENTRIES[name]
        assert (entry.order, entry.lie_dim, entry.is_compact) == facts
    with pytest.raises(dataclasses.FrozenInstanceError):
        ENTRIES["D4"].name = "D5"
    assert all(entry.description and "\n" not in entry.description for entry in catalogue())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LONG_LAWS else ()) for name in ENTRIES]
)
def test_the_laws_of_the_group(name):
    G = ENTRIES[name].group
    assert eq.group(name) == G and isinstance(ENTRIES[name], Entry)
    assert check_group(G).ran > 20


LONG = CRYSTALS | {"S7", "M11"}
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
