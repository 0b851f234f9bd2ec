"""Whatever copies, averages, converts, loads or shards a network leaves its function as it was."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest
import torch
from model_cases import CASES, inputs
from torch import nn

import equilayers as eq
from equilayers import models
from equilayers.measurement.state import ROUTES


def drawn(name, seed=3):
    """A network in evaluation mode whose every parameter is drawn, in float64."""
    net, rng = CASES[name]().double().eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return net


def same(net, other, name, tolerance=0.0):
    x = inputs(name, dtype=torch.float64)
    with torch.no_grad():
        y, expected = other.eval()(*x), net(*x)
    assert y.shape == expected.shape and bool(y.isfinite().all())
    assert float((y - expected).abs().max()) <= tolerance * float(expected.abs().max()), name


def on_meta(name):
    with torch.device("meta"):
        return CASES[name]()


def test_every_architecture_is_among_the_cases():
    public = {name for name in models.__all__ if inspect.isclass(getattr(models, name))}
    assert {type(build()).__name__ for build in CASES.values()} == public and len(public) == 13


@pytest.mark.parametrize("name", CASES)
def test_copies_averages_and_loads_keep_the_function(name):
    net = drawn(name)
    for route in ROUTES.values():
        same(net, route(net, lambda: CASES[name]().double()), name)
    same(net, pickle.loads(pickle.dumps(net)), name)


@pytest.mark.parametrize("name", CASES)
def test_what_is_built_on_the_meta_device_becomes_the_network(name):
    net = drawn(name)
    assigned = on_meta(name)
    assigned.load_state_dict(net.state_dict(), assign=True)
    same(net, assigned, name, 1e-12)  # another alignment of the memory may be added up in another order
    emptied = on_meta(name).to_empty(device="cpu").double()
    emptied.load_state_dict(net.state_dict())
    same(net, emptied, name, 1e-12)
    one_by_one = on_meta(name)  # as loaders do that know nothing of modules
    for key, value in net.state_dict().items():
        owner, _, entry = key.rpartition(".")
        module = one_by_one.get_submodule(owner)
        if entry in module._parameters:
            module._parameters[entry] = nn.Parameter(value, requires_grad=False)
        else:
            module._buffers[entry] = value
    same(net, one_by_one, name, 1e-12)


@pytest.mark.parametrize("name", CASES)
def test_emptied_networks_begin_anew(name):
    net = on_meta(name)._apply(lambda tensor: torch.full_like(tensor, torch.nan, device="cpu"))
    torch.manual_seed(0)
    net.reset_parameters()
    assert all(bool(p.isfinite().all()) for p in net.parameters())
    with torch.no_grad():
        assert bool(net(*inputs(name)).isfinite().all())
    fresh = CASES[name]()
    sizes = {key: float(value.detach().std()) for key, value in fresh.named_parameters() if value.numel() > 15}
    found = {key: float(value.detach().std()) for key, value in net.named_parameters() if value.numel() > 15}
    assert all(0.4 * size <= found[key] <= 2.5 * size for key, size in sizes.items())


def test_files_written_before_still_load():
    """The guard was torch's extra state then."""
    net, other = drawn("GroupCNN"), CASES["GroupCNN"]().double()
    state = {key.replace("fingerprint", "_extra_state"): value for key, value in net.state_dict().items()}
    assert any("_extra_state" in key for key in state)
    other.load_state_dict(state)
    same(net, other, "GroupCNN")
    for key, value in state.items():
        if key.endswith("_extra_state"):
            state[key] = (value + 9) % 256
            with pytest.raises(eq.errors.CheckpointMismatch):
                other.load_state_dict(state)
            state[key] = value


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf, -1.0, 256.0, 1e30])
def test_a_guard_that_is_none_is_refused(wrong):
    layer = eq.layers.Linear(eq.regular(eq.group("D4")), eq.regular(eq.group("D4")))
    for guard in (torch.full((16,), wrong), torch.zeros(3), "words", [None] * 16, torch.zeros(4, 4)):
        if isinstance(guard, torch.Tensor) and guard.shape == (3,):
            guard = guard + 1
        with pytest.raises(eq.errors.CheckpointMismatch, match="no fingerprint"):
            layer.load_state_dict(layer.state_dict() | {"fingerprint": guard})


def test_a_loader_that_asks_nobody_is_found_out_at_the_first_call():
    """Weights of one basis put into a layer of another, tensor by tensor."""
    q = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64))[0]
    G = eq.group("D4")
    turned = eq.representation(G, q @ torch.tensor(eq.regular(G).images.discrete) @ q.T)
    wrong = eq.layers.Linear(turned, eq.regular(G)).state_dict()
    with torch.device("meta"):
        layer = eq.layers.Linear(eq.regular(G), turned)
    for key, value in wrong.items():
        (layer._parameters if key in layer._parameters else layer._buffers)[key] = value
    with pytest.raises(eq.errors.CheckpointMismatch):
        layer(torch.zeros(1, 8))


def test_the_guard_is_computed_once():
    layer = eq.layers.Linear(eq.regular(eq.group("D4")), eq.regular(eq.group("D4")))
    layer.state_dict()
    layer._fingerprint = None  # calling it again would raise
    assert layer.state_dict()["fingerprint"].any()
    copy.deepcopy(layer).load_state_dict(layer.state_dict())
