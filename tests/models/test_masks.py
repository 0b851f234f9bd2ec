"""What a mask hides has no effect: one law for every layer and every model that takes a mask, found by discovery."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from model_variants import MINKOWSKI, V, W, of_planes
from node_laws import same, shaken
from torch import Tensor, nn

import equilayers as eq
from equilayers import layers as L
from equilayers import models as M
from equilayers import ops
from equilayers.errors import BadInput, EquilayersError

FILLERS = (float("nan"), float("inf"), -float("inf"), 1e38, 7.0)
LENGTHS = ((4, 2, 3), (3, 1, 4), (1, 4, 2))  # of three sets of up to four members; others for a second kind of member
Masks = dict[str, Tensor]


class Case(NamedTuple):
    """A module that takes a mask.

    Attributes:
        build: the module.
        inputs: for each tensor the kinds of members on its axes, then its channels.
        outputs: kinds of members on the axes of the output.
        call: with the tensors and a mask for each kind that is masked, true where a member is present.
        masked: the kinds that it masks.
        takes_none: whether sets may be empty by their shape.
        clears: whether outputs of absent members are zero.
    """

    build: Callable[[], nn.Module]
    inputs: tuple[tuple[tuple[str, ...], int], ...]
    outputs: tuple[str, ...] = ()
    call: Callable[..., Tensor] = lambda net, xs, masks: net(*xs, mask=masks["m"])
    masked: tuple[str, ...] = ("m",)
    takes_none: bool = False
    clears: bool = True


def padding(net: nn.Module, xs: list[Tensor], masks: Masks) -> Tensor:
    return net(*xs, key_padding_mask=~masks["m"])


def unheard(net: nn.Module, xs: list[Tensor], masks: Masks) -> Tensor:
    """A mask of pairs that hides a key from every query."""
    return net(*xs, attn_mask=(~masks["m"]).unsqueeze(-2).expand(-1, xs[0].shape[-2], -1))


def infinitely_low(net: nn.Module, xs: list[Tensor], masks: Masks) -> Tensor:
    low = torch.zeros(xs[0].shape[0], xs[0].shape[-2], xs[1].shape[-2], dtype=xs[0].dtype)
    return net(*xs, attn_mask=low.masked_fill((~masks["m"]).unsqueeze(-2), -torch.inf))


M1, M2 = ("m",), ("m", "m")
BOOSTS = 2 * W + eq.trivial(W.group)
CASES = {
    "Attention": Case(lambda: L.Attention(BOOSTS, W, 2), ((M1, 9),), M1, padding, takes_none=True, clears=False),
    "Attention-across": Case(
        lambda: L.Attention(2 * V, V, key_rep=3 * V), ((("q",), 6), (M1, 9)), ("q",), padding, takes_none=True
    ),
    "Attention-pairs": Case(lambda: L.Attention(2 * V, V, key_rep=3 * V), ((("q",), 6), (M1, 9)), ("q",), unheard),
    "Attention-low": Case(lambda: L.Attention(2 * V, V, key_rep=3 * V), ((("q",), 6), (M1, 9)), ("q",), infinitely_low),
    "GraphLinear-set": Case(lambda: L.GraphLinear(1, 1, 2, 3), ((M1, 2),), M1),
    "GraphLinear-edges": Case(lambda: L.GraphLinear(2, 2, 2, 1), ((M2, 2),), M2),
    "GraphLinear-pooled": Case(lambda: L.GraphLinear(2, 0, 2, 3), ((M2, 2),)),
    "GraphLinear-made": Case(lambda: L.GraphLinear(1, 2, 2, 3), ((M1, 2),), M2),
    "GraphLinear-weights": Case(
        lambda: L.GraphLinear(("m", "k"), ("k", "m"), 2, 3),
        ((("m", "k"), 2),),
        ("k", "m"),
        lambda net, xs, masks: net(*xs, mask=masks),
        ("m", "k"),
    ),
    "LorentzNet": Case(lambda: M.LorentzNet(W, 1, 2, 4, 2), ((M1, 4), (M1, 1)), takes_none=True),
    "LorentzNet-space": Case(lambda: M.LorentzNet(V, 0, 2, 4, 2), ((M1, 3),), takes_none=True),
    "LorentzNet-features": Case(
        lambda: M.LorentzNet(V, 0, 2, 4, 2),
        ((M1, 3),),
        M1,
        lambda net, xs, masks: torch.cat(net.features(*xs, mask=masks["m"]), -1),
        takes_none=True,
    ),
    "GeometricTransformer": Case(
        lambda: M.GeometricTransformer(W, MINKOWSKI, W, W, 2, 2, 1), ((M1, 4),), M1, takes_none=True
    ),
    "GeometricTransformer-motions": Case(of_planes, ((M1, 16),), M1, takes_none=True),
    "SetTransformer": Case(lambda: M.SetTransformer(2, 2, 4, 1, 2, 2), ((M1, 2),)),
    "SetTransformer-members": Case(lambda: M.SetTransformer(2, 2, 4, 1, 2, 2, pool=False), ((M1, 2),), M1),
    "DeepSets": Case(lambda: M.DeepSets(2, 2, 4), ((M1, 2),)),
    "DeepSets-members": Case(lambda: M.DeepSets(2, 2, 4, pool=False), ((M1, 2),), M1),
    "InvariantGraphNetwork": Case(lambda: M.InvariantGraphNetwork(1, 2, 3), ((M2, 1),)),
    "InvariantGraphNetwork-edges": Case(lambda: M.InvariantGraphNetwork(1, 2, 3, 1, 1, 2), ((M1, 1),), M2),
    "PPGN": Case(lambda: M.PPGN(1, 2, 3, 1), ((M2, 1),)),
    "PPGN-edges": Case(lambda: M.PPGN(1, 2, 3, 1, out_order=2), ((M2, 1),), M2),
}


def with_a_mask(room: Any) -> set[str]:
    """Public modules of a room whose ``forward`` takes a mask."""
    found = {name: getattr(room, name) for name in room.__all__}
    return {
        name
        for name, thing in found.items()
        if inspect.isclass(thing)
        and issubclass(thing, nn.Module)
        and any("mask" in parameter for parameter in inspect.signature(thing.forward).parameters)
    }


def test_every_module_that_takes_a_mask_is_among_the_cases():
    covered = {type(case.build()).__name__ for case in CASES.values()}
    assert covered == with_a_mask(L) | with_a_mask(M) and len(covered) == 8 and len(CASES) == 22


@pytest.fixture(params=CASES)
def case(request) -> Case:
    return CASES[request.param]


def drawn(case: Case, seed: int = 1, sizes: tuple[int, ...] = (4, 4)) -> tuple[list[Tensor], Masks]:
    """A batch of three ragged sets, the present members in any order."""
    rng = torch.Generator().manual_seed(seed)
    size = dict(zip(("m", "k"), sizes, strict=True)) | {"q": 3}
    xs = [
        torch.randn(3, *(size[kind] for kind in axes), channels, generator=rng, dtype=torch.float64)
        for axes, channels in case.inputs
    ]
    masks = {}
    for kind, lengths in zip(case.masked, LENGTHS, strict=False):
        rows = [(torch.arange(size[kind]) < k)[torch.randperm(size[kind], generator=rng)] for k in lengths]
        masks[kind] = torch.stack(rows)
    return xs, masks


def present(axes: tuple[str, ...], masks: Masks, shape: tuple[int, ...]) -> Tensor:
    """Where all members of an entry are there: ``shape`` without its channels."""
    there = torch.ones(shape, dtype=torch.bool)
    for axis, kind in enumerate(axes, start=1):
        if kind in masks:
            there &= masks[kind].view(3, *[1] * (axis - 1), -1, *[1] * (len(shape) - axis - 1))
    return there


def filled(case: Case, xs: list[Tensor], masks: Masks, filler: float) -> list[Tensor]:
    found = []
    for x, (axes, _) in zip(xs, case.inputs, strict=True):
        there = present(axes, masks, x.shape[:-1]).unsqueeze(-1)
        found.append(torch.where(there, x, filler).requires_grad_())
    return found


def derivatives(net: nn.Module, case: Case, xs: list[Tensor], masks: Masks) -> list[Tensor]:
    """Output; gradients of inputs and parameters; gradients of a number made of those."""
    y = case.call(net, xs, masks)
    over = [*xs, *net.parameters()]
    first = torch.autograd.grad(y.sin().sum(), over, create_graph=True, materialize_grads=True)
    number = sum(g.square().sum() for g in first)
    second = torch.autograd.grad(number, over, materialize_grads=True)
    return [y, *first, *second]


def disturbing(net: nn.Module, case: Case, masks: Masks, fillers: tuple[float, ...] = (torch.nan,)) -> list[float]:
    """What, where it is hidden, changes anything, as compared with zero."""
    xs, _ = drawn(case)
    expected, *others = (derivatives(net, case, filled(case, xs, masks, f), masks) for f in (0.0, *fillers))
    return [
        filler
        for filler, found in zip(fillers, others, strict=True)
        if not all(torch.equal(a, b) and a.isfinite().all() for a, b in zip(found, expected, strict=True))
    ]


def test_what_is_hidden_changes_neither_value_nor_derivative(case):
    net, (xs, masks) = shaken(case.build()), drawn(case)
    assert disturbing(net, case, masks, FILLERS) == []
    found, n = derivatives(net, case, filled(case, xs, masks, 7.0), masks), len(xs)
    for start in (1, 1 + n + len(list(net.parameters()))):  # gradients of inputs, of first and of second order
        for grad, (axes, _) in zip(found[start : start + n], case.inputs, strict=True):
            assert grad.any() and not grad[~present(axes, masks, grad.shape[:-1])].any()


def test_a_product_with_the_mask_is_noticed(case, monkeypatch):
    def multiplied(x: Tensor, mask: Tensor | None) -> Tensor:
        return x if mask is None else x * mask.unsqueeze(-1).to(x.dtype)

    monkeypatch.setattr(ops, "keep", multiplied)
    monkeypatch.setattr("equilayers.ops.nodes.keep", multiplied)
    assert disturbing(shaken(case.build()), case, drawn(case)[1])


def cut(x: Tensor, axes: tuple[str, ...], masks: Masks, i: int) -> Tensor:
    """Sample i without its absent members."""
    x = x[i : i + 1]
    for axis, kind in enumerate(axes, start=1):
        if kind in masks:
            x = x.index_select(axis, masks[kind][i].nonzero()[:, 0])
    return x


def test_it_is_as_if_absent_members_did_not_exist(case):
    net = shaken(case.build())
    xs, masks = drawn(case)
    y = case.call(net, filled(case, xs, masks, float("nan")), masks).detach()
    for i in range(3):
        alone = [cut(x, axes, masks, i) for x, (axes, _) in zip(xs, case.inputs, strict=True)]
        everyone = {kind: torch.ones(1, int(mask[i].sum()), dtype=torch.bool) for kind, mask in masks.items()}
        assert same(cut(y, case.outputs, masks, i), case.call(net, alone, everyone).detach())
    if case.clears:
        assert not y[~present(case.outputs, masks, y.shape[:-1])].any()


def test_one_bad_set_does_not_touch_the_others(case):
    net = shaken(case.build())
    xs, masks = drawn(case)
    good = [x.clone().requires_grad_() for x in xs]
    bad = [torch.cat([x[:1], torch.full_like(x[1:2], torch.nan), x[2:]]).requires_grad_() for x in xs]
    found, expected = (case.call(net, x, masks)[::2] for x in (bad, good))
    assert same(found, expected)
    grads = (torch.autograd.grad(y.sin().sum(), x) for y, x in ((found, bad), (expected, good)))
    assert all(same(a[::2], b[::2]) for a, b in zip(*grads, strict=True))


def test_a_set_that_a_mask_leaves_empty_is_an_empty_set(case):
    net = shaken(case.build())
    xs, masks = drawn(case)
    nobody = {kind: torch.zeros_like(mask) for kind, mask in masks.items()}
    y = case.call(net, filled(case, xs, nobody, float("nan")), nobody).detach()
    assert y.isfinite().all() and disturbing(net, case, nobody) == []
    if case.clears and set(case.outputs) & set(masks):
        assert not y.any()
    fewer = {kind: mask[:, :2] for kind, mask in nobody.items()}
    if not set(case.outputs) & set(masks):  # as many members do not matter where none is there
        assert same(case.call(net, [shortened(x, axes, masks, 2) for x, (axes, _) in pairs(case, xs)], fewer), y)
    if case.takes_none:
        none = [shortened(x, axes, masks, 0) for x, (axes, _) in pairs(case, xs)]
        empty = case.call(net, none, {kind: mask[:, :0] for kind, mask in nobody.items()}).detach()
        assert empty.shape[-1] == y.shape[-1] and (set(case.outputs) & set(masks) or same(empty, y))


def pairs(case: Case, xs: list[Tensor]) -> Any:
    return zip(xs, case.inputs, strict=True)


def shortened(x: Tensor, axes: tuple[str, ...], masks: Masks, size: int) -> Tensor:
    for axis, kind in enumerate(axes, start=1):
        if kind in masks:
            x = x.narrow(axis, 0, size)
    return x


@pytest.mark.parametrize(
    "wrong",
    [
        lambda m: m.double(),
        lambda m: m.long(),
        lambda m: m[:, :-1],
        lambda m: m[:1],
        lambda m: m[0],
        lambda m: m.unsqueeze(-1),
        lambda m: m.numpy(),
        lambda m: m.tolist(),
    ],
)
def test_other_masks_are_refused(case, wrong):
    if case.call in (unheard, infinitely_low):
        return  # these make masks of pairs, refused in the tests of attention
    net, (xs, masks) = case.build().double(), drawn(case)
    named = {"Attention": "key_padding_mask"}.get(type(net).__name__, "mask")
    given = {kind: wrong(mask) for kind, mask in masks.items()}
    with pytest.raises(BadInput):
        net(*xs, **{named: given if len(given) > 1 else given["m"]})


def test_masks_of_pairs_are_bool_or_numbers():
    layer, x = L.Attention(2 * V, V), torch.zeros(2, 4, 6)
    for wrong in (torch.zeros(4, 4, dtype=torch.long), torch.zeros(3, 4, 4), np.zeros((4, 4)), [[0.0]]):
        with pytest.raises(BadInput, match="A mask of keys"):
            layer(x, attn_mask=wrong)


def test_a_set_without_a_mask_of_its_own_is_said():
    layer = L.GraphLinear(("a", "b"), ("a", "b"), 2, 3)
    with pytest.raises(EquilayersError, match="one for each set by name"):
        layer(torch.zeros(2, 3, 4, 2), mask={"a": torch.ones(2, 3, dtype=torch.bool)})


# The same in the modes in which torch runs it


def modest(net: nn.Module, case: Case, masks: Masks, run: Callable[..., Tensor], filler: float) -> list[Tensor]:
    """Value and first derivatives in single precision."""
    xs = [x.detach().float().requires_grad_() for x in filled(case, drawn(case)[0], masks, filler)]
    y = run(xs, masks)
    return [y, *torch.autograd.grad(y.float().sin().sum(), [*xs, *net.parameters()], materialize_grads=True)]


@pytest.mark.parametrize(("dtype", "filler"), [(torch.bfloat16, torch.nan), (torch.float16, 1e38)])
def test_under_autocast(case, dtype, filler):
    net, masks = shaken(case.build()).float(), drawn(case)[1]

    def run(xs, masks):
        with torch.autocast("cpu", dtype=dtype):
            return case.call(net, xs, masks)

    found, expected = (modest(net, case, masks, run, f) for f in (filler, 0.0))
    assert all(torch.equal(a, b) and a.isfinite().all() for a, b in zip(found, expected, strict=True))


COMPILED = ("GraphLinear-set",)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's own, of its lowering of diagonal
@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in COMPILED else pytest.mark.slow) for n in CASES])
def test_in_one_compiled_graph(name):
    torch._dynamo.reset()
    case = CASES[name]
    net, masks = shaken(case.build()).float(), drawn(case)[1]
    compiled = torch.compile(lambda xs, masks: case.call(net, xs, masks), fullgraph=True, backend="aot_eager")
    found = modest(net, case, masks, compiled, float("nan"))
    expected = modest(net, case, masks, lambda xs, masks: case.call(net, xs, masks), 0.0)
    assert all(torch.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in zip(found, expected, strict=True))


def test_for_each_sample_by_itself(case):
    net = shaken(case.build())
    xs, masks = drawn(case)
    bad = [x.detach() for x in filled(case, xs, masks, float("nan"))]

    def one(xs, masks):
        return case.call(net, [x[None] for x in xs], {kind: mask[None] for kind, mask in masks.items()})[0]

    assert same(torch.func.vmap(one)(bad, masks), case.call(net, xs, masks))
    grads = torch.func.vmap(torch.func.grad(lambda xs, masks: one(xs, masks).sin().sum()))(bad, masks)
    assert all(g.isfinite().all() for g in grads)
