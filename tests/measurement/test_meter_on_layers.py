"""The meter on real nets: layers of the library read their rounding floor, ordinary nets of torch read one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import equilayers as eq

C4 = eq.group("C4")
IMAGE, FEATURES, INVARIANT = eq.trivial(C4), 4 * eq.regular(C4), 5 * eq.trivial(C4)


class Equivariant(nn.Module):
    """Two convolutions over C4 and the mean over group and pixels."""

    def __init__(self):
        super().__init__()
        self.first = eq.layers.Conv2d(IMAGE, FEATURES, 3, padding=1)
        self.second = eq.layers.Conv2d(FEATURES, FEATURES, 3, padding=1)
        self.read_out = nn.Linear(4, 5)

    def forward(self, x):
        h = self.second(torch.relu(self.first(x))).relu()
        return self.read_out(h.mean((-2, -1)).unflatten(-1, (4, 4)).mean(-2))


class Broken(Equivariant):
    """The mean over a corner of the picture."""

    def forward(self, x):
        h = self.second(torch.relu(self.first(x))).relu()
        return self.read_out(h[..., :3, :3].mean((-2, -1)).unflatten(-1, (4, 4)).mean(-2))


@pytest.fixture
def actions():
    torch.manual_seed(0)
    return eq.GridField(IMAGE, dims=2), INVARIANT


def pictures(actions):
    return actions[0].sample_input(48, torch.Generator().manual_seed(1), torch.float32)


@pytest.mark.parametrize(("factor", "offset"), [(1, 0), (1e-6, 0), (1e6, 0), (1, 10)])
def test_an_exact_net_reads_its_rounding_floor(actions, factor, offset):
    net = Equivariant()
    with torch.no_grad():
        net.read_out.weight *= factor
        net.read_out.bias.copy_(factor * net.read_out.bias + offset)
    report = eq.equivariance_error(net, *actions, pictures(actions))
    assert report.is_at_floor and report.error < 1e-4 * (1 + offset) and "twin" in report.floor_source
    exact = eq.equivariance_error(net.double(), *actions, pictures(actions).double())
    assert exact.error < 1e-12 * (1 + offset) and exact.is_at_floor


def test_layers_are_attributed(actions):
    report = eq.equivariance_error(Broken(), *actions, pictures(actions))
    parts = {part.name: part for part in report.layers}
    assert {"first", "second"} <= set(parts)
    assert all(parts[name].own < 1e-5 and parts[name].accumulated < 1e-5 for name in ("first", "second"))
    assert report.error > 0.5 and not report.is_at_floor


def test_a_plain_net_of_torch_reads_one(actions):
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.LazyLinear(5),
    )
    x = pictures(actions)
    net(x)
    report = eq.equivariance_error(net, *actions, x)
    assert 0.9 <= report.error <= 1.05 and report.floor < 1e-5


@pytest.mark.parametrize("name", ["D4", "Q8", "O(3)", "SU(2)", "SO(1,3)"])
def test_linear_layers_of_any_group(name):
    V = eq.defining(eq.group(name))
    layer = eq.layers.Linear(4 * V + V @ V, 3 * V)
    report = eq.equivariance_error(layer, layer.in_action, layer.out_action)
    assert report.error < 1e-4 and (report.interval is not None)
    assert eq.equivariance_error(layer.double(), layer.in_action, layer.out_action).error < 1e-12
    assert ("how elements" in str(report)) == (name == "SO(1,3)")
    plain = nn.Linear(layer.in_action.dim, layer.out_action.dim)
    assert eq.equivariance_error(plain, layer.in_action, layer.out_action).error > 0.5
