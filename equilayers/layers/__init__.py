"""Learnable maps: plain torch modules that know how the group acts on their input and their output."""

from equilayers.layers.bias import Bias
from equilayers.layers.change_basis import ChangeBasis
from equilayers.layers.dropout import FieldDropout
from equilayers.layers.fourier import FourierActivation
from equilayers.layers.gated import GatedActivation
from equilayers.layers.layer import Layer
from equilayers.layers.linear import Linear
from equilayers.layers.norm_activation import NormActivation
from equilayers.layers.pointwise import PointwiseActivation
from equilayers.layers.restriction import Restriction
from equilayers.layers.sampled import SampledActivation
from equilayers.layers.sequential import Sequential
from equilayers.layers.to_torch import to_torch

__all__ = [
    "Bias",
    "ChangeBasis",
    "FieldDropout",
    "FourierActivation",
    "GatedActivation",
    "Layer",
    "Linear",
    "NormActivation",
    "PointwiseActivation",
    "Restriction",
    "SampledActivation",
    "Sequential",
    "to_torch",
]
