"""Layers for the table of modes: each name builds one small layer. ``EMPTY`` holds layers of multiplicity zero."""

from __future__ import annotations

import numpy as np
import torch

import equilayers as eq
from equilayers import layers as L

D4, C4, Q8 = eq.group("D4"), eq.group("C4"), eq.group("Q8")
BOOST, ROTATIONS = eq.group("SO(1,3)"), eq.group("SO(3)")


class Motions(eq.MatrixGroup):
    """Motions of the plane: not compact, not closed under transpose, so there is no decomposition into irreps."""

    def generators(self):
        x, y, turn = np.zeros((3, 3, 3))
        x[0, 2] = y[1, 2] = turn[1, 0] = 1.0
        turn[0, 1] = -1.0
        return eq.Generators(lie=[x, y, turn])


SE2 = Motions()
CIRCLE = eq.group("SO(2)")
ANGLES = CIRCLE.exp(torch.arange(24, dtype=torch.float64)[:, None] * (2 * torch.pi / 24))
TURNS = D4.subgroup(D4.discrete_generators[:1])


def irreps_of(rep):
    return eq.decompose(rep).rep


def mixed(group):
    return 2 * eq.regular(group) + eq.defining(group) + 3 * eq.trivial(group)


def chain():
    field, gated = 3 * eq.regular(D4), L.GatedActivation(2 * eq.defining(D4) + eq.trivial(D4))
    return L.Sequential(
        L.Linear(eq.defining(D4), field),
        L.PointwiseActivation(field, torch.tanh),
        L.ChangeBasis(field, irreps_of(field)),
        L.NormActivation(irreps_of(field)),
        L.Linear(irreps_of(field), gated.in_rep),
        gated,
    )


