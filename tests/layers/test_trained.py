"""A small network on every group of the catalogue, trained for a few steps, still commutes with it."""

from __future__ import annotations

import pytest
import torch

import equilayers as eq

NAMES = [entry.name for entry in eq.groups.catalogue()]
STEPS = 5


def network(V):
    """Gates between linear maps, on the defining action; its square where that is small."""
    hidden = 3 * eq.trivial(V.group) + 2 * V + (V @ V if V.dim <= 4 else eq.trivial(V.group))
    gated = eq.layers.GatedActivation(hidden)
    first = eq.layers.Linear(2 * V + eq.trivial(V.group), gated.in_rep)
    return eq.layers.Sequential(first, gated, eq.layers.Linear(hidden, V + 2 * eq.trivial(V.group))).double()


def trained(V):
    torch.manual_seed(0)
    net = network(V)
    x = torch.randn(32, net.in_action.dim, dtype=torch.float64)
    target = torch.randn(32, net.out_action.dim, dtype=torch.float64) + 1.0
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss = (net(x) - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    return net, losses


def error(net, generator):
    """The largest deviation, over the size of the output and the norms of the representing matrices."""
    G = net.in_action.group
    g = G.sample(3, generator)
    x = torch.randn(8, net.in_action.dim, dtype=torch.float64, generator=generator)
    into, out_of = net.in_action(g), net.out_action(g)
    with torch.no_grad():
        y = net(x)
        gap = net(torch.einsum("eij,bj->ebi", into, x)) - torch.einsum("eij,bj->ebi", out_of, y)
    stretch = torch.maximum(torch.linalg.matrix_norm(into, 2), torch.linalg.matrix_norm(out_of, 2)).clamp(min=1)
    return float((gap.square().mean((1, 2)).sqrt() / stretch).max() / y.square().mean().sqrt())


@pytest.mark.parametrize("name", NAMES)
def test_a_trained_network_commutes_with_its_group(name, generator):
    net, losses = trained(eq.defining(eq.group(name)))
    assert losses[-1] < losses[0]
    assert error(net, generator) < 1e-12


def test_a_network_trained_with_a_loose_weight_does_not(generator):
    net, _ = trained(eq.defining(eq.group("D4")))
    first = net[0]
    forward = first.forward
    first.forward = lambda x: forward(x) + 1e-6 * x.sum(-1, keepdim=True)
    assert error(net, generator) > 1e-9
