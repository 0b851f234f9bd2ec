"""Layers on grids, norms, pools and read-outs for the table of modes."""

from __future__ import annotations

import torch

import equilayers as eq
from equilayers import layers as L

D4, C4, D2, SO3 = (eq.group(name) for name in ("D4", "C4", "D2", "SO(3)"))
FIELDS = 2 * eq.regular(D4) + 2 * eq.defining(D4) + 2 * eq.trivial(D4)
TURNS = D4.subgroup(D4.discrete_generators[:1])
TURNED = eq.regular(C4) + 2 * eq.defining(C4)


def network():
    field = 2 * eq.regular(D4)
    return L.Sequential(
        L.Conv2d(2 * eq.trivial(D4), field, 3, padding=1),
        L.FieldBatchNorm(field),
        L.PointwiseActivation(field, torch.tanh, dims=2),
        L.BlurPool2d(field, 4),
        L.Conv2d(field, field, 3),
        L.GlobalAvgPool2d(field),
        L.GroupPooling(field, dims=0),
    )


CASES = {
    "Conv2d-regular": lambda: L.Conv2d(2 * eq.regular(C4), eq.regular(C4), 3, padding=1),
    "Conv2d-mixed": lambda: L.Conv2d(FIELDS, TURNED_D4, 3, padding="same", dilation=2, padding_mode="circular"),
    "Conv2d-strided": lambda: L.Conv2d(TURNED, 2 * TURNED, 3, 2, 1, padding_mode="reflect"),
    "Conv2d-depthwise": lambda: L.Conv2d(FIELDS, FIELDS, 3, padding=1, groups=2, padding_mode="replicate"),
    "Conv2d-rectangle": lambda: L.Conv2d(eq.regular(D2), 2 * eq.defining(D2), (3, 2), (1, 2), (1, 0), bias=False),
    "BatchNorm": lambda: L.FieldBatchNorm(FIELDS),
    "BatchNorm-vectors": lambda: L.FieldBatchNorm(2 * eq.rep(SO3, "1x0 + 2x1"), dims=0),
    "BatchNorm-plain": lambda: L.FieldBatchNorm(2 * eq.regular(C4), affine=False),
    "GroupNorm": lambda: L.FieldGroupNorm(2, FIELDS),
    "LayerNorm": lambda: L.FieldLayerNorm(FIELDS),
    "LayerNorm-vectors": lambda: L.FieldLayerNorm(2 * eq.defining(SO3), dims=0),
    "AvgPool": lambda: L.AvgPool2d(FIELDS, 3, 1, 1, count_include_pad=False),
    "MaxPool": lambda: L.MaxPool2d(2 * eq.regular(D4), 2),
    "NormMaxPool": lambda: L.NormMaxPool2d(FIELDS, 3, 2, 1),
    "BlurPool": lambda: L.BlurPool2d(FIELDS, 5),
    "BlurPool-reflect": lambda: L.BlurPool2d(TURNED, 4, padding_mode="reflect"),
    "GlobalAvgPool": lambda: L.GlobalAvgPool2d(FIELDS),
    "GroupPooling": lambda: L.GroupPooling(2 * eq.regular(D4) + eq.trivial(D4)),
    "GroupPooling-mean": lambda: L.GroupPooling(2 * eq.regular(D4), "mean", dims=0),
    "InvariantReadout": lambda: L.InvariantReadout(FIELDS, 3),
    "InvariantReadout-norms": lambda: L.InvariantReadout(FIELDS, 3, "norms", dims=2),
    "Restriction-grid": lambda: L.Restriction(FIELDS, TURNS, dims=2),
    "Network": network,
}
TURNED_D4 = eq.regular(D4) + 2 * eq.defining(D4)

EMPTY = {
    "Conv2d-from-nothing": lambda: L.Conv2d(0 * eq.regular(D4), eq.regular(D4), 3, padding=1, padding_mode="reflect"),
    "Conv2d-to-nothing": lambda: L.Conv2d(eq.regular(D4), 0 * eq.regular(D4), 3, 2, 1),
    "Conv2d-nothing-in-common": lambda: L.Conv2d(eq.irrep(D4, "A1"), 2 * eq.irrep(D4, "A2"), 1),
    "BatchNorm-nothing": lambda: L.FieldBatchNorm(0 * eq.regular(D4)),
    "GroupNorm-nothing": lambda: L.FieldGroupNorm(1, 0 * eq.regular(D4)),
    "LayerNorm-nothing": lambda: L.FieldLayerNorm(0 * eq.regular(D4), dims=0),
    "AvgPool-nothing": lambda: L.AvgPool2d(0 * eq.regular(D4), 2),
    "MaxPool-nothing": lambda: L.MaxPool2d(0 * eq.regular(D4), 3, 2, 1),
    "NormMaxPool-nothing": lambda: L.NormMaxPool2d(0 * eq.regular(D4), 2),
    "BlurPool-nothing": lambda: L.BlurPool2d(0 * eq.regular(D4), 3),
    "GlobalAvgPool-nothing": lambda: L.GlobalAvgPool2d(0 * eq.regular(D4)),
    "GroupPooling-nothing": lambda: L.GroupPooling(0 * eq.regular(D4)),
    "InvariantReadout-nothing": lambda: L.InvariantReadout(0 * eq.regular(D4), 3),
    "InvariantReadout-no-outputs": lambda: L.InvariantReadout(eq.regular(D4), 0),
}
