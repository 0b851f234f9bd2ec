"""Networks on sets and graphs: relabelling, masks, other numbers of nodes, costs, pickling, training."""

from __future__ import annotations

import pickle

import pytest
import torch
from node_laws import draw, permuted, same, shaken, sizes_of, trained
from torch import nn

import equilayers as eq
from equilayers.errors import BadInput
from equilayers.models import PPGN, DeepSets, InvariantGraphNetwork, SetTransformer, count_macs

# network, axes over nodes of the input, of the output
CASES = {
    "DeepSets": (lambda: DeepSets(3, 2, 8), 1, 0),
    "DeepSets of members": (lambda: DeepSets(3, 2, 8, pool=False), 1, 1),
    "SetTransformer": (lambda: SetTransformer(3, 2, 8, heads=2, inducing=3), 1, 0),
    "SetTransformer of members": (lambda: SetTransformer(3, 2, 8, heads=2, inducing=3, pool=False), 1, 1),
    "graphs": (lambda: InvariantGraphNetwork(3, 2, 6), 2, 0),
    "nodes": (lambda: InvariantGraphNetwork(3, 2, 6, out_order=1), 2, 1),
    "edges": (lambda: InvariantGraphNetwork(3, 2, 6, out_order=2), 2, 2),
    "members to edges": (lambda: InvariantGraphNetwork(3, 2, 6, order=1, out_order=2), 1, 2),
    "PPGN": (lambda: PPGN(3, 2, 6), 2, 0),
    "PPGN of nodes": (lambda: PPGN(3, 2, 6, out_order=1), 2, 1),
    "PPGN of edges": (lambda: PPGN(3, 2, 6, out_order=2), 2, 2),
}


@pytest.fixture(params=CASES)
def case(request):
    build, axes, out_axes = CASES[request.param]
    return shaken(build()), axes, out_axes


# Relabelling


def commutes(f, axes, out_axes, n):
    x, order = draw(2, *[n] * axes, 3, seed=n), torch.randperm(n, generator=torch.Generator().manual_seed(n))
    y = f(x)
    return y.shape == (2, *[n] * out_axes, 2) and same(f(permuted(x, order, axes)), permuted(y, order, out_axes))


@pytest.mark.parametrize("n", [1, 2, 7])
def test_relabelling(case, n):
    assert commutes(*case, n)


def test_a_network_that_sees_positions_is_noticed(case):
    net, axes, out_axes = case
    positions = torch.arange(7.0, dtype=torch.float64).reshape(-1, *[1] * axes)
    assert not commutes(lambda x: net(x + positions), axes, out_axes, 7)


@pytest.mark.parametrize("name", ["DeepSets", "SetTransformer of members", "nodes", "PPGN of edges"])
def test_the_meter_agrees(name):
    net = shaken(CASES[name][0]())
    assert eq.equivariance_error(net, net.in_action, net.out_action).error < 1e-12


def test_the_output_depends_on_every_node(case):
    net, axes, _ = case
    x = draw(1, *[5] * axes, 3).requires_grad_()
    net(x).square().sum().backward()
    assert (x.grad.abs().amax(-1) > 0).all()


# Masks


def present(mask, axes):
    """Indices all of whose nodes are there."""
    return torch.stack(torch.meshgrid(*[mask] * axes, indexing="ij")).all(0)


def masked_is_cut_out(f, net, axes, out_axes, filler):
    """Each member of a ragged batch as if it were alone, and zero elsewhere."""
    n, lengths = 7, (7, 4, 1)
    rng = torch.Generator().manual_seed(3)
    mask = torch.stack([(torch.arange(n) < k)[torch.randperm(n, generator=rng)] for k in lengths])
    x = draw(len(lengths), *[n] * axes, 3)
    y = f(torch.where(torch.stack([present(m, axes) for m in mask])[..., None], x, filler), mask)
    for i, m in enumerate(mask):
        there = m.nonzero()[:, 0]
        alone = net(permuted(x[i : i + 1], there, axes))
        if not same(permuted(y[i : i + 1], there, out_axes), alone) or (out_axes and y[i][~present(m, out_axes)].any()):
            return False
    return True


