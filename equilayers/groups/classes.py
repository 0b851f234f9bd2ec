"""Conjugacy classes of an enumerated finite group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers.groups.finite import FiniteGroup

__all__ = ["ConjugacyClasses", "conjugacy_classes"]


class ConjugacyClasses:
    """Replaced by its owner."""


def conjugacy_classes(group: FiniteGroup) -> Any:
    raise NotImplementedError
