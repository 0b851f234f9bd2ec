"""How a group acts: representations, their algebra, irreps, decomposition, and actions on grids and points."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from equilayers.representations.actions import Action, GridField, PointField
from equilayers.representations.characters import Character, CharacterTable, character, character_table
from equilayers.representations.constructors import adjoint, defining, regular, trivial
from equilayers.representations.decompose import Decomposition, decompose
from equilayers.representations.exterior import exterior
from equilayers.representations.given import permutation, representation
from equilayers.representations.induced import induce, quotient, restrict
from equilayers.representations.irreps import irrep, irreps
from equilayers.representations.isomorphism import isomorphism
from equilayers.representations.nodes import NodeTensor
from equilayers.representations.representation import Images, Irrep, Representation
from equilayers.representations.strings import rep

if TYPE_CHECKING:
    from equilayers.representations.canonical import Canonical, canonical_images


def __getattr__(name: str) -> Any:
    if name in ("Canonical", "canonical_images"):  # needed by those who bring irreps of their own
        return getattr(import_module("equilayers.representations.canonical"), name)
    raise AttributeError(f"module 'equilayers.representations' has no attribute {name!r}")


__all__ = [
    "Action",
    "Canonical",
    "Character",
    "CharacterTable",
    "Decomposition",
    "GridField",
    "Images",
    "Irrep",
    "NodeTensor",
    "PointField",
    "Representation",
    "adjoint",
    "canonical_images",
    "character",
    "character_table",
    "decompose",
    "defining",
    "exterior",
    "induce",
    "irrep",
    "irreps",
    "isomorphism",
    "permutation",
    "quotient",
    "regular",
    "rep",
    "representation",
    "restrict",
    "trivial",
]
