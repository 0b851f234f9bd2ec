"""Derived values: one for each key, read-only, without tensors, bounded together, given back, safe under threads."""

from __future__ import annotations

import copy
import functools
import gc
import multiprocessing
import pickle
import sys
import threading
import weakref
from collections import OrderedDict

import numpy as np
import pytest
import torch

from equilayers.numerics import Keeper, Shelf, derived, derived_property, kept_bytes
from equilayers.numerics.weight import weigh

room = sys.modules["equilayers.numerics.derived"]


class Owner(Keeper):
    """Stands for a group."""

    def __init__(self, name="owner"):
        self.name = name

    @derived_property
    def numbers(self):
        return np.arange(5.0)


# Values


def test_a_value_is_derived_once_for_each_key():
    calls = []

    @derived
    def table(n, kind):
        calls.append((n, kind))
        return {"rows": np.full((n, n), 2.0), "of": kind}

    assert table(3, "a") is table(3, "a") and table(3, "b")["of"] == "b" and table(4, "a")["rows"].shape == (4, 4)
    assert calls == [(3, "a"), (3, "b"), (4, "a")]
    table.cache_clear()
    assert table(3, "a")["of"] == "a" and len(calls) == 4
    assert table.__wrapped__(2, "c")["of"] == "c" and table.__name__ == "table"


def test_what_a_derivation_raises_is_not_kept():
    calls = []

    @derived
    def never(n):
        calls.append(n)
        raise ValueError(n)

    for _ in range(2):
        with pytest.raises(ValueError):
            never(1)
    assert calls == [1, 1]


def test_arrays_become_read_only_wherever_they_are():
    inner, view, deep = np.zeros(3), np.zeros((2, 2)), np.zeros(4)

    @derived
    def nested():
        return ({"inner": [inner, view[0]]}, functools.partial(max, deep))

    nested()
    assert not inner.flags.writeable and not deep.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        Owner().numbers[0] = 1


@pytest.mark.parametrize("wrap", [lambda t: t, lambda t: (1, [t]), lambda t: {"a": {"b": t}}, lambda t: Shelved(t)])
def test_tensors_are_refused(wrap):
    @derived
    def poisoned():
        return wrap(torch.ones(2))

    with pytest.raises(TypeError, match="without torch tensors"):
        poisoned()


class Shelved:
    """As an object of the package, which is looked into."""

    __module__ = "equilayers.somewhere"

    def __init__(self, held):
        self.held = held


def test_a_users_objects_are_left_alone():
    class Theirs(Owner):
        __module__ = "elsewhere"

    class Function:
        def __init__(self):
            self.weight, self.array = torch.ones(2), np.zeros(2)

    theirs = Function()

    @derived
    def holds():
        return (theirs, lambda: theirs)

    holds()
    assert theirs.array.flags.writeable


def test_derived_properties_are_attributes_of_their_object():
    first, second = Owner(), Owner()
    assert first.numbers is first.numbers and first.numbers is not second.numbers
    assert set(vars(pickle.loads(pickle.dumps(first)))) == {"name"}
    assert set(vars(copy.copy(first))) == {"name"}
    assert isinstance(Owner.numbers, derived_property)


# Memory


def test_weights_count_each_array_once_and_whole():
    array = np.zeros(10_000)
    assert 80_000 <= weigh(array) < 81_000
    assert weigh((array, array, array[::2], array[:5].reshape(5, 1))) < 81_500
    assert weigh(array[:5]) >= 80_000  # a view keeps all of it
    assert weigh({"key": (np.zeros(100), "text")}) > 800
    assert weigh(Shelved(np.zeros(1000))) > 8000


@pytest.fixture
def alone(monkeypatch):
    """No shelf but those of the test counts."""
    monkeypatch.setattr(room._store, "shelves", weakref.WeakSet())
    monkeypatch.setattr(room._store, "bound", 0)


def test_values_of_an_owner_are_freed_with_it(alone):
    @derived
    def large(owner, n):
        return np.zeros(n), owner  # as irreps refer to their group

    gc.collect()
    before = kept_bytes()
    owners = [Owner(f"{i}") for i in range(20)]
    for owner in owners:
        large(owner, 10_000)
    assert kept_bytes() >= before + 20 * 80_000
    watched = [weakref.ref(owner) for owner in owners]
    del owner, owners
    gc.collect()
    assert [ref() for ref in watched] == [None] * 20 and kept_bytes() == before


def test_what_is_not_of_an_owner_lies_on_the_common_shelf():
    @derived
    def squares(n):
        return np.arange(n) ** 2

    before = len(room._common.entries)
    squares(7)
    assert len(room._common.entries) == before + 1
    squares.cache_clear()


