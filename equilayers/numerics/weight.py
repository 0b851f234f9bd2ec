"""What a derived value weighs in memory, and that it is fit to be kept: no torch tensors, arrays read-only."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np
import torch

__all__ = ["weigh"]

PACKAGE = __name__.partition(".")[0] + "."
_LEAVES = (str, bytes, int, float, complex, slice, type, ModuleType, BuiltinFunctionType, np.generic, np.dtype)


def weigh(value: object, apart: tuple[type, ...] = (), seen: set[int] | None = None, freeze: bool = False) -> int:
    """Bytes of ``value`` and of all that it holds: containers, arrays, objects and closures of the package.

    Args:
        apart: objects of these types are not entered, but for ``value`` itself: their memory is counted elsewhere.
        seen: identities of what is counted already, which grows by what is counted now.
        freeze: make every array read-only and refuse torch tensors; a user's own objects are left as they are.

    Raises:
        TypeError: with ``freeze``, there is a torch tensor.

    Example:
        >>> array = np.zeros(1000)
        >>> weigh((array, array, array[:10])) - weigh((1, 2, 3)) in range(7900, 8100)
        True
    """
    seen = set() if seen is None else seen
    total, waiting = 0, [(value, freeze)]
    while waiting:
        item, strict = waiting.pop()
        if item is None or id(item) in seen or (isinstance(item, apart) and item is not value):
            continue
        seen.add(id(item))
        if isinstance(item, np.ndarray):
            total += _array(item, strict, seen)
        elif isinstance(item, torch.Tensor):
            if strict:
                raise TypeError(f"A derived value is kept without torch tensors: found one of {tuple(item.shape)}.")
            total += item.nbytes
        else:
            total += sys.getsizeof(item, 0)
            if not isinstance(item, _LEAVES):
                strict = strict and (type(item).__module__.startswith(PACKAGE) or not _is_of_package(type(item)))
                waiting.extend((part, strict) for part in _parts(item))
    return total


def _array(array: np.ndarray, freeze: bool, seen: set[int]) -> int:
    """Bytes of the memory that it lies in, once."""
    if freeze:
        array.setflags(write=False)
    while isinstance(array.base, np.ndarray):
        array = array.base
        if id(array) in seen:
            return 0
        seen.add(id(array))
    return array.nbytes


def _is_of_package(kind: type) -> bool:
    return any(base.__module__.startswith(PACKAGE) for base in kind.__mro__)


def _parts(item: object) -> Iterable[object]:
    if isinstance(item, tuple | list | set | frozenset):
        return list(item)
    if isinstance(item, Mapping):
        return [part for pair in list(item.items()) for part in pair]
    if isinstance(item, functools.partial):
        return [item.func, item.args, item.keywords]
    if isinstance(item, MethodType):
        return [item.__self__, item.__func__]
    if isinstance(item, FunctionType):
        own = (item.__module__ or "").startswith(PACKAGE)
        return [cell.cell_contents for cell in item.__closure__ or ()] if own else []
    if _is_of_package(type(item)):
        names = [name for base in type(item).__mro__ for name in getattr(base, "__slots__", ())]
        return [*list(getattr(item, "__dict__", {}).values()), *(getattr(item, name, None) for name in names)]
    return []
