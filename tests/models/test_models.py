"""Networks of layers: costs against torch's own counter, exactness, twins of equal cost."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

import equilayers as eq
from equilayers.errors import BadGroup, BadInput
from equilayers.models import CNN, GroupCNN, count_macs, count_parameters, twin
from equilayers.models.full_window import full_window

PLANAR = ["C1", "C2", "C4", "D1", "D2", "D4"]
SETTINGS = [{"size": 8}, {"size": 12, "first": 5, "poolings": 2, "channels": 3, "classes": 4}, {"size": 6}]


def shaken(model):
    """Every parameter away from zero, so that biases take part."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def counted(model, x):
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(x)
    return counter.get_total_flops() // (2 * len(x))


@pytest.mark.parametrize("settings", SETTINGS)
def test_plain_costs_are_torchs_own(settings):
    net = CNN(6, **settings)
    x = torch.randn(3, net.channels, net.size, net.size)
    assert net.macs == counted(net, x) == count_macs(net, x)
    assert net(x).shape == (3, net.classes)


@pytest.mark.parametrize("n", [5, 12])
def test_fused_attention_is_counted(n):
    one = eq.trivial(eq.group("C2"))
    maps, scores_and_sums = 4 * 8 * 8 * n, 2 * 8 * n * n
    layer = eq.layers.Attention(8 * one, 8 * one, num_heads=2)
    assert count_macs(layer, torch.zeros(1, n, 8)) == maps + scores_and_sums


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("name", PLANAR)
def test_group_networks_are_invariant_and_cost_what_they_say(name, settings):
    G = eq.group(name)
    net = shaken(GroupCNN(G, 3, **settings).double())
    x = net.in_action.sample_input(4, dtype=torch.float64)
    y = net(x)
    for g in G.elements():
        assert (net(net.in_action.transform(g, x)) - y).abs().max() < 1e-12 * y.abs().max()
    assert net.exact and net.macs == count_macs(net, x)
    assert y.std(0).min() > 1e-6  # it is not constant


@pytest.mark.parametrize("name", ["C8", "D3"])
def test_a_group_that_leaves_the_grid_is_said_to_be_inexact(name):
    net = GroupCNN(eq.group(name), 2)
    assert not net.exact and net(torch.randn(2, 1, 8, 8)).shape == (2, 10)


def test_the_network_of_the_trivial_group_is_the_plain_one():
    one, plain = GroupCNN(eq.group("C1"), 16), CNN(16)
    assert count_parameters(one) == count_parameters(plain) and one.macs == plain.macs


def test_the_full_window_is_the_convolution():
    torch.manual_seed(0)
    x, kernel, bias = torch.randn(3, 5, 4, 4).double(), torch.randn(7, 5, 4, 4).double(), torch.randn(7).double()
    assert torch.allclose(full_window(x, kernel, bias), F.conv2d(x, kernel, bias).flatten(1), rtol=1e-12)
    channels_last = x.to(memory_format=torch.channels_last)
    assert torch.allclose(full_window(channels_last, kernel, bias), full_window(x, kernel, bias), rtol=1e-12)


@pytest.mark.parametrize("name, width", [("C4", 8), ("D4", 4), ("C2", 6)])
@pytest.mark.parametrize("match", ["parameters", "flops"])
def test_no_other_width_comes_nearer(name, width, match):
    net = GroupCNN(eq.group(name), width)
    found = net.twin(match)
    cost = count_parameters if match == "parameters" else lambda model: model.macs
    gap = abs(cost(found) - cost(net))
    assert all(gap <= abs(cost(CNN(found.width + step)) - cost(net)) for step in (-1, 1) if found.width + step > 0)
    assert gap < 0.1 * cost(net) and next(found.parameters()).device.type == "cpu"


def test_twins_of_the_benchmark():
    net = GroupCNN(eq.group("C4"), 8)
    assert net.twin().width == 16 and net.twin("flops").width == 32 and twin(net, match="flops").width == 32


@pytest.mark.parametrize("wrong", [{"size": 7}, {"size": 6, "poolings": 2}, {"first": 4}, {"poolings": 3}])
def test_grids_that_do_not_fit_are_refused(wrong):
    with pytest.raises(BadInput):
        CNN(4, **wrong)


def test_wrong_words_and_groups_are_refused():
    with pytest.raises(BadInput, match='match="parameters"'):
        GroupCNN(eq.group("C4"), 2).twin("time")
    with pytest.raises(BadInput, match="GroupCNN or an EquivariantMLP"):
        twin(CNN(4))
    with pytest.raises(BadGroup, match="finite"):
        GroupCNN(eq.group("SO(2)"), 2)


def test_images_of_another_size_are_refused():
    with pytest.raises(BadInput, match="size="):
        GroupCNN(eq.group("C4"), 2)(torch.zeros(1, 1, 12, 12))


def test_out_of_the_library_and_back():
    net = shaken(GroupCNN(eq.group("C4"), 4)).eval()
    x = torch.randn(3, 1, 8, 8)
    assert torch.allclose(eq.to_torch(net)(x), net(x), atol=1e-5)
    other = GroupCNN(eq.group("C4"), 4)
    other.load_state_dict(net.state_dict())
    assert torch.equal(other.eval()(x), net(x))
