"""The one place where derived values are kept: by value, for every thread, bounded, outside the modes of the caller."""

from __future__ import annotations

import functools
import itertools
import os
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Any, Generic, ParamSpec, Self, TypeVar, cast, overload

from equilayers.numerics.isolation import isolated, isolation, untraced
from equilayers.numerics.weight import weigh

__all__ = ["LIMIT", "Keeper", "Shelf", "derived", "derived_property", "described", "kept_bytes"]

P = ParamSpec("P")
T = TypeVar("T")

LIMIT = 1 << 29  # bytes on all shelves together: half a gibibyte
FILL = 0.75  # of the limit stays when something must go, so that this is seldom
_clock = itertools.count()


class _Entry:
    """A value, what it weighs with its key, and when it was last asked for."""

    __slots__ = ("used", "value", "weight")

    def __init__(self, value: object, weight: int) -> None:
        self.value, self.weight, self.used = value, weight, next(_clock)


class Shelf:
    """Derived values under keys that stand for them, for as long as their owner lives.

    A group owns one; what is derived from numbers alone lies on a common one. All shelves together hold at most
    :data:`LIMIT` bytes: beyond that, what was not asked for longest goes, and is derived again when it is needed.

    Any number of threads may ask. Nothing is locked while a value is derived, so a derivation may ask for others;
    threads that miss one value together derive it each, and all get the one that was put there first.

    Example:
        >>> shelf = Shelf()
        >>> shelf.find("squares", lambda: tuple(i * i for i in range(4)))
        (0, 1, 4, 9)
        >>> shelf.find("squares", lambda: ("not called again",))
        (0, 1, 4, 9)
    """

    __slots__ = ("__weakref__", "entries")

    def __init__(self) -> None:
        self.entries: dict[Hashable, _Entry] = {}
        with _store.lock:
            _store.shelves.add(self)

    @staticmethod
    def shared(key: Hashable) -> Shelf:
        """The shelf that all owners of equal ``key`` have together; it is gone when the last of them is."""
        with _store.lock:
            found = _store.shared.get(key)
            if found is None:
                found = _store.shared[key] = Shelf()
            return found

    def find(self, key: Hashable, derive: Callable[[], T]) -> T:
        """The value under ``key``; where there is none, ``derive()``, called in :func:`isolation`.

        Args:
            key: decides the value: equal keys, one value.
            derive: returns numpy arrays, numbers and texts, or containers and objects of the package made of these.
                Arrays become read-only. What it raises is not kept.

        Raises:
            TypeError: the value holds a torch tensor, which belongs to the modes of its first caller.
        """
        entry = self.entries.get(key)
        if entry is None:
            entry = self.add(key, derive)
        entry.used = next(_clock)
        return cast(T, entry.value)

    def add(self, key: Hashable, derive: Callable[[], object]) -> _Entry:
        """The entry of a key that was missed."""
        with isolation():
            value = derive()
            made = _Entry(value, weigh(value, _APART, freeze=True) + weigh(key, _APART))
        if made.weight > FILL * LIMIT:
            return made
        entry = self.entries.setdefault(key, made)
        if entry is made:
            _store.grew(made.weight)
        return entry


