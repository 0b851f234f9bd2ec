"""Published architectures, one file each, built from layers: plain networks and their equivariant twins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers.models.cnn import CNN
    from equilayers.models.cost import count_macs, count_parameters
    from equilayers.models.equivariant_mlp import EquivariantMLP
    from equilayers.models.group_cnn import GroupCNN
    from equilayers.models.invariant_scalars import InvariantScalars
    from equilayers.models.lorentz_net import LorentzNet
    from equilayers.models.mlp import MLP
    from equilayers.models.twins import twin
    from equilayers.models.vector_neurons import VectorNeurons

_HOME_OF = {
    "CNN": "cnn",
    "EquivariantMLP": "equivariant_mlp",
    "GroupCNN": "group_cnn",
    "InvariantScalars": "invariant_scalars",
    "LorentzNet": "lorentz_net",
    "MLP": "mlp",
    "VectorNeurons": "vector_neurons",
    "count_macs": "cost",
    "count_parameters": "cost",
    "twin": "twins",
}

__all__ = [
    "CNN",
    "MLP",
    "EquivariantMLP",
    "GroupCNN",
    "InvariantScalars",
    "LorentzNet",
    "VectorNeurons",
    "count_macs",
    "count_parameters",
    "twin",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        found = getattr(import_module(f"equilayers.models.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'equilayers.models' has no attribute {name!r}")