CASES = {
    "Linear-irreps": lambda: L.Linear(irreps_of(mixed(D4)), irreps_of(2 * mixed(D4))),
    "Linear-regular": lambda: L.Linear(mixed(D4), 2 * eq.regular(D4)),
    "Linear-wide": lambda: L.Linear(irreps_of(64 * eq.regular(D4)), 64 * eq.regular(D4)),
    "Linear-complex": lambda: L.Linear(2 * eq.regular(C4), irreps_of(3 * eq.regular(C4))),
    "Linear-quaternionic": lambda: L.Linear(2 * eq.regular(Q8), 3 * eq.defining(Q8) + eq.trivial(Q8)),
    "Linear-rotations": lambda: L.Linear(eq.rep(ROTATIONS, "3x0 + 2x1 + 2x2"), eq.rep(ROTATIONS, "2x0 + 4x1")),
    "Linear-boosts": lambda: L.Linear(2 * eq.defining(BOOST).sym(2), eq.trivial(BOOST) + 3 * eq.defining(BOOST).sym(2)),
    "Linear-motions": lambda: L.Linear(2 * eq.defining(SE2) + eq.trivial(SE2), 2 * eq.defining(SE2).sym(2)),
    "Bilinear-regular": lambda: L.Bilinear(mixed(D4), 2 * eq.regular(D4), 2 * eq.regular(D4), bias=True),
    "Bilinear-irreps": lambda: L.Bilinear(irreps_of(mixed(C4)), eq.regular(C4), irreps_of(mixed(C4))),
    "Bilinear-quaternionic": lambda: L.Bilinear(2 * eq.defining(Q8), eq.defining(Q8), 2 * eq.regular(Q8)),
    "Bilinear-channelwise": lambda: L.Bilinear(
        eq.rep(ROTATIONS, "4x0 + 4x1"), eq.rep(ROTATIONS, "2x1"), eq.rep(ROTATIONS, "4x0 + 4x1"), mode="channelwise"
    ),
    "Bilinear-elementwise": lambda: L.Bilinear(
        eq.rep(ROTATIONS, "4x1"), eq.rep(ROTATIONS, "4x1"), eq.rep(ROTATIONS, "4x0 + 4x2"), mode="elementwise"
    ),
    "Bilinear-boosts": lambda: L.Bilinear(2 * eq.defining(BOOST), eq.defining(BOOST), 2 * eq.defining(BOOST).sym(2)),
    "Bilinear-motions": lambda: L.Bilinear(
        2 * eq.defining(SE2), eq.defining(SE2) + eq.trivial(SE2), 2 * eq.defining(SE2).sym(2), bias=True
    ),
    "Bias": lambda: L.Bias(mixed(D4)),
    "Bias-grid": lambda: L.Bias(mixed(D4), dims=2),
    "ChangeBasis": lambda: L.ChangeBasis(mixed(D4), irreps_of(mixed(D4))),
    "ChangeBasis-grid": lambda: L.ChangeBasis(irreps_of(mixed(D4)), mixed(D4), dims=2),
    "GeometricProduct": lambda: L.GeometricProduct(eq.defining(BOOST), np.diag([1.0, -1.0, -1.0, -1.0]), 2),
    "Pointwise": lambda: L.PointwiseActivation(2 * eq.regular(D4), torch.tanh),
    "Pointwise-grid": lambda: L.PointwiseActivation(2 * eq.regular(D4), torch.tanh, dims=2),
    "Norm": lambda: L.NormActivation(irreps_of(mixed(D4))),
    "Norm-grid": lambda: L.NormActivation(mixed(D4), dims=2),
    "Gated": lambda: L.GatedActivation(3 * eq.trivial(BOOST) + 2 * eq.defining(BOOST)),
    "Gated-grid": lambda: L.GatedActivation(eq.trivial(D4) + 2 * eq.defining(D4), dims=2),
    "Fourier": lambda: L.FourierActivation(2 * eq.regular(D4) + eq.trivial(D4), torch.tanh),
    "Fourier-complex": lambda: L.FourierActivation(2 * eq.regular(C4), torch.tanh),
    "Fourier-grid": lambda: L.FourierActivation(2 * eq.regular(D4), torch.tanh, dims=2),
    "Sampled": lambda: L.SampledActivation(eq.rep(CIRCLE, "4x0 + 4x1 + 4x2"), ANGLES, 4, torch.tanh),
    "Dropout": lambda: L.FieldDropout(mixed(D4), 0.4),
    "Dropout-grid": lambda: L.FieldDropout(mixed(D4), 0.4, dims=2),
    "Restriction": lambda: L.Restriction(mixed(D4), TURNS),
    "Sequential": chain,
}

EMPTY = {
    "Linear-from-nothing": lambda: L.Linear(0 * eq.regular(D4), 2 * eq.regular(D4)),
    "Linear-to-nothing": lambda: L.Linear(2 * eq.regular(D4), 0 * eq.regular(D4)),
    "Linear-nothing-in-common": lambda: L.Linear(eq.irrep(D4, "A2") + eq.irrep(D4, "B1"), 2 * eq.defining(D4)),
    "Linear-motions-nothing": lambda: L.Linear(0 * eq.defining(SE2), eq.defining(SE2)),
    "Bilinear-from-nothing": lambda: L.Bilinear(0 * eq.regular(D4), 2 * eq.regular(D4), 2 * eq.regular(D4)),
    "Bilinear-to-nothing": lambda: L.Bilinear(eq.regular(D4), eq.regular(D4), 0 * eq.regular(D4)),
    "GeometricProduct-nothing": lambda: L.GeometricProduct(eq.defining(D4), np.eye(2), 0),
    "Bias-nothing": lambda: L.Bias(0 * eq.regular(D4)),
    "ChangeBasis-nothing": lambda: L.ChangeBasis(0 * eq.regular(D4), 0 * eq.defining(D4)),
    "Pointwise-nothing": lambda: L.PointwiseActivation(0 * eq.regular(D4)),
    "Norm-nothing": lambda: L.NormActivation(0 * eq.regular(D4)),
    "Gated-nothing": lambda: L.GatedActivation(0 * eq.regular(D4)),
    "Fourier-nothing": lambda: L.FourierActivation(0 * eq.regular(D4)),
    "Dropout-nothing": lambda: L.FieldDropout(0 * eq.regular(D4)),
}