@pytest.mark.parametrize("filler", [0.0, 7.0, float("nan")])
def test_a_mask_cuts_out(case, filler):
    net, axes, out_axes = case
    assert masked_is_cut_out(net, net, axes, out_axes, filler)


def test_an_ignored_mask_is_noticed(case):
    net, axes, out_axes = case
    assert not masked_is_cut_out(lambda x, _: net(x), net, axes, out_axes, 7.0)


def test_what_is_masked_reaches_no_gradient(case):
    net, axes, _ = case
    x = draw(2, *[6] * axes, 3)
    padded = torch.full((2, *[8] * axes, 3), torch.nan, dtype=torch.float64)
    padded[(slice(None), *[slice(6)] * axes)] = x
    expected = torch.autograd.grad(net(x).sum(), list(net.parameters()))
    found = torch.autograd.grad(net(padded, (torch.arange(8) < 6).expand(2, 8)).sum(), list(net.parameters()))
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))


def test_a_mask_of_all_is_none_and_of_none_is_finite(case):
    net, axes, _ = case
    x = draw(2, *[5] * axes, 3)
    assert same(net(x, torch.ones(2, 5, dtype=torch.bool)), net(x))
    assert net(x, torch.zeros(2, 5, dtype=torch.bool)).isfinite().all()


# Other numbers of nodes


def grows_like_its_input(f, axes):
    """As many tensors at any size, none larger than a multiple of the input that holds at ten nodes."""
    (few, small), (many, large) = (sizes_of(f, torch.zeros(1, *[n] * axes, 3)) for n in (10, 100))
    return few == many and large <= small * 10**axes


@pytest.mark.parametrize("name", [name for name in CASES if name != "members to edges"])
def test_memory_and_work_grow_with_the_input_and_not_its_square(name):
    build, axes, _ = CASES[name]
    net = build()
    assert grows_like_its_input(net, axes)
    few, many = (count_macs(net, torch.zeros(1, *[n] * axes, 3)) for n in (10, 100))
    assert net.macs == few and few < many <= few * 10 ** (axes + isinstance(net, PPGN))  # PPGN multiplies matrices


def test_all_pairs_of_members_are_noticed():
    assert not grows_like_its_input(lambda x: (x @ x.mT).softmax(-1) @ x, 1)


