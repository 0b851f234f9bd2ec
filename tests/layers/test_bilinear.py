"""Bilinear maps: all of Hom(V1 (x) V2, W), in every basis, with unit second moment."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, CheckpointMismatch, GroupMismatch
from equilayers.layers import Bilinear

GROUPS = ["D4", "C5", "Q8", "S4", "SO(3)", "SU(2)", "O(1,3)", "SO+(1,3)", "SO(3) x S3"]


class Heisenberg(eq.MatrixGroup):
    """Upper unitriangular: not reductive."""

    def generators(self):
        lie = np.zeros((3, 3, 3))
        lie[0, 0, 1] = lie[1, 1, 2] = lie[2, 0, 2] = 1.0
        return eq.Generators(lie=lie)


def group(name):
    return Heisenberg() if name == "Heisenberg" else eq.group(name)


def expanded(layer):
    """The dense bilinear map ``(in1, in2, out)``."""
    a = torch.eye(layer.in1_dim, dtype=torch.float64)[:, None]
    b = torch.eye(layer.in2_dim, dtype=torch.float64)[None]
    with torch.no_grad():
        return layer(a.expand(-1, layer.in2_dim, -1), b.expand(layer.in1_dim, -1, -1))


@pytest.mark.parametrize("name", [*GROUPS, "Heisenberg"])
def test_every_map_is_reached(name):
    V = eq.defining(group(name))
    one = eq.trivial(V.group)
    layer = Bilinear(2 * V + one, V + 2 * one, V + one + V.sym(2)).double()
    count = eq.hom(layer.in1_rep @ layer.in2_rep, layer.out_rep).dim
    assert sum(p.numel() for p in layer.parameters()) == count
    maps = []
    for parameter in layer.parameters():
        torch.nn.init.zeros_(parameter)
    for parameter in layer.parameters():
        for i in range(parameter.numel()):
            parameter.data.view(-1)[i] = 1.0
            maps.append(expanded(layer).flatten())
            parameter.data.view(-1)[i] = 0.0
    assert int(torch.linalg.matrix_rank(torch.stack(maps))) == count


@pytest.mark.parametrize("name", [*GROUPS, "Heisenberg"])
def test_equivariant(name):
    V = eq.defining(group(name))
    layer = Bilinear(2 * V, V + eq.trivial(V.group), V @ V + eq.trivial(V.group), bias=True)
    assert eq.testing.check_layer(layer).ran > 25


@pytest.mark.parametrize("name", ["D4", "Q8", "SO(3)", "Heisenberg"])
def test_unit_second_moment(name):
    torch.manual_seed(1)
    G = group(name)
    V = eq.defining(G)
    layer = Bilinear(20 * V, 30 * V, 500 * V.sym(2) if G.is_compact else 500 * (V + eq.trivial(G)) + 500 * V.sym(2))
    with torch.no_grad():
        y = layer(torch.randn(300, layer.in1_dim), torch.randn(300, layer.in2_dim))
    for (_, atom), where in zip(layer.out_rep.terms, layer.out_rep.slices, strict=True):
        assert y[:, where].abs().sum() == 0 or abs(float(y[:, where].square().mean()) - 1) < 0.1, atom


@pytest.mark.parametrize("name", ["D4", "C5", "Q8"])
def test_one_state_dict_serves_both_bases(name):
    V = 2 * eq.regular(eq.group(name))
    split = eq.decompose(V)
    Q = torch.tensor(split.matrix, dtype=torch.float64)
    given, irreps = Bilinear(V, V, V).double(), Bilinear(split.rep, split.rep, split.rep).double()
    irreps.load_state_dict(given.state_dict())
    x, y = torch.randn(2, 5, V.dim, dtype=torch.float64)
    assert float((given(x, y) - irreps(x @ Q, y @ Q) @ Q.T).detach().abs().max()) < 1e-12
    twin = pickle.loads(pickle.dumps(given))
    assert torch.equal(twin(x, y), given(x, y))


def test_weights_of_another_representation_are_refused():
    G = eq.group("SO(3)")
    one, two = eq.irrep(G, "1"), eq.irrep(G, "2")
    with pytest.raises(CheckpointMismatch):
        Bilinear(one, one, one).load_state_dict(Bilinear(two, two, two).state_dict(), strict=False)


def test_copies_meet_as_the_mode_says():
    V = eq.irrep(eq.group("SO(3)"), "1")
    x, y = torch.randn(4, 9, dtype=torch.float64), torch.randn(4, 9, dtype=torch.float64)
    layer = Bilinear(3 * V, 3 * V, 3 * V, mode="elementwise").double()
    each = torch.linalg.cross(x.view(4, 3, 3), y.view(4, 3, 3), dim=1)
    ratio = (layer(x, y).view(4, 3, 3) / each).detach()
    assert float((ratio - ratio[:1, :1]).abs().max()) < 1e-9  # one factor for each copy
    assert {tuple(p.shape) for p in layer.parameters()} == {(1, 3)}
    mixed = Bilinear(3 * V, 2 * V, 3 * V, mode="channelwise")
    assert {tuple(p.shape) for p in mixed.parameters()} == {(1, 3, 2)}


def test_refusals():
    V, W = eq.defining(eq.group("SO(3)")), eq.defining(eq.group("D4"))
    with pytest.raises(GroupMismatch):
        Bilinear(V, W, V)
    with pytest.raises(BadInput, match="not equally many"):
        Bilinear(2 * V, V, 3 * V, mode="channelwise")
    with pytest.raises(BadInput, match="three ways"):
        Bilinear(V, V, V, mode="uvw")
    with pytest.raises(BadInput, match="3 components"):
        Bilinear(V, V, V)(torch.zeros(2, 3), torch.zeros(2, 4))
