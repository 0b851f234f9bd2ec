"""What authors of groups, representations and layers import into their tests.

The checks are those of :mod:`equilayers.measurement`. ``strategies`` (hypothesis) loads on first use, because
hypothesis belongs to the test extra only.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from equilayers.errors import CheckFailed
from equilayers.measurement import (
    CheckReport,
    assert_equivariant,
    check_group,
    check_hom,
    check_irreps,
    check_layer,
    check_representation,
)

if TYPE_CHECKING:
    from equilayers.testing import strategies

__all__ = [
    "CheckFailed",
    "CheckReport",
    "assert_equivariant",
    "check_group",
    "check_hom",
    "check_irreps",
    "check_layer",
    "check_representation",
    "strategies",
]


def __getattr__(name: str) -> ModuleType:
    if name == "strategies":
        return import_module("equilayers.testing.strategies")
    raise AttributeError(f"module 'equilayers.testing' has no attribute {name!r}")
