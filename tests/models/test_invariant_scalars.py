"""The network on invariant products: exact for any group, complete for vectors, saved with its scales."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, BadRepresentation, GroupMismatch
from equilayers.models import InvariantScalars

GROUPS = ["C5", "D4", "S4", "SO(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "O(1,3)", "O(2,1)"]


def outputs(V):
    one = eq.trivial(V.group)
    return {"scalars": (2 * V + 3 * one, 2 * one), "vectors": (3 * V, 2 * V + one), "tensors": (2 * V, V @ V)}


def built(in_rep, out_rep, **kwargs):
    torch.manual_seed(0)
    return InvariantScalars(in_rep, out_rep, **({"width": 16, "depth": 2} | kwargs)).double()


@pytest.mark.parametrize("kind", ["scalars", "vectors", "tensors"])
@pytest.mark.parametrize("name", GROUPS)
def test_it_commutes_with_any_group(name, kind, generator):
    in_rep, out_rep = outputs(eq.defining(eq.group(name)))[kind]
    net = built(in_rep, out_rep)
    x = in_rep.sample_input(20, generator, torch.float64)
    net.fit_standardiser(x)
    g = in_rep.group.sample(20, generator=generator)
    y, moved = net(x), net(in_rep.transform(g, x))
    norms = [rep(g).norm(dim=(-2, -1)).max() for rep in (in_rep, out_rep)]
    scale = (y.abs().max() + moved.abs().max()) * norms[0] ** 2 * norms[1]
    assert (moved - out_rep.transform(g, y)).abs().max() < 1e-12 * scale
    assert not torch.allclose(y[0], y[1], rtol=1e-6, atol=1e-9)


def test_the_meter_finds_it_exact_and_another_metric_not():
    V = eq.defining(eq.group("O(1,3)"))
    W = eq.defining(eq.group("O(4)"))
    net, other = built(3 * V, V), built(3 * W, W)
    assert eq.equivariance_error(net, 3 * V, V).error < 1e-12
    assert eq.equivariance_error(other, 3 * V, V).error > 1e-3


@pytest.mark.parametrize(("name", "count"), [("O(1,3)", 6), ("O(3)", 12), ("SO(2)", 15)])
def test_the_invariants_of_three_vectors(name, count):
    """Six products; three lengths and three cosines where the form is definite; three areas in an oriented plane."""
    V = eq.defining(eq.group(name))
    assert built(3 * V, V).scalars.count == count


def test_the_metric_is_among_the_tensors():
    """Without any input vector differing from zero, a tensor is a multiple of the inverse form."""
    V = eq.defining(eq.group("O(1,3)"))
    net = built(2 * V, V @ V)
    net.mean.fill_(1.0)
    y = net(torch.zeros(1, 8, dtype=torch.float64))[0].unflatten(0, (4, 4))
    form = torch.diag(torch.tensor([1.0, -1.0, -1.0, -1.0], dtype=torch.float64))
    assert torch.allclose(y, y[0, 0] * form, atol=1e-14) and y[0, 0].abs() > 1e-6


@pytest.mark.parametrize("kind", ["scalars", "vectors", "tensors"])
def test_a_few_steps_lower_the_loss(kind, generator):
    V = eq.defining(eq.group("O(3)"))
    in_rep, out_rep = outputs(V)[kind]
    x = in_rep.sample_input(128, generator)
    first, second = x[:, :6:2], x[:, 1:6:2]
    target = {
        "scalars": torch.stack([(first * second).sum(-1), first.norm(dim=-1)], -1),
        "vectors": torch.cat([x[:, :6] * x[:, :3].norm(dim=-1, keepdim=True), x[:, :1].sin() * 0], -1),
        "tensors": (first[:, :, None] * second[:, None, :]).flatten(1),
    }[kind]
    torch.manual_seed(0)
    net = InvariantScalars(in_rep, out_rep, width=32, depth=2)
    optimiser, losses = torch.optim.Adam(net.parameters(), 3e-3), []
    for _ in range(60):
        loss = (net(x) - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


def test_copies_carry_the_scales(generator):
    V = eq.defining(eq.group("O(3)"))
    x = (2 * V).sample_input(20, generator, torch.float64)
    net = built(2 * V, V)
    net(x)
    other = built(2 * V, V)
    other.load_state_dict(net.state_dict())
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), other):
        assert twin.is_fitted and torch.equal(twin(3 * x), net(3 * x))


def test_one_input_does_not_set_the_scales():
    V = eq.defining(eq.group("O(3)"))
    net = built(2 * V, V)
    assert net.macs > 0 and not net.is_fitted
    net.eval()(torch.zeros(30, 6, dtype=torch.float64))
    assert not net.is_fitted


def test_what_is_refused():
    V, W = eq.defining(eq.group("O(3)")), eq.defining(eq.group("SO(3)"))
    with pytest.raises(BadRepresentation, match="never reached"):
        InvariantScalars(2 * V, V.alt(3))
    with pytest.raises(GroupMismatch):
        InvariantScalars(V, W)
    with pytest.raises(BadInput):
        InvariantScalars(2 * V, V)(torch.zeros(2, 5))


@pytest.mark.slow
def test_it_compiles_into_one_graph(generator):
    V = eq.defining(eq.group("O(3)"))
    net = built(2 * V, V @ V)
    x = (2 * V).sample_input(20, generator, torch.float64)
    net.fit_standardiser(x)
    assert torch.allclose(torch.compile(net, fullgraph=True)(x), net(x), rtol=1e-12, atol=1e-12)
