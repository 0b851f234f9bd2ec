"""Networks on weights of perceptrons: hidden neurons have no order, inputs and outputs have one."""

from __future__ import annotations

import pickle
from itertools import pairwise, permutations, product

import pytest
import torch
from node_laws import draw, same, shaken, sizes_of, trained

from equilayers.errors import BadInput
from equilayers.models import WeightSpaceNet

SIZES = (2, 5, 4, 3)


def perceptrons(count, sizes=SIZES, seed=0):
    pairs = enumerate(pairwise(sizes))
    return [(draw(count, b, a, seed=seed + i), draw(count, b, seed=seed + 50 + i)) for i, (a, b) in pairs]


def orders(weights, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return [torch.randperm(bias.shape[1], generator=rng) for _, bias in weights[:-1]]


def relabelled(weights, orders, back=True):
    """Hidden neurons in another order; ``back``: the next layer reads them so, and the function is the same."""
    into = [slice(None), *(orders if back else [slice(None)] * len(orders))]
    out = [*orders, slice(None)]
    return [(w[:, o][:, :, i], b[:, o]) for (w, b), i, o in zip(weights, into, out, strict=True)]


def evaluate(weights, x):
    for i, (w, b) in enumerate(weights):
        x = x @ w.mT + b[:, None]
        x = x.tanh() if i < len(weights) - 1 else x
    return x


def equal(a, b):
    return all(p.shape == q.shape and same(p, q) for x, y in zip(a, b, strict=True) for p, q in zip(x, y, strict=True))


@pytest.mark.parametrize("sizes", [SIZES, (3, 4, 2), (1, 3, 3, 3, 1), (2, 1, 5, 1)])
def test_networks_of_one_function_are_alike(sizes):
    weights, points = perceptrons(2, sizes), draw(2, 4, sizes[0])
    moved = relabelled(weights, orders(weights))
    assert same(evaluate(moved, points), evaluate(weights, points))
    net = shaken(WeightSpaceNet(sizes, 3, width=4))
    assert net(weights).shape == (2, 3) and same(net(moved), net(weights))
    equivariant = shaken(WeightSpaceNet(sizes, width=4, pool=False))
    assert equal(equivariant(moved), relabelled(equivariant(weights), orders(weights)))


def test_other_functions_are_not():
    """Neurons moved without the weights that read them: the function changes, and so does what the network says."""
    weights, points = perceptrons(2), draw(2, 4, 2)
    broken = relabelled(weights, orders(weights), back=False)
    net, equivariant = shaken(WeightSpaceNet(SIZES, 3, width=4)), shaken(WeightSpaceNet(SIZES, width=4, pool=False))
    assert not same(evaluate(broken, points), evaluate(weights, points)) and not same(net(broken), net(weights))
    assert not equal(equivariant(broken), relabelled(equivariant(weights), orders(weights)))
    (w, b), *rest = weights
    assert not same(net([(w.flip(2), b), *rest]), net(weights))  # inputs have an order
    *rest, (w, b) = weights
    assert not same(net([*rest, (w.flip(1), b.flip(1))]), net(weights))  # and outputs


def commuting(sizes):
    """Dimension of the maps from parameters to one channel of each tensor: the mean of the product of characters."""
    total = count = 0
    for element in product(*(permutations(range(n)) for n in sizes[1:-1])):
        fixed = [sum(i == j for i, j in enumerate(p)) for p in element]
        of_weights, of_channels = (
            sum(b * a + b for a, b in pairwise([first, *fixed, last]))
            for first, last in ((sizes[0], sizes[-1]), (1, 1))
        )
        total += of_weights * of_channels
        count += 1
    return total // count


@pytest.mark.parametrize("sizes", [(1, 3, 1), (2, 3, 4, 3), (1, 2, 4, 3, 2)])
def test_no_map_that_commutes_is_missing(sizes):
    layer = WeightSpaceNet(sizes, width=1).hidden[0]
    assert sum(part.weight.numel() for row in layer.maps for part in row) == commuting(sizes)
    assert commuting(sizes) != commuting((*sizes[:-1], sizes[-1] + 1))


def test_other_widths_training_and_copies():
    torch.manual_seed(0)
    sizes = (2, 5, 3)
    net = WeightSpaceNet(sizes, 1, width=4)
    weights = [(w.float(), b.float()) for w, b in perceptrons(48, sizes)]
    first, last = trained(net, weights, weights[-1][1].mean(1, keepdim=True), 30)
    assert last < 0.3 * first
    wide = [(w.float(), b.float()) for w, b in perceptrons(32, (2, 200, 3))]
    with torch.no_grad():
        assert (net(wide) - wide[-1][1].mean(1, keepdim=True)).square().mean() < 0.5 * first
    assert torch.equal(pickle.loads(pickle.dumps(net))(weights), net(weights))
    before = net(weights)
    net.reset_parameters()
    assert not torch.equal(net(weights), before)


def wide(n):
    return [(torch.zeros(1, b, a), torch.zeros(1, b)) for a, b in pairwise((2, n, n, 3))]


@pytest.mark.parametrize("pool", [True, False])
def test_memory_grows_like_the_weights(pool):
    net = WeightSpaceNet(SIZES, width=4, pool=pool)
    (few, small), (many, large) = (sizes_of(net, wide(n)) for n in (10, 100))
    assert few == many and large <= small * 10**2


def test_costs_are_those_of_the_maps():
    """One hidden layer with one neuron: every tensor is a vector of channels, and a map costs its weights."""
    net = WeightSpaceNet((3, 1, 2), 1, width=5, depth=1)
    parts = [part for module in (net.hidden[0], net.reduce) for row in module.maps for part in row]
    assert net.macs == sum(part.weight.numel() for part in parts) + net.read_out.macs


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: WeightSpaceNet((2, 3)),
        lambda: WeightSpaceNet(SIZES, depth=0),
        lambda: WeightSpaceNet(SIZES)(perceptrons(2, (2, 5, 3))),
        lambda: WeightSpaceNet(SIZES)(perceptrons(2, (2, 5, 4, 2))),
        lambda: WeightSpaceNet(SIZES)(perceptrons(2, (2, 5, 0, 3))),
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(BadInput):
        wrong()
