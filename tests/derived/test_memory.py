"""What is derived from a user's group is given back when he drops it; what is kept is bounded, and says so."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import weakref

import numpy as np
import pytest
import torch
from derivations import DERIVATIONS, derive
from forget import forget
from modules import MODULES

import equilayers as eq
from equilayers.numerics import kept_bytes

room = sys.modules["equilayers.numerics.derived"]


def of_a_user(i: int) -> eq.groups.Group:
    """The i-th of many groups of order 24: permutations of 4 of 4 to 8 points, each with a name of its own."""
    n = 4 + i % 5
    cycle, swap = np.arange(n), np.arange(n)
    cycle[:4], swap[:2] = [1, 2, 3, 0], [1, 0]
    return eq.FiniteGroup.from_permutations([cycle, swap], name=f"mine {i}")


def use(G: eq.groups.Group) -> None:
    V = eq.defining(G)
    layer = eq.layers.Linear(V @ V, 2 * V)
    layer(torch.ones(1, V.dim**2)).sum().backward()
    eq.hom(V @ V, V)
    eq.irreps(G)
    eq.restrict(V, G.subgroup(G.discrete_generators[:1]))


@pytest.mark.parametrize("count", [10, pytest.param(400, marks=pytest.mark.slow)])
def test_a_users_groups_are_given_back(count):
    forget()
    use(of_a_user(0))
    gc.collect()
    before, shelves = kept_bytes(), len(room._store.shelves)
    tracemalloc.start()
    start = tracemalloc.get_traced_memory()[0]
    watched, most = [], 0
    groups = [of_a_user(i) for i in range(count)]
    for G in groups:
        use(G)
        watched.append(weakref.ref(G))
    most = kept_bytes()
    held = tracemalloc.get_traced_memory()[0] - start
    del G, groups
    gc.collect()
    left = tracemalloc.get_traced_memory()[0] - start
    tracemalloc.stop()
    assert most - before > 20_000 * count  # there was something to give back
    assert kept_bytes() <= before and len(room._store.shelves) <= shelves
    assert [ref() for ref in watched] == [None] * count
    assert left < held / 50 + 200_000  # of interned texts and tables of numbers


def test_a_module_keeps_its_group_and_gives_it_back():
    G = of_a_user(1)
    layer = eq.layers.Linear(eq.defining(G), 2 * eq.defining(G))
    seen = weakref.ref(G)
    del G
    gc.collect()
    assert seen() is not None and seen().shelf.entries
    del layer
    gc.collect()
    assert seen() is None


def test_equal_groups_share_what_is_derived_and_outlive_each_other():
    first, second = of_a_user(3), of_a_user(3)
    assert first is not second and first.shelf is second.shelf
    found = eq.irreps(first)
    assert eq.irreps(second) is found
    del first, found
    gc.collect()
    assert eq.irreps(second) is eq.irreps(of_a_user(3))


def test_groups_that_differ_in_anything_share_nothing():
    """Name, class, order of the generators, the last bit of one, the group of which it is a part."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])

    class Mine(eq.groups.FiniteMatrixGroup):
        pass

    D4, D8 = eq.group("D4"), eq.group("D8")
    flip = np.diag([1.0, -1.0])
    groups = [
        eq.FiniteGroup.from_matrices([turn, flip]),
        eq.FiniteGroup.from_matrices([turn, flip], name="other"),
        eq.FiniteGroup.from_matrices([flip, turn]),
        eq.FiniteGroup.from_matrices([turn, flip * (1 + 2.0**-50)]),
        Mine(np.array([turn, flip])),
        D4,
        D4.subgroup(D4.discrete_generators),
        D8.subgroup(D4.discrete_generators),
    ]
    assert len({id(G.shelf) for G in groups}) == len(groups)
    for G in groups:
        assert all(i.group.name == G.name and i.group.parent is G.parent for i in eq.irreps(G))
        assert eq.decompose(eq.defining(G)).rep.group.parent is G.parent


def test_nothing_on_the_common_shelf_holds_a_users_group():
    forget()
    G = of_a_user(2)
    use(G)
    for name in DERIVATIONS:
        derive(name, "D4")
    for build in list(MODULES.values())[::7]:
        build()
    seen = weakref.ref(G)
    del G
    gc.collect()
    assert seen() is None
    named = {key[1][0] for key in room._common.entries if key[0].__name__ == "group"}
    assert "D4" in named and len(room._common.entries) > 10


def test_the_bound_holds_while_everything_is_derived(monkeypatch):
    """With a hundredth of the room, each answer is the same and no more is kept."""
    expected = {name: derive(name, "S4") for name in DERIVATIONS}
    forget()
    monkeypatch.setattr(room, "LIMIT", 200_000)
    monkeypatch.setattr(room._store, "bound", 0)
    from derivations import same

    for name in DERIVATIONS:
        assert same(derive(name, "S4"), expected[name]), name
        assert kept_bytes() <= 200_000, name
