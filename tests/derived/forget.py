"""A fresh process without starting one: everything that was derived is forgotten."""

from __future__ import annotations

import gc
import sys

from equilayers.numerics.derived import _store, derived_property


def forget() -> int:
    """Empty every shelf, and take back every attribute that was derived; how many values that were."""
    count, names = 0, {}
    for shelf, key, _ in _store.items():
        count += shelf.entries.pop(key, None) is not None
    for item in gc.get_objects():
        kind = type(item)
        if kind not in names:
            every = (pair for base in kind.__mro__ for pair in vars(base).items())
            names[kind] = {name for name, value in every if isinstance(value, derived_property)}
        for name in names[kind] & vars(item).keys() if names[kind] else ():
            del vars(item)[name]
            count += 1
    return count


def kept() -> list[object]:
    """All objects that derived values consist of, reached through containers and through the package's own objects."""
    found: dict[int, object] = {}
    waiting: list[object] = [part for _, key, entry in _store.items() for part in (key, entry.value)]
    while waiting:
        item = waiting.pop()
        if id(item) in found:
            continue
        found[id(item)] = item
        if isinstance(item, tuple | list | set | frozenset):
            waiting += item
        elif hasattr(item, "keys") and hasattr(item, "values"):
            waiting += [*item.keys(), *item.values()]
        elif type(item).__module__.startswith("equilayers"):
            waiting += vars(item).values() if hasattr(item, "__dict__") else []
        elif callable(item) and getattr(item, "__closure__", None):
            waiting += [cell.cell_contents for cell in item.__closure__]
    sys.stdout.flush()
    return list(found.values())
