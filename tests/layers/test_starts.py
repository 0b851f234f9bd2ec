"""Deep networks start with features of size one, whatever the group: compact, reductive, or neither."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.layers.invariants import hom_basis
from equilayers.layers.pair_start import starting_roots

REDUCTIVE = ["D4", "SO(3)", "SO(1,3)", "SL(2)", "SL(3)", "Sp(4)", "GL(2)"]
OTHERS = ["SE(2)", "SE(3)", "Heisenberg", "Galilei", "Poincare"]
QUICK = ("SO(3)", "SO(1,3)", "GL(2)", "SE(2)", "Heisenberg")
DEPTH, FACTOR = 20, 20.0  # layers, and how far second moments may drift: the median over starts
PARTS = (
    lambda V: V,
    lambda V: V.dual,
    lambda V: V @ V,
    lambda V: V @ V.dual,
    lambda V: V.sym(2),
    lambda V: V.alt(2),
    lambda V: eq.trivial(V.group),
)


def each(names):
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in names]
    )


def drawn(name, seed):
    """Vectors and two other tensors, 16 to 24 copies of each: in narrow chains of any kind the median sinks."""
    rng = np.random.default_rng(seed)
    V = eq.defining(eq.group(name))
    total = int(rng.integers(16, 25)) * V
    for part in rng.choice(len(PARTS), 2, replace=False):
        total = total + int(rng.integers(16, 25)) * PARTS[part](V)
    return total


@torch.no_grad()
def after(layers, rep, draws=5):
    """Second moments of every summand after a deep chain: the median over starts."""
    found = []
    for seed in range(draws):
        torch.manual_seed(seed)
        x = torch.randn(32, rep.dim, dtype=torch.float64)
        for _ in range(DEPTH):
            for layer in layers:
                if hasattr(layer, "reset_parameters"):
                    layer.reset_parameters()
                x = layer(x)
        found.append(torch.stack([x[:, where].square().mean() for where in rep.slices]))
    return torch.stack(found).median(0).values


def keeps(moments, factor=FACTOR):
    return bool((moments > 1 / factor).all() and (moments < factor).all())


@each(REDUCTIVE + OTHERS)
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3))])
def test_twenty_layers_keep_second_moments(name, seed):
    V = drawn(name, seed)
    assert keeps(after([L.Linear(V, V).double()], V))


@each(["SO(3)", "Sp(4)", "GL(2)", "SE(2)"])
def test_gates_of_size_one_change_little(name):
    V = drawn(name, 3) + 32 * eq.trivial(eq.group(name))
    gated = L.GatedActivation(V, torch.nn.Identity(), of_size_one(torch.sigmoid))
    factor = FACTOR if name in REDUCTIVE else 5 * FACTOR  # gates see what vectors have in common with invariants
    assert keeps(after([L.Linear(V, gated.in_rep).double(), gated], V), factor)


def of_size_one(function):
    """The function divided by the root of its second moment for normal input."""
    grid = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    density = torch.exp(-grid.square() / 2) / math.sqrt(2 * math.pi)
    size = torch.trapezoid(function(grid).square() * density, grid).sqrt()
    return lambda x: function(x) / size


@each(OTHERS)
def test_a_layer_keeps_every_component_of_unit_input(name):
    V = drawn(name, 5)
    for _, target in V.terms:
        total = np.zeros((target.dim, target.dim))
        for (m, source), root in zip(V.terms, starting_roots(V, target), strict=True):
            basis = hom_basis(source, target)
            total += m * np.einsum("kl,kij,lhj->ih", root @ root.T, basis, basis)
        assert np.abs(total - np.eye(target.dim)).max() < 0.1
    layer = L.Linear(V, V).double()
    torch.manual_seed(0)
    moments = torch.zeros(V.dim, dtype=torch.float64)
    for _ in range(30):
        layer.reset_parameters()
        moments += layer.expanded()[0].square().sum(1) / 30
    means = torch.stack(
        [moments[where].unflatten(0, (-1, m)).mean() for (m, _), where in zip(V.terms, V.slices, strict=True)]
    )
    assert (means - 1).abs().max() < 0.25


@each(["Heisenberg", "SE(3)", "Poincare"])
def test_independent_weights_of_one_size_would_not_do(name):
    class Twin(L.Linear):
        def _reset_pairs(self):
            super()._reset_pairs()
            for weight, _, i, _ in self._pairs:
                arriving = sum(
                    getattr(self, other).shape[0] * getattr(self, other).shape[2]
                    for other, _, o, _ in self._pairs
                    if o == i
                )
                getattr(self, weight).normal_(0.0, math.sqrt(self._out_sizes[i][0] / arriving))

    V = eq.defining(eq.group(name))
    rep = 8 * (V @ V) + 8 * V + 8 * eq.trivial(V.group)
    assert not keeps(after([Twin(rep, rep).double()], rep))
    assert keeps(after([L.Linear(rep, rep).double()], rep))
