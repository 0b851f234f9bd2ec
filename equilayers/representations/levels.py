"""Which of infinitely many irreps are meant: by level, or by dimension where that is finite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cmp_to_key

from equilayers.errors import BadInput
from equilayers.groups import Group
from equilayers.representations.representation import Irrep

__all__ = ["highest_level", "in_order", "within"]

SAME = 1e-6  # characters closer than this are equal: values on one class are sums of a few roots of unity
_TYPES = {"real": 0, "complex": 1, "quaternionic": 2}


def highest_level(group: Group, level: int | None, max_dim: int | None) -> int:
    """The last tensor power to look into; every irrep of dimension ``max_dim`` occurs up to that power.

    Raises:
        BadInput: neither bound is given, or only ``max_dim`` for a group with infinitely many irreps of one dimension.
    """
    if level is not None:
        if level < 0:
            raise BadInput("A level is at least 0.", {"level": level}, "Give level=2.")
        return level
    if max_dim is None or not group.is_semisimple:
        raise BadInput(
            "An infinite group's irreps are listed up to a level: a tensor power of the defining action.",
            {"group": group, "level": level, "max_dim": max_dim},
            "Give level=2" + (", or max_dim=." if group.is_semisimple else "; max_dim= alone leaves infinitely many."),
        )
    return max(2, max_dim)


def within(found: Iterable[Irrep], max_dim: int | None) -> tuple[Irrep, ...]:
    """The irreps of at most this dimension, smaller ones first."""
    return tuple(sorted((i for i in found if max_dim is None or i.dim <= max_dim), key=lambda i: i.dim))


def in_order(found: Sequence[Irrep], characters: Sequence[Sequence[float]]) -> tuple[Irrep, ...]:
    """Sorted by dimension, type and characters class by class, larger first; so the trivial irrep leads.

    Args:
        found: irreps of one group.
        characters: their values on the classes, as ``group.conjugacy_classes`` orders them; empty to keep the order.
    """

    def compare(a: int, b: int) -> int:
        first, second = found[a], found[b]
        gap = first.dim - second.dim or _TYPES[first.type] - _TYPES[second.type]
        pairs = zip(characters[a], characters[b], strict=True)
        return gap or next((1 if x < y else -1 for x, y in pairs if abs(x - y) > SAME), 0)

    return tuple(found[i] for i in sorted(range(len(found)), key=cmp_to_key(compare)))