def test_all_shelves_together_are_bounded(alone, monkeypatch):
    """The last asked for stays; what is too large for all of them is handed out and not kept."""
    monkeypatch.setattr(room, "LIMIT", 100_000)
    shelves, calls, largest = [Shelf() for _ in range(3)], [], 0
    for round in range(40):
        shelves[round % 3].find(round, lambda: np.zeros(1000))
        shelves[0].find("favourite", lambda: calls.append(1) or np.zeros(1000))
        largest = max(largest, kept_bytes())
    assert largest <= 100_000 and calls == [1]
    assert sum(len(shelf.entries) for shelf in shelves) >= 5
    assert len(shelves[0].find("huge", lambda: np.zeros(100_000))) == 100_000 and kept_bytes() <= 100_000
    assert "huge" not in shelves[0].entries


def test_values_that_grow_are_weighed_again(alone, monkeypatch):
    """A value may derive attributes of its own after it was kept."""
    monkeypatch.setattr(room, "LIMIT", 1_000_000)
    shelf = Shelf()
    for i in range(60):
        grown = shelf.find(i, Growing)
        assert grown.matrix.shape == (100, 100)
    assert kept_bytes() <= 1_000_000 and 5 <= len(shelf.entries) < 13


class Growing:
    __module__ = "equilayers.somewhere"

    @derived_property
    def matrix(self):
        return np.zeros((100, 100))


# Threads


def hammer(ask, keys, threads=8):
    """All threads ask for all keys in orders of their own; errors and answers."""
    errors, answers, start = [], [], threading.Barrier(threads)

    def work(seed):
        start.wait()
        try:
            answers.append({int(k): ask(int(k)) for k in np.random.default_rng(seed).permutation(keys)})
        except Exception as error:
            errors.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        team = [threading.Thread(target=work, args=(i,)) for i in range(threads)]
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    return errors, answers


@pytest.mark.parametrize("limit", [1 << 29, 30_000])
def test_threads_get_one_value_for_each_key(limit, alone, monkeypatch):
    """Also while room is made all the time."""
    monkeypatch.setattr(room, "LIMIT", limit)
    shelf = Shelf()

    def ask(k):
        return shelf.find(k, lambda: (k, np.full(20, k), shelf.find(("part", k // 2), lambda: np.zeros(k))))

    errors, answers = hammer(ask, 300)
    assert errors == [] and len(answers) == 8
    assert all(answer[k][0] == k and (answer[k][1] == k).all() for answer in answers for k in range(300))
    if limit > 1 << 20:
        assert len(shelf.entries) == 450
        assert all(answer[k] is shelf.entries[k].value for answer in answers for k in range(300))
    else:
        assert kept_bytes() <= limit


def test_a_cache_that_counts_while_others_write_is_noticed():
    """The broken twin: what the solver did before."""
    kept: OrderedDict[int, np.ndarray] = OrderedDict()

    def ask(k):
        if k not in kept:
            kept[k] = np.zeros(5)
            while sum(value.size for value in kept.values()) > 100:
                kept.popitem(last=False)
        return kept[k]

    assert any(hammer(ask, 2000)[0] for _ in range(10))


def test_derived_properties_under_threads_are_one_value():
    owners = [Owner() for _ in range(200)]
    errors, answers = hammer(lambda k: owners[k].numbers, 200)
    assert errors == []
    assert all(answer[k] is owners[k].numbers for answer in answers for k in range(200))


def test_derivations_that_wait_for_each_other_do_not_block():
    """Two that need each other's parts, in opposite orders: a lock held while deriving would never come back."""
    meet = threading.Barrier(2, timeout=10)
    shelf = Shelf()

    def left():
        meet.wait()
        return shelf.find("right part", lambda: 1)

    def right():
        meet.wait()
        return shelf.find("left part", lambda: 2)

    found = []
    pairs = (("left part", left), ("right part", right))
    team = [threading.Thread(target=lambda n=n, f=f: found.append(shelf.find(n, f))) for n, f in pairs]
    for thread in team:
        thread.start()
    for thread in team:
        thread.join(timeout=20)
    assert len(found) == 2


def _asked_in_child(queue):
    queue.put(Shelf().find("a", lambda: 5))


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_process_is_not_locked():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with room._store.lock:  # as if another thread held it at this moment
        child = context.Process(target=_asked_in_child, args=(queue,))
        child.start()
    assert queue.get(timeout=20) == 5
    child.join(timeout=20)
