"""Name a group, and get layers: exact, fast, and measured.

The stages of the argument, in the order in which they import one another: groups, representations, intertwiners,
layers, models; beside them measurement, experiments and testing. Names load on first use, so that
``import equilayers`` costs little more than ``import torch``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers import (
        errors,
        experiments,
        groups,
        intertwiners,
        layers,
        measurement,
        models,
        ops,
        representations,
        testing,
    )
    from equilayers.errors import EquilayersError
    from equilayers.groups import FiniteGroup, Generators, Homomorphism, MatrixGroup, group
    from equilayers.intertwiners import clebsch_gordan, hom
    from equilayers.layers import to_torch
    from equilayers.measurement import equivariance_error
    from equilayers.representations import (
        GridField,
        NodeTensor,
        PointField,
        adjoint,
        character,
        character_table,
        decompose,
        defining,
        exterior,
        induce,
        irrep,
        irreps,
        isomorphism,
        permutation,
        quotient,
        regular,
        rep,
        representation,
        restrict,
        trivial,
    )

__version__ = "0.1.0"

_ROOMS = (
    "errors", "experiments", "groups", "intertwiners", "layers", "measurement", "models", "ops", "representations",
    "testing",
)  # fmt: skip
_HOMES = {
    "errors": ("EquilayersError",),
    "groups": ("FiniteGroup", "Generators", "Homomorphism", "MatrixGroup", "group"),
    "intertwiners": ("clebsch_gordan", "hom"),
    "layers": ("to_torch",),
    "measurement": ("equivariance_error",),
    "representations": (
        "GridField", "NodeTensor", "PointField", "adjoint", "character", "character_table", "decompose", "defining",
        "exterior", "induce", "irrep", "irreps", "isomorphism", "permutation", "quotient", "regular", "rep",
        "representation", "restrict", "trivial",
    ),
}  # fmt: skip
_HOME_OF = {name: room for room, names in _HOMES.items() for name in names}

__all__ = [*_ROOMS, *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"equilayers.{name}")
    if name in _HOME_OF:
        return getattr(import_module(f"equilayers.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'equilayers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
