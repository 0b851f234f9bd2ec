"""Attention by kernel and by formula: one function with derivatives of every order, zero where no key is left."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from equilayers import ops

DRAWN = torch.Generator().manual_seed(3)
Q, K, X = (torch.randn(2, 2, n, d, dtype=torch.float64, generator=DRAWN) for n, d in ((3, 4), (5, 4), (5, 2)))
OUT = torch.rand(2, 1, 3, 5, generator=DRAWN) < 0.4
OUT[0, 0, 1], OUT[..., 2] = True, True
ADDED = torch.randn(2, 1, 3, 5, dtype=torch.float64, generator=DRAWN)
MASKS = {"none": (None, None), "left out": (OUT, None), "added": (None, ADDED), "both": (OUT, ADDED)}


@pytest.fixture(params=MASKS)
def masks(request):
    return MASKS[request.param]


def by_hand(q, k, v, left_out, added):
    """Key by key, with a loop over queries; a query without keys gets zero."""
    rows = []
    for i in range(q.shape[-2]):
        scores = (q[..., i : i + 1, :] * k).sum(-1) * 0.7
        scores = scores if added is None else scores + added[..., i, :]
        weights = scores.exp() if left_out is None else scores.exp() * ~left_out[..., i, :]
        total = weights.sum(-1, keepdim=True)
        weights = weights / torch.where(total == 0, 1.0, total)
        rows.append((weights.unsqueeze(-1) * v).sum(-2))
    return torch.stack(rows, -2)


def attended(masks):
    return lambda q, k, v: ops.attend(q, k, v, 0.7, *masks)


def test_it_is_the_formula(masks):
    assert torch.allclose(attended(masks)(Q, K, X), by_hand(Q, K, X, *masks), rtol=1e-12, atol=1e-13)
    half = [t.half() for t in (Q, K, X)]
    assert torch.allclose(attended(masks)(*half).double(), by_hand(Q, K, X, *masks), atol=1e-2)


def test_first_second_and_third_derivatives(masks):
    given = [t.clone().requires_grad_() for t in (Q, K, X)]
    assert torch.autograd.gradcheck(attended(masks), given, fast_mode=True)
    assert torch.autograd.gradgradcheck(attended(masks), given, fast_mode=True)

    def third(function):
        found = function(*given).sin().sum()
        for _ in range(3):
            found = torch.autograd.grad(found, given[0], create_graph=True)[0].sin().sum()
        return found.detach()

    assert torch.allclose(third(attended(masks)), third(lambda *t: by_hand(*t, *masks)), rtol=1e-9)


def test_learned_numbers_are_differentiated_twice():
    added = ADDED[:1].clone().requires_grad_()  # broadcast over the batch
    assert torch.autograd.gradgradcheck(lambda a: ops.attend(Q, K, X, 0.7, OUT, a), added, fast_mode=True)


@pytest.mark.parametrize("transform", ["jacfwd", "jacrev", "hessian", "vmap"])
def test_transforms(masks, transform):
    def result(function):
        one = lambda q: function(q, K, X).sin().sum((1, 2, 3))
        if transform == "vmap":
            return torch.func.vmap(lambda q: function(q, K, X))(torch.stack([Q, 2 * Q]))
        return getattr(torch.func, transform)(one)(Q)

    assert torch.allclose(result(attended(masks)), result(lambda *t: by_hand(*t, *masks)), rtol=1e-10, atol=1e-12)


def test_forward_mode_without_a_transform():
    with torch.autograd.forward_ad.dual_level():
        q = torch.autograd.forward_ad.make_dual(Q, torch.ones_like(Q))
        slope = torch.autograd.forward_ad.unpack_dual(attended((None, None))(q, K, X)).tangent
    step = 1e-6
    difference = (attended((None, None))(Q + step, K, X) - attended((None, None))(Q - step, K, X)) / (2 * step)
    assert torch.allclose(slope, difference, atol=1e-8)


def test_batched_gradients():
    q = Q.clone().requires_grad_()
    y = attended(MASKS["both"])(q, K, X)
    seeds = torch.eye(y.numel(), dtype=y.dtype).view(-1, *y.shape)
    (batched,) = torch.autograd.grad(y, q, seeds, is_grads_batched=True, retain_graph=True)
    looped = torch.stack([torch.autograd.grad(y, q, seed, retain_graph=True)[0] for seed in seeds])
    assert torch.allclose(batched, looped, rtol=1e-10, atol=1e-12)


class Calls(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.append(str(func))
        return func(*args, **(kwargs or {}))


def test_training_runs_the_fused_kernel_both_ways_and_nothing_else(masks):
    given = [t.clone().requires_grad_() for t in (Q, K, K)]
    with Calls() as calls:
        attended(masks)(*given).sum().backward()
    fused = [name for name in calls.names if "scaled_dot_product" in name]
    assert len(fused) == 2 and any("backward" in name for name in fused)
    assert not any("softmax" in name or "bmm" in name for name in calls.names)


def test_scores_keep_the_precision_of_the_queries():
    q, k, v = 300 * torch.ones(1, 4), torch.tensor([[300.0] * 4, [299.0] * 4]), torch.tensor([[1.0], [0.0]])
    with torch.autocast("cpu", dtype=torch.float16):
        for y in (ops.attend(q, k, v.half(), 1.0), torch.func.vmap(lambda q: ops.attend(q[None], k, v, 1.0)[0])(q)):
            assert y.item() == 1.0


def test_no_keys_and_no_queries():
    assert not ops.attend(Q, K[..., :0, :], X[..., :0, :], 1.0).any()
    assert not ops.attend(Q, K[..., :0, :], X[..., :0, :], 1.0, OUT[..., :0]).any()
    assert ops.attend(Q[..., :0, :], K, X, 1.0).shape == (2, 2, 0, 2)
    everything = torch.ones(1, dtype=torch.bool)
    for added in (None, ADDED, torch.full_like(ADDED, -math.inf), torch.full_like(ADDED, math.nan)):
        q = Q.clone().requires_grad_()
        y = ops.attend(q, K, X, 1.0, everything.expand(2, 1, 3, 5), added)
        y.sum().backward()
        assert not y.any() and not q.grad.any()


def test_the_kernel_alone_has_one_derivative():
    q = Q.clone().requires_grad_()
    (force,) = torch.autograd.grad(F.scaled_dot_product_attention(q, q, q).sum(), q, create_graph=True)
    with pytest.raises(RuntimeError, match="not implemented"):
        force.sum().backward()


@pytest.mark.slow
def test_transforms_inside_a_compiled_function(masks):
    torch._dynamo.reset()
    function = attended(masks)
    for run in (
        lambda q: function(q, K, X),
        lambda q: torch.func.jvp(lambda q: function(q, K, X), (q,), (torch.ones_like(q),))[1],
        lambda q: torch.func.vmap(lambda q: function(q, K[0], X[0]) if masks == (None, None) else q)(q),
    ):
        assert torch.allclose(torch.compile(run, fullgraph=True, backend="aot_eager")(Q), run(Q), atol=1e-12)