GRAPHS = {
    "IGN": lambda: InvariantGraphNetwork(1, 1, 4, depth=1),
    "order 1": lambda: InvariantGraphNetwork(1, 1, 8, order=1),
    "PPGN": lambda: PPGN(1, 1, 4, depth=1),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_the_share_of_large_entries_learned_at_ten_nodes_holds_at_a_thousand(name):
    torch.manual_seed(0)
    net = GRAPHS[name]()
    axes = net.in_action.axes

    def problem(batch, n):
        share = torch.rand(batch, *[1] * len(axes), 1)
        x = (torch.rand(batch, *[n] * len(axes), 1) < share).float()
        return x, x.flatten(1).mean(1, keepdim=True)

    first, last = trained(net, *problem(64, 10), 40)
    with torch.no_grad():
        x, y = problem(1, 1000)
        assert last < 0.2 * first and (net(x) - y).abs().max() < 0.25


@pytest.mark.parametrize("build", [DeepSets, lambda *a: SetTransformer(*a, heads=2, inducing=4)])
def test_a_sum_over_ten_members_is_learned(build):
    torch.manual_seed(0)
    net = build(1, 1, 16)
    x = draw(128, 10, 1).float() + draw(128, 1, 1, seed=5).float()
    _, last = trained(net, x, x.sum(1) / 10, 40)
    assert last < 0.1
    with torch.no_grad():
        new = draw(64, 10, 1, seed=3).float() + draw(64, 1, 1, seed=4).float()
        assert (10 * net(new) - new.sum(1)).square().mean() < 0.15 * new.sum(1).var()
        assert torch.allclose(net(new.repeat(1, 100, 1)), net(new), atol=1e-5)  # at a thousand: the same members


# Costs, copies, other forms


@pytest.mark.parametrize("pool", [True, False])
def test_attention_costs_what_it_says(pool):
    n, m, w, c = 10, 5, 8, 3
    net = SetTransformer(c, 2, w, depth=2, heads=2, inducing=m, pool=pool)
    block = 2 * n * w * w + 2 * m * n * w + 2 * m * w * w  # from members to points, whose queries are known
    block += 3 * n * w * w + 2 * m * w * w + 2 * m * n * w  # and back
    gather = 2 * n * w * w + 2 * n * w + 2 * w * w
    assert net.macs == n * c * w + 2 * block + (gather + w * 2 if pool else n * w * 2)


def test_there_and_back(case):
    net, axes, _ = case
    x = draw(2, *[5] * axes, 3)
    assert torch.equal(pickle.loads(pickle.dumps(net))(x), net(x))
    before = net(x)
    net.reset_parameters()
    assert not torch.equal(net(x), before) and torch.isfinite(net(x)).all()


def test_as_plain_torch(case):
    net, axes, _ = case
    plain = eq.to_torch(net)
    assert not any(isinstance(module, eq.layers.GraphLinear) for module in plain.modules())
    for n in (5, 8):
        x = draw(2, *[n] * axes, 3)
        assert same(plain(x), net(x))
    if isinstance(plain, torch.fx.GraphModule):
        with pytest.raises(AssertionError, match="mask"):
            plain(x, torch.ones(2, 8, dtype=torch.bool))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["DeepSets", "SetTransformer", "graphs", "PPGN of edges"])
def test_it_compiles_into_one_graph(name):
    build, axes, _ = CASES[name]
    net = shaken(build())
    x, mask = draw(2, *[5] * axes, 3), torch.arange(5).expand(2, 5) < 3
    compiled = torch.compile(net, fullgraph=True, backend="aot_eager")
    assert torch.allclose(compiled(x, mask), net(x, mask), rtol=1e-10, atol=1e-10)


def test_attention_is_that_of_torch():
    net = shaken(SetTransformer(3, 2, 8, heads=2, inducing=3))
    block, x, y = net.blocks[0].into, draw(2, 3, 8), draw(2, 6, 8, seed=7)
    oracle = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        oracle.in_proj_weight.copy_(torch.cat([block.query.weight, block.key.weight, block.value.weight]))
        oracle.in_proj_bias.copy_(torch.cat([block.query.bias, block.key.bias, block.value.bias]))
        oracle.out_proj.load_state_dict(block.out.state_dict())
    z = block.first(x + oracle(x, y, y)[0])
    assert same(block(x, y, None), block.second(z + nn.functional.silu(block.own(z))))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DeepSets(1, 1, depth=0),
        lambda: SetTransformer(1, 1, width=6, heads=4),
        lambda: InvariantGraphNetwork(1, 1, order=3),
        lambda: PPGN(1, 1, out_order=3),
        lambda: DeepSets(2, 1)(torch.zeros(3, 4, 5)),
        lambda: DeepSets(2, 1)(torch.zeros(3, 0, 2)),
        lambda: SetTransformer(2, 1)(torch.zeros(3, 4, 5)),
        lambda: SetTransformer(2, 1)(torch.zeros(3, 0, 2)),
        lambda: InvariantGraphNetwork(2, 1)(torch.zeros(3, 0, 0, 2)),
        lambda: PPGN(2, 1)(torch.zeros(3, 4, 5, 2)),
        lambda: PPGN(2, 1)(torch.zeros(3, 4, 4, 2), torch.ones(3, 5, dtype=torch.bool)),
        lambda: SetTransformer(2, 1)(torch.zeros(3, 4, 2), torch.ones(3, 4)),
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(BadInput):
        wrong()
