"""Which of infinitely many irreps are meant: by level, or by dimension where that is finite."""

from __future__ import annotations

from collections.abc import Iterable

from equilayers.errors import BadInput
from equilayers.groups import Group
from equilayers.representations.representation import Irrep

__all__ = ["highest_level", "within"]


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
            "An infinite group's irreps are listed up to a level: the tensor powers of the defining action they occur in.",
            {"group": group, "level": level, "max_dim": max_dim},
            "Give level=2" + (", or max_dim=." if group.is_semisimple else "; max_dim= alone leaves infinitely many."),
        )
    return max(2, max_dim)


def within(found: Iterable[Irrep], max_dim: int | None) -> tuple[Irrep, ...]:
    """The irreps of at most this dimension, smaller ones first."""
    return tuple(sorted((i for i in found if max_dim is None or i.dim <= max_dim), key=lambda i: i.dim))
