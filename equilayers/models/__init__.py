"""Published architectures, one file each, built from layers: plain networks and their equivariant twins."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers.models.cnn import CNN
    from equilayers.models.cost import count_macs, count_parameters
    from equilayers.models.deep_sets import DeepSets
    from equilayers.models.equivariant_mlp import EquivariantMLP
    from equilayers.models.geometric_transformer import GeometricTransformer
    from equilayers.models.graph_network import InvariantGraphNetwork
    from equilayers.models.group_cnn import GroupCNN
    from equilayers.models.invariant_scalars import InvariantScalars
    from equilayers.models.lorentz_net import LorentzNet
    from equilayers.models.mlp import MLP
    from equilayers.models.multivectors import (
        embed_planes,
        embed_points,
        embed_vectors,
        extract_points,
        extract_vectors,
        projective_form,
    )
    from equilayers.models.ppgn import PPGN
    from equilayers.models.set_transformer import SetTransformer
    from equilayers.models.twins import twin
    from equilayers.models.vector_neurons import VectorNeurons
    from equilayers.models.weight_space import WeightSpaceNet

_HOME_OF = {
    "CNN": "cnn",
    "DeepSets": "deep_sets",
    "EquivariantMLP": "equivariant_mlp",
    "GeometricTransformer": "geometric_transformer",
    "GroupCNN": "group_cnn",
    "InvariantGraphNetwork": "graph_network",
    "InvariantScalars": "invariant_scalars",
    "LorentzNet": "lorentz_net",
    "MLP": "mlp",
    "PPGN": "ppgn",
    "SetTransformer": "set_transformer",
    "VectorNeurons": "vector_neurons",
    "WeightSpaceNet": "weight_space",
    "count_macs": "cost",
    "count_parameters": "cost",
    "embed_planes": "multivectors",
    "embed_points": "multivectors",
    "embed_vectors": "multivectors",
    "extract_points": "multivectors",
    "extract_vectors": "multivectors",
    "projective_form": "multivectors",
    "twin": "twins",
}

__all__ = [
    "CNN",
    "MLP",
    "PPGN",
    "DeepSets",
    "EquivariantMLP",
    "GeometricTransformer",
    "GroupCNN",
    "InvariantGraphNetwork",
    "InvariantScalars",
    "LorentzNet",
    "SetTransformer",
    "VectorNeurons",
    "WeightSpaceNet",
    "count_macs",
    "count_parameters",
    "embed_planes",
    "embed_points",
    "embed_vectors",
    "extract_points",
    "extract_vectors",
    "projective_form",
    "twin",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        found = getattr(import_module(f"equilayers.models.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'equilayers.models' has no attribute {name!r}")
