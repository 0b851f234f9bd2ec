"""Vector Neurons and LorentzNet: exact under any form, blind to the absent, and able to learn."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation
from equilayers.layers import VectorReLU
from equilayers.models import LorentzNet, VectorNeurons

GROUPS = ["D4", "S4", "SO(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "O(1,3)", "O(2,1)"]


def neurons(V):
    one = eq.trivial(V.group)
    torch.manual_seed(0)
    return VectorNeurons(3 * V + 2 * one, one + 2 * V + one, width=6, depth=2).double()


def cloud(V, **kwargs):
    torch.manual_seed(0)
    net = LorentzNet(V, **({"width": 12, "depth": 3} | kwargs)).double()
    for messages in net.rounds:  # vectors that move as far as others, so that their motion is tested
        torch.nn.init.normal_(messages.move[-1].weight)
    return net


@pytest.mark.parametrize("name", GROUPS)
def test_vector_neurons_commute(name, generator):
    V = eq.defining(eq.group(name))
    net = neurons(V)
    x = net.in_rep.sample_input(8, generator, torch.float64)
    g = V.group.sample(8, generator=generator)
    y, moved = net(x), net(net.in_rep.transform(g, x))
    scale = (y.abs().max() + moved.abs().max()) * V(g).norm(dim=(-2, -1)).max() ** 3
    assert (moved - net.out_rep.transform(g, y)).abs().max() < 1e-12 * scale
    assert not torch.allclose(y[0], y[1], rtol=1e-6, atol=1e-9)


def test_the_meter_tells_one_form_from_another():
    V, W = eq.defining(eq.group("O(1,3)")), eq.defining(eq.group("O(4)"))
    net, other = neurons(V), neurons(W)
    assert eq.equivariance_error(net, net.in_rep, net.out_rep).error < 1e-12
    assert eq.equivariance_error(other, net.in_rep, net.out_rep).error > 1e-3


def test_what_points_against_a_direction_is_clipped():
    V = eq.defining(eq.group("O(3)"))
    layer = VectorReLU(V, negative_slope=0.0).double()
    torch.nn.init.constant_(layer.weight_0, 1.0)  # the direction is the vector itself
    x = torch.randn(5, 3, dtype=torch.float64)
    assert torch.equal(layer(x), x)
    torch.nn.init.constant_(layer.weight_0, -1.0)
    assert layer(x).abs().max() < 1e-9


@pytest.mark.parametrize("name", GROUPS)
def test_clouds_are_seen_alike_from_every_frame(name, generator):
    V = eq.defining(eq.group(name))
    net = cloud(V, scalars=1)
    x = torch.randn(6, 5, V.dim, generator=generator, dtype=torch.float64)
    labels = torch.randn(6, 5, 1, generator=generator, dtype=torch.float64)
    g = V.group.sample(6, generator=generator)
    y, moved = net(x, labels), net(V.transform(g, x), labels)
    norm = V(g).norm(dim=(-2, -1)).max() ** 2
    assert (moved - y).abs().max() < 1e-12 * norm * y.abs().max()
    assert not torch.allclose(y[0], y[1], rtol=1e-6, atol=1e-9)
    (_, vectors), (_, others) = net.features(x, labels), net.features(V.transform(g, x), labels)
    assert (others - V.transform(g, vectors)).abs().max() < 1e-12 * norm * vectors.abs().max() * norm


def test_the_wrong_metric_is_seen(generator):
    V = eq.defining(eq.group("O(1,3)"))
    net = cloud(eq.defining(eq.group("O(4)")))
    x = torch.randn(6, 5, 4, generator=generator, dtype=torch.float64)
    moved = V.transform(V.group.sample(6, generator=generator), x)
    assert (net(moved) - net(x)).abs().max() > 1e-3 * net(x).abs().max()


def test_absent_members_and_their_order_do_not_matter(generator):
    net = cloud(eq.defining(eq.group("O(1,3)")), scalars=2)
    x = torch.randn(4, 6, 4, generator=generator, dtype=torch.float64)
    labels = torch.randn(4, 6, 2, generator=generator, dtype=torch.float64)
    mask = torch.arange(6) < 4
    y = net(x[:, :4], labels[:, :4])
    assert torch.allclose(net(x, labels, mask.expand(4, 6)), y, rtol=1e-12, atol=1e-13)
    assert not torch.allclose(net(x, labels), y, rtol=1e-3)
    order = torch.randperm(6, generator=generator)
    assert torch.allclose(net(x[:, order], labels[:, order], mask[order].expand(4, 6)), y, rtol=1e-12, atol=1e-13)
    assert net(x, labels, torch.zeros(4, 6, dtype=torch.bool)).isfinite().all()


def built(kind):
    V = eq.defining(eq.group("O(1,3)"))
    net = neurons(V) if kind == "neurons" else cloud(V)
    return net, torch.randn(16, *((14,) if kind == "neurons" else (5, 4)), dtype=torch.float64)


@pytest.mark.parametrize("kind", ["neurons", "cloud"])
def test_copies_are_equal_and_training_lowers_the_loss(kind):
    net, x = built(kind)
    other, _ = built(kind)
    other.reset_parameters()
    other.load_state_dict(net.state_dict())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), other):
        assert torch.equal(twin(x), net(x))
    target = (x.unflatten(-1, (-1, 1)) if kind == "neurons" else x)[..., 0].mean(-1, keepdim=True).square()
    optimiser, losses = torch.optim.Adam(net.parameters(), 3e-3), []
    for _ in range(30):
        loss = (net(x)[..., :1] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_what_is_refused():
    V = eq.defining(eq.group("O(3)"))
    with pytest.raises(BadRepresentation, match="never reached"):
        VectorNeurons(2 * V, V.sym(2))
    with pytest.raises(BadInput):
        VectorNeurons(2 * V, V, depth=0)
    with pytest.raises(BadInput):
        LorentzNet(V, depth=0)
    with pytest.raises(BadInput, match="expected"):
        LorentzNet(V, scalars=1)(torch.zeros(2, 5, 3))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of its lowering of diagonal
@pytest.mark.parametrize("kind", ["neurons", "cloud"])
def test_it_compiles_into_one_graph(kind):
    net, x = built(kind)
    assert torch.allclose(torch.compile(net, fullgraph=True)(x), net(x), rtol=1e-10, atol=1e-10)
