"""Linear maps over nodes: all of Hom and nothing else, at every number of nodes, masks, unit variance at the start."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers.errors import BadInput, CheckpointMismatch, TooLarge
from equilayers.layers import GraphLinear

ORDERS = [(k, l) for k in range(4) for l in range(4) if k + l <= 5]
BELL = [1, 1, 2, 5, 15, 52]
SETS = {"out": 4, "in": 3}
AXES = [
    (("out", "in"), ("out", "in")),
    (("out", "in"), ("in",)),
    (("out",), ("out", "in")),
    (("out", "in", "in"), ("in",)),
    (("in",), ("out",)),
]


def tensor_power(V, k):
    W = eq.trivial(V.group)
    for _ in range(k):
        W = W @ V
    return W


def random(layer, seed=3):
    rng = torch.Generator().manual_seed(seed)
    layer = layer.double()
    with torch.no_grad():
        for p in layer.parameters():
            p.copy_(torch.randn(p.shape, generator=rng, dtype=torch.float64))
    return layer


def dense(layer, shapes):
    """The linear map as a matrix, column by column, and its bias; ``shapes`` of input and output indices."""
    d = int(np.prod(shapes[0]))
    sizes = dict(zip(layer.sets, layer.in_action.sizes.values(), strict=True))
    with torch.no_grad():
        zero = layer(torch.zeros(1, *shapes[0], 1, dtype=torch.float64), sizes=sizes).reshape(-1)
        columns = layer(torch.eye(d, dtype=torch.float64).reshape(d, *shapes[0], 1), sizes=sizes).reshape(d, -1)
    return (columns - zero).T.numpy(), zero.numpy()


def spanned(layer, shapes):
    """Matrices of all diagrams, each from a weight of its own."""
    found = []
    for d in range(len(layer.weight)):
        twin = copy.deepcopy(layer)
        with torch.no_grad():
            twin.weight.zero_()[d] = 1.0
            if twin.bias is not None:
                twin.bias.zero_()
        found.append(dense(twin, shapes)[0])
    return np.array(found)


def same_span(a, b):
    """Rank of both together and of each."""
    a, b = a.reshape(len(a), -1), b.reshape(len(b), -1)
    ranks = [np.linalg.matrix_rank(m, tol=1e-9) for m in (np.concatenate([a, b]), a, b)]
    return ranks[0] == ranks[1] == ranks[2]


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("orders", [o for o in ORDERS if sum(o) <= 4])
def test_the_maps_are_those_of_the_solver(orders, n):
    k, l = orders
    V = eq.defining(eq.group(f"S{n}"))
    layer = GraphLinear(k, l, 1, 1, n=n).double()
    maps = spanned(layer, ([n] * k, [n] * l))
    space = eq.hom(tensor_power(V, k), tensor_power(V, l))
    assert len(maps) == BELL[k + l] and (space.dim == BELL[k + l]) is (n >= k + l or space.dim == BELL[k + l])
    assert same_span(maps, space.basis())


@pytest.mark.parametrize("axes", AXES)
def test_several_sets_are_products_of_symmetric_groups(axes):
    layer = GraphLinear(*axes, 1, 1, n=SETS).double()
    used = [name for name in SETS if name in (*axes[0], *axes[1])]
    G = eq.group(" x ".join(f"S{SETS[name]}" for name in used))
    assert layer.in_action.group == G
    V = {}
    for i, name in enumerate(used):
        phi = G.projection(i) if len(used) > 1 else None
        own = eq.defining(eq.group(f"S{SETS[name]}"))
        V[name] = eq.restrict(own, phi) if phi else own
    reps = []
    for of in axes:
        W = eq.trivial(G)
        for name in of:
            W = W @ V[name]
        reps.append(W)
    shapes = [[SETS[name] for name in of] for of in axes]
    space = eq.hom(*reps)
    maps = spanned(layer, shapes)
    assert same_span(maps, space.basis())


def test_a_missing_diagram_is_noticed():
    layer = GraphLinear(2, 2, 1, 1, n=4).double()
    maps = spanned(layer, ([4, 4], [4, 4]))
    V = eq.defining(eq.group("S4"))
    assert not same_span(np.delete(maps, 7, 0), eq.hom(V @ V, V @ V).basis())


@pytest.mark.parametrize("l", range(4))
def test_biases_are_all_invariant_tensors(l):
    n = 4
    layer = GraphLinear(1, l, 1, 1, n=n).double()
    assert len(layer.bias) == BELL[l]
    found = []
    for p in range(BELL[l]):
        with torch.no_grad():
            layer.bias.zero_()[p] = 1.0
        found.append(dense(layer, ([n], [n] * l))[1])
    V = eq.defining(eq.group(f"S{n}"))
    assert same_span(np.array(found), eq.hom(eq.trivial(V.group), tensor_power(V, l)).basis())


@pytest.mark.parametrize("orders", [o for o in ORDERS if o[0]])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_relabelling_commutes_at_every_size(orders, n):
    layer = random(GraphLinear(*orders, 2, 3, n=n))
    x = layer.in_action.sample_input(4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    y = layer(x)
    elements = layer.in_action.group.sample(4, generator=torch.Generator().manual_seed(2))
    moved = layer(layer.in_action.transform(elements, x)) - layer.out_action.transform(elements, y)
    assert moved.abs().max() <= 1e-12 * y.abs().max()


@pytest.mark.parametrize(
    "case", [*[o for o in ORDERS if o[0] and sum(o) <= 4], *(a for a in AXES if set(a[0]) >= set(a[1]))]
)
def test_laws_of_a_layer(case):
    n = SETS if case in AXES else 4
    assert eq.testing.check_layer(GraphLinear(*case, 2, 3, n=n)).ran >= 30


def test_deep_sets_is_the_layer_on_sets():
    layer = random(GraphLinear(1, 1, 3, 5))
    assert layer.diagrams == ((0, 0), (0, 1))
    x = torch.randn(4, 9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    own, pooled = layer.weight.unbind(0)
    expected = x @ own.T + x.mean(1, keepdim=True) @ pooled.T + layer.bias
    assert torch.allclose(layer(x), expected, rtol=1e-12, atol=1e-12)


def test_sums_over_rows_by_hand():
    """Maron's fifteen, written out with a loop over indices."""
    n = 5
    layer = random(GraphLinear(2, 2, 1, 1, n=n))
    x = torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    expected = torch.zeros(n, n, dtype=torch.float64)
    for labels, w in zip(layer.diagrams, layer.weight.flatten().tolist(), strict=True):
        averaged = len(set(labels[:2]) - set(labels[2:]))
        for index in itertools.product(range(n), repeat=4):
            if all(index[a] == index[b] for a in range(4) for b in range(4) if labels[a] == labels[b]):
                expected[index[2], index[3]] += w * x[index[0], index[1]] / n**averaged
    pattern = dict(zip(layer.program.patterns, layer.bias.flatten().tolist(), strict=True))
    expected += pattern[0, 1] + pattern[0, 0] * torch.eye(n, dtype=torch.float64)
    assert torch.allclose(layer(x[None, ..., None])[0, ..., 0], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("orders", [(1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 1)])
def test_padding_changes_nothing(orders):
    layer = random(GraphLinear(*orders, 2, 3))
    k, l = orders
    rng = torch.Generator().manual_seed(4)
    lengths, n = [3, 5, 1, 0], 6
    mask = torch.arange(n) < torch.tensor(lengths)[:, None]
    x = torch.randn(4, *[n] * k, 2, dtype=torch.float64, generator=rng)
    y = layer(x, mask)
    for row, m in enumerate(lengths):
        inside = (row, *[slice(m)] * k)
        at = (row, *[slice(m)] * l)
        if m:
            assert torch.allclose(y[at], layer(x[inside][None])[0], rtol=1e-12, atol=1e-12)
        outside = torch.ones([n] * l, dtype=torch.bool)
        outside[tuple([slice(m)] * l)] = False
        assert not y[row][outside].any()
    for rubbish in (1e6, float("nan"), float("inf")):
        dirty = x.clone()
        for axis in range(1, k + 1):
            shape = [4, *[1] * (k + 1)]
            shape[axis] = n
            dirty = torch.where(mask.reshape(shape), dirty, torch.tensor(rubbish, dtype=torch.float64))
        assert torch.equal(layer(dirty, mask), y)


def test_masks_by_name():
    layer = random(GraphLinear(("out", "in"), ("in",), 2, 3, n=SETS))
    x = torch.randn(2, 4, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    mask = {
        "out": torch.arange(4)[None] < torch.tensor([[2], [4]]),
        "in": torch.arange(3)[None] < torch.tensor([[3], [1]]),
    }
    y = layer(x, mask)
    assert torch.allclose(y[0], layer(x[:1, :2])[0], rtol=1e-12, atol=1e-12)
    assert torch.allclose(y[1, :1], layer(x[1:, :, :1])[0], rtol=1e-12, atol=1e-12) and not y[1, 1:].any()


def test_gradients_do_not_enter_the_padding():
    layer = random(GraphLinear(2, 2, 1, 1))
    mask = torch.arange(4)[None] < 2
    x = torch.full((1, 4, 4, 1), float("nan"), dtype=torch.float64)
    x[:, :2, :2] = 1.0
    x.requires_grad_()
    layer(x, mask).square().sum().backward()
    assert torch.isfinite(x.grad).all() and not x.grad[:, 2:].any() and x.grad[:, :2, :2].any()


@pytest.mark.parametrize("order, large", [(1, 1000), (2, 200)])
def test_weights_do_not_depend_on_the_number_of_nodes(order, large):
    """The same weights, and a function that converges: a step function on blocks gives the same at every size."""
    layer = random(GraphLinear(order, order, 1, 2, bias=False))
    blocks = torch.randn(1, *[5] * order, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def stretched(x, times):
        for axis in range(1, order + 1):
            x = x.repeat_interleave(times, axis)
        return x

    off_diagonal = (0, 1) if order == 2 else (1,)  # of a block: diagonals of a step function are finer than its steps
    values = [layer(stretched(blocks, t))[(0, *off_diagonal)] for t in (2, large // 5)]
    assert torch.allclose(values[0], values[1], rtol=1e-10, atol=1e-12)


def test_trained_at_ten_runs_at_a_thousand():
    torch.manual_seed(0)
    layer = GraphLinear(1, 1, 1, 1)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.05)
    for _ in range(300):
        x = torch.randn(32, 10, 1) + torch.randn(32, 1, 1)
        loss = (layer(x) - (2 * x - 3 * x.mean(1, keepdim=True) + 1)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x = torch.randn(4, 1000, 1) + torch.randn(4, 1, 1)
    assert (layer(x) - (2 * x - 3 * x.mean(1, keepdim=True) + 1)).abs().max() < 1e-3


@pytest.mark.parametrize("n", [1, 2, 3, 12])
@pytest.mark.parametrize("orders", [o for o in ORDERS if o[0] and o[1]])
def test_unit_second_moment_at_every_size(orders, n):
    k, l = orders
    if n ** max(k, l) > 200:
        n = 5
    torch.manual_seed(k + 7 * l + n)
    layer = GraphLinear(k, l, 30, 400, bias=False)
    x = torch.randn(50, *[n] * k, 30)
    found = layer(x).detach().square().mean((0, -1))
    assert float(found.min()) > 0.85 and float(found.max()) < 1.15


def test_unit_second_moment_exactly():
    """Without sampling: the rows of all parts, by their deviations, have squares that add up to one."""
    from equilayers.layers.node_start import starting_weights

    for (k, l), n in itertools.product([(1, 1), (2, 1), (2, 2), (3, 2), (3, 1), (1, 3)], [1, 2, 3, 4]):
        mixing, deviation = starting_weights((0,) * k, (0,) * l)
        maps = spanned(GraphLinear(k, l, 1, 1, bias=False, n=n).double(), ([n] * k, [n] * l))
        parts = np.einsum("dp,dij->pij", mixing * deviation, maps)
        assert np.allclose((parts**2).sum((0, 2)), 1.0, rtol=1e-12)


@pytest.mark.parametrize("axes", AXES[:4])
def test_unit_second_moment_with_several_sets(axes):
    from equilayers.layers.node_start import starting_weights

    layer = GraphLinear(*axes, 1, 1, bias=False, n=SETS).double()
    mixing, deviation = starting_weights(layer.program.in_sets, layer.program.out_sets)
    maps = spanned(layer, [[SETS[name] for name in of] for of in axes])
    moments = (np.einsum("dp,dij->pij", mixing * deviation, maps) ** 2).sum((0, 2))
    whole = set(axes[0]) <= set(axes[1])  # a set that only the input has is averaged away
    assert np.allclose(moments, 1.0, rtol=1e-12) if whole else (moments < 1).all()


def test_where_everything_is_averaged_equal_features_keep_their_size():
    torch.manual_seed(0)
    layer = GraphLinear(2, 0, 20, 4000, bias=False)
    x = torch.randn(1, 1, 1, 20).expand(1, 6, 6, 20)
    assert abs(float(layer(x).detach().square().mean() / x.square().mean()) - 1) < 0.1


def test_out_of_the_library():
    layer = random(GraphLinear(2, 2, 2, 3)).eval()
    plain = eq.to_torch(layer)
    assert isinstance(plain, torch.fx.GraphModule) and "equilayers" not in plain.code
    for n in (3, 8):
        x = torch.randn(2, n, n, 2, dtype=torch.float64)
        assert torch.allclose(plain(x), layer(x), rtol=1e-12, atol=1e-12)


def test_a_checkpoint_knows_its_orders():
    layer = GraphLinear(1, 2, 2, 3)  # 5 diagrams, as from edges to nodes
    with pytest.raises(CheckpointMismatch):
        GraphLinear(2, 1, 2, 3).load_state_dict(layer.state_dict() | {})
    other = GraphLinear(1, 2, 2, 3, n=50)  # another number of nodes is the same layer
    other.load_state_dict(layer.state_dict())
    assert torch.equal(pickle.loads(pickle.dumps(other)).weight, layer.weight)


def test_refusals():
    layer = GraphLinear(2, 1, 3, 4)
    for shape in [(2, 5, 4, 3), (2, 5, 5, 2), (5, 5, 3), (2, 5, 5, 5, 3)]:
        with pytest.raises(BadInput, match=r"\(batch, \*nodes, channels\)"):
            layer(torch.zeros(shape))
    with pytest.raises(BadInput, match="how many nodes"):
        GraphLinear(0, 1, 3, 4)(torch.zeros(2, 3))
    assert GraphLinear(0, 1, 3, 4)(torch.zeros(2, 3), sizes=7).shape == (2, 7, 4)
    assert GraphLinear(0, 2, 3, 4)(torch.zeros(2, 3), torch.ones(2, 5, dtype=torch.bool)).shape == (2, 5, 5, 4)
    with pytest.raises(BadInput, match="mask"):
        layer(torch.zeros(2, 5, 5, 3), torch.ones(2, 5))
    with pytest.raises(TooLarge, match="axes"):
        GraphLinear(5, 4, 1, 1)
    with pytest.raises(BadInput, match="order"):
        GraphLinear(-1, 1, 1, 1)
    with pytest.raises(BadInput, match="size"):
        GraphLinear(("out",), ("in",), 1, 1, n={"out": 3})


def test_the_work_grows_with_the_tensor_and_not_with_its_square():
    """Multiply-accumulates per entry do not depend on the number of nodes."""
    layer = GraphLinear(2, 2, 4, 4)
    per_entry = [eq.models.count_macs(layer, torch.zeros(1, n, n, 4)) / n**2 for n in (10, 80)]
    assert per_entry[1] < per_entry[0] <= (2 + 9 / 10 + 4 / 100) * 16
