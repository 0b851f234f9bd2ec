"""Learnable maps: plain torch modules that know how the group acts on their input and their output.

Names load on first use: a network of convolutions does not pay for the solvers of the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers.layers.attention import Attention
    from equilayers.layers.batch_norm import FieldBatchNorm
    from equilayers.layers.bias import Bias
    from equilayers.layers.bilinear import Bilinear
    from equilayers.layers.blur import BlurPool2d
    from equilayers.layers.change_basis import ChangeBasis
    from equilayers.layers.conv2d import Conv2d
    from equilayers.layers.conversion import to_torch
    from equilayers.layers.dropout import FieldDropout
    from equilayers.layers.fourier import FourierActivation
    from equilayers.layers.gated import GatedActivation
    from equilayers.layers.geometric_product import GeometricProduct
    from equilayers.layers.graph_linear import GraphLinear
    from equilayers.layers.group_norm import FieldGroupNorm, FieldLayerNorm
    from equilayers.layers.invariant import GroupPooling, InvariantReadout
    from equilayers.layers.layer import Layer
    from equilayers.layers.linear import Linear
    from equilayers.layers.norm_activation import NormActivation
    from equilayers.layers.pointwise import PointwiseActivation
    from equilayers.layers.pooling import AvgPool2d, GlobalAvgPool2d, MaxPool2d, NormMaxPool2d
    from equilayers.layers.restriction import Restriction
    from equilayers.layers.sampled import SampledActivation
    from equilayers.layers.sequential import Sequential
    from equilayers.layers.vector_relu import VectorReLU

_HOMES = {
    "attention": ("Attention",),
    "batch_norm": ("FieldBatchNorm",),
    "bias": ("Bias",),
    "bilinear": ("Bilinear",),
    "blur": ("BlurPool2d",),
    "change_basis": ("ChangeBasis",),
    "conv2d": ("Conv2d",),
    "conversion": ("to_torch",),
    "dropout": ("FieldDropout",),
    "fourier": ("FourierActivation",),
    "gated": ("GatedActivation",),
    "geometric_product": ("GeometricProduct",),
    "graph_linear": ("GraphLinear",),
    "group_norm": ("FieldGroupNorm", "FieldLayerNorm"),
    "invariant": ("GroupPooling", "InvariantReadout"),
    "layer": ("Layer",),
    "linear": ("Linear",),
    "norm_activation": ("NormActivation",),
    "pointwise": ("PointwiseActivation",),
    "pooling": ("AvgPool2d", "GlobalAvgPool2d", "MaxPool2d", "NormMaxPool2d"),
    "restriction": ("Restriction",),
    "sampled": ("SampledActivation",),
    "sequential": ("Sequential",),
    "vector_relu": ("VectorReLU",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Attention",
    "AvgPool2d",
    "Bias",
    "Bilinear",
    "BlurPool2d",
    "ChangeBasis",
    "Conv2d",
    "FieldBatchNorm",
    "FieldDropout",
    "FieldGroupNorm",
    "FieldLayerNorm",
    "FourierActivation",
    "GatedActivation",
    "GeometricProduct",
    "GlobalAvgPool2d",
    "GraphLinear",
    "GroupPooling",
    "InvariantReadout",
    "Layer",
    "Linear",
    "MaxPool2d",
    "NormActivation",
    "NormMaxPool2d",
    "PointwiseActivation",
    "Restriction",
    "SampledActivation",
    "Sequential",
    "VectorReLU",
    "to_torch",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        found = getattr(import_module(f"equilayers.layers.{_HOME_OF[name]}"), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'equilayers.layers' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
