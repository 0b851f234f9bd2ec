"""How a group acts: representations, their algebra, irreps, decomposition, and actions on grids and points."""

from importlib import import_module
from typing import Any

from equilayers.representations.actions import Action, GridField, PointField
from equilayers.representations.constructors import (
    adjoint,
    defining,
    permutation,
    regular,
    representation,
    trivial,
)
from equilayers.representations.induced import induce, quotient, restrict
from equilayers.representations.isomorphism import isomorphism
from equilayers.representations.representation import Images, Irrep, Representation

_LATE = {
    "character": "characters", "character_table": "characters", "Character": "characters", "CharacterTable": "characters",
    "irreps": "irreps", "irrep": "irreps", "decompose": "decompose", "Decomposition": "decompose", "rep": "strings",
    "canonical_images": "canonical", "Canonical": "canonical",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATE:
        found = getattr(import_module(f"equilayers.representations.{_LATE[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'equilayers.representations' has no attribute {name!r}")


__all__ = [
    "Action",
    "GridField",
    "Images",
    "Irrep",
    "PointField",
    "Representation",
    "adjoint",
    "defining",
    "induce",
    "isomorphism",
    "permutation",
    "quotient",
    "regular",
    "representation",
    "restrict",
    "trivial",
]