class _Store:
    """All shelves, and an upper bound of what they hold."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.shelves: weakref.WeakSet[Shelf] = weakref.WeakSet()
        self.shared: weakref.WeakValueDictionary[Hashable, Shelf] = weakref.WeakValueDictionary()
        self.bound = 0

    def items(self) -> list[tuple[Shelf, Hashable, _Entry]]:
        """Everything kept, last asked for first."""
        with self.lock:
            shelves = list(self.shelves)
        found = [(shelf, key, entry) for shelf in shelves for key, entry in list(shelf.entries.items())]
        return sorted(found, key=lambda item: -item[2].used)

    def grew(self, weight: int) -> None:
        """Something was derived. The bound counts it even when it is freed, and is set right when it is reached."""
        with self.lock:
            self.bound += weight
            if self.bound > LIMIT:
                self.bound = self._make_room()

    def _make_room(self) -> int:
        """What is left when only what fits is kept, last asked for first."""
        kept, seen = 0, set[int]()
        for shelf, key, entry in self.items():
            entry.weight = weigh(entry.value, _APART, seen) + weigh(key, _APART, seen)  # it may have grown
            if kept + entry.weight > FILL * LIMIT:
                shelf.entries.pop(key, None)
            else:
                kept += entry.weight
        return kept


_store = _Store()
_common = Shelf()
os.register_at_fork(after_in_child=lambda: setattr(_store, "lock", threading.RLock()))


def kept_bytes() -> int:
    """Bytes of all derived values that are kept now.

    Example:
        >>> kept_bytes() < LIMIT
        True
    """
    seen = set[int]()
    return sum(weigh(entry.value, _APART, seen) + weigh(key, _APART, seen) for _, key, entry in _store.items())


class derived_property(Generic[T]):
    """An attribute that is derived when it is first read, in :func:`isolation`, and freed with its object.

    Two threads that read it together may derive it both and get one value. Arrays become read-only.

    Example:
        >>> class Square:
        ...     def __init__(self, side):
        ...         self.side = side
        ...     @derived_property
        ...     def area(self):
        ...         return self.side**2
        >>> square = Square(3)
        >>> square.area, vars(square)
        (9, {'side': 3, 'area': 9})
    """

    def __init__(self, derive: Callable[[Any], T]) -> None:
        self.derive, self.name, self.__doc__ = derive, derive.__name__, derive.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object, owner: type) -> Self | T:
        if instance is None:
            return self
        return self._made(instance)

    @isolated
    def _made(self, instance: object) -> T:
        value = self.derive(instance)
        if not isinstance(value, int | Shelf | None):
            _store.grew(weigh(value, _APART, freeze=True))
        return cast(T, vars(instance).setdefault(self.name, value))


def described(instance: object) -> dict[str, Any]:
    """The state of an object without what is derived from it: what a pickle carries."""
    everything = (item for kind in type(instance).__mro__ for item in vars(kind).items())
    names = {name for name, value in everything if isinstance(value, derived_property)}
    return {name: value for name, value in vars(instance).items() if name not in names}


class Keeper:
    """What owns a shelf: values whose first argument it is are kept there, and freed with it."""

    @derived_property
    def shelf(self) -> Shelf:
        return Shelf()

    def __getstate__(self) -> dict[str, Any]:
        return described(self)


_APART = (Keeper, Shelf)


def derived(function: Callable[P, T]) -> Callable[P, T]:
    """``function`` of hashable positional arguments, each value derived once: see :class:`Shelf`.

    Where the first argument has a ``shelf`` (a group, a representation), it is kept there, elsewhere on the common one.
    ``cache_clear()`` forgets all values of the function, ``__wrapped__`` is the function itself.

    Example:
        >>> import numpy as np
        >>> @derived
        ... def identity(n):
        ...     return np.eye(n)
        >>> identity(2) is identity(2), identity(2).flags.writeable
        (True, False)
    """

    @functools.wraps(function)
    def call(*arguments: Any) -> T:
        shelf = getattr(arguments[0], "shelf", _common) if arguments else _common
        key = (function, arguments)
        entry = shelf.entries.get(key)
        if entry is None:
            entry = shelf.add(key, lambda: function(*arguments))  # type: ignore[call-arg]
        entry.used = next(_clock)
        return cast(T, entry.value)

    def cache_clear() -> None:
        for shelf, key, _ in _store.items():
            if isinstance(key, tuple) and key[0] is function:
                shelf.entries.pop(key, None)

    call.cache_clear = cache_clear  # type: ignore[attr-defined]
    return cast(Callable[P, T], untraced(call))
