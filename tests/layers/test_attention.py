"""Attention is its formula, sees invariants only, and knows which keys are there."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadInput, BadRepresentation, RepresentationMismatch

NAMES = ["D4", "Q8", "C4", "SO(2)", "SO(3)", "SU(2)", "O(1,3)", "SO(2,1)", "Sp(4)", "SL(2)", "SL(3)", "GL(2)", "SE(2)"]


def features(name):
    V = eq.defining(eq.group(name))
    return 4 * V + 4 * eq.trivial(V.group) + 2 * V.dual


def drawn(rep, *shape, seed=0):
    return torch.randn(*shape, rep.dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(V, *args, seed=1, **kwargs):
    torch.manual_seed(seed)
    return L.Attention(V, *args, **kwargs).double()


def by_hand(layer, x, z, mask=None):
    """The formula with dense matrices and a loop over heads; a copy of every summand belongs to one head."""
    maps = [
        [t.detach() for t in part.expanded() if t is not None] for part in (layer.queries, layer.keys, layer.values)
    ]
    q, k, v = (s @ m[0].mT + (m[1] if len(m) > 1 else 0) for s, m in zip((x, z, z), maps, strict=True))
    heard = torch.zeros(*x.shape[:-1], v.shape[-1], dtype=x.dtype)
    for h in range(layer.num_heads):
        mine, theirs = (mine_of(rep, h, layer.num_heads) for rep in (layer.score_rep, layer.value_rep))
        scores = q[..., mine] @ k[..., mine].mT * layer._scale
        weights = (scores if mask is None else scores + mask).softmax(-1)
        heard[..., theirs] = weights @ v[..., theirs]
    return layer.out(heard)


def mine_of(rep, head, heads):
    found, start = [], 0
    for m, atom in rep.terms:
        found += [start + (d * heads + head) * m + c for d in range(atom.dim) for c in range(m)]
        start += atom.dim * heads * m
    return found


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_it_is_the_formula_and_commutes(name):
    V = features(name)
    layer = built(V, V, 2)
    x = drawn(V, 3, 5)
    y = layer(x)
    assert torch.allclose(y, by_hand(layer, x, x), rtol=1e-10, atol=1e-10)
    g = V.group.sample(3, generator=torch.Generator().manual_seed(2))
    gx, expected = V.transform(g, x), V.transform(g, y)
    stretch = torch.linalg.matrix_norm(V(g), ord=2).max() ** 2
    assert (layer(gx) - expected).abs().max() < 1e-12 * stretch * expected.abs().max()
    order = torch.randperm(5, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(layer(x[:, order]), y[:, order], rtol=1e-11, atol=1e-12)
    assert not torch.allclose(y[:, 0], y[:, 1], rtol=1e-3)  # tokens hear different things
    if V.is_orthogonal:
        return
    with torch.no_grad():  # the broken twin: keys beside the queries, and not in their dual
        broken = built(V, V, 2)
        broken.keys = L.Linear(V, 2 * broken.score_rep).double()
    assert (broken(gx) - V.transform(g, broken(x))).abs().max() > 1e-4 * y.abs().max()


@pytest.mark.slow
@torch.no_grad()
def test_every_named_group_may_attend():
    ran = 0
    for entry in eq.groups.catalogue():
        V = eq.defining(eq.group(entry.name))
        if V.dim > 30:
            continue
        rep = 2 * V + 2 * V.dual + 2 * eq.trivial(V.group)
        layer, x = built(rep, rep, 2), drawn(rep, 3, 4)
        assert layer.score_rep.dim == rep.dim // 2, entry.name  # vectors and covectors pair
        y, g = layer(x), V.group.sample(3, generator=torch.Generator().manual_seed(1))
        expected, stretch = rep.transform(g, y), torch.linalg.matrix_norm(rep(g), ord=2).max() ** 2
        assert (layer(rep.transform(g, x)) - expected).abs().max() < 1e-12 * stretch * expected.abs().max(), entry.name
        ran += 1
    assert ran >= 115


@pytest.mark.parametrize("name", [pytest.param("D4", marks=pytest.mark.slow), "SO(3)", "O(1,3)"])
def test_it_passes_every_law_of_a_layer(name):
    V = features(name)
    assert eq.testing.check_layer(L.Attention(V, V, 2)).ran > 25


@torch.no_grad()
def second_moment_of_scores(V, reset=lambda layer: None):
    found = []
    for seed in range(30):
        layer = built(V, V, 2, seed=seed)
        reset(layer)
        x = drawn(V, 40, seed=seed)
        q, k = layer._heads(layer.queries(x), layer._score_sizes), layer._heads(layer.keys(x), layer._score_sizes)
        found.append((q @ k.mT * layer._scale).square().mean())
    return float(torch.stack(found).mean())


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ("D4", "O(1,3)", "GL(2)") else pytest.mark.slow) for n in NAMES]
)
def test_scores_start_with_unit_variance(name):
    assert 0.6 < second_moment_of_scores(features(name)) < 1.7


def test_a_start_of_other_size_is_noticed():
    assert (
        not 0.6
        < second_moment_of_scores(features("SO(3)"), lambda layer: torch.nn.init.ones_(layer.queries.weight_1))
        < 1.7
    )


def test_what_has_no_partner_falls_out_of_the_score():
    V = eq.defining(eq.group("GL(2)"))
    one = eq.trivial(V.group)
    with pytest.raises(BadRepresentation, match=r"no invariant product(?s:.*)eq\.trivial"):
        L.Attention(3 * V, V)
    layer = built(4 * V + 2 * one, V, 2)
    assert layer.score_rep == one and layer.value_rep == 2 * V + one
    x = drawn(layer.in_rep, 2, 5)
    flat = x.clone()
    flat[..., :8] = drawn(V, 2, 5, 4).flatten(-2)  # other vectors, the same scores
    weights = [torch.softmax(layer.queries(t)[..., :1] @ layer.keys(t)[..., :1].mT, -1) for t in (x, flat)]
    assert torch.equal(*weights)
    paired = L.Attention(V + V.dual, V)
    assert paired.score_rep == V + V.dual and paired._scale == 0.5
    one_way = L.Attention(2 * V, V, key_rep=V.dual + V)  # tokens of vectors ask tokens that have covectors
    assert one_way.score_rep == 2 * V and one_way._scale == 0.5


def test_keys_of_other_tokens():
    G = eq.group("SO(3)")
    V, W = eq.rep(G, "4x0 + 4x1"), eq.rep(G, "3x0 + 2x1 + 1x2")
    layer = built(V, W, 2, key_rep=W)
    x, z = drawn(V, 3, 5), drawn(W, 3, 7, seed=1)
    y = layer(x, z)
    assert torch.allclose(y, by_hand(layer, x, z), rtol=1e-10, atol=1e-10)
    both = drawn(V + W, 3, 5)
    assert torch.equal(layer(both), layer(both[..., : V.dim], both[..., V.dim :]))
    plain = eq.to_torch(layer)
    assert torch.allclose(plain(x, z), y, rtol=1e-10, atol=1e-10)
    assert torch.allclose(layer(x[0], z[0]), y[0], rtol=1e-10, atol=1e-12)  # without a batch


@torch.no_grad()
def test_masks_are_absence():
    V = features("O(1,3)")
    layer = built(V, V, 2)
    x, absent = drawn(V, 3, 6), torch.arange(6).expand(3, 6) >= 4
    y = layer(x, key_padding_mask=absent)
    assert torch.allclose(y[:, :4], layer(x[:, :4]), rtol=1e-10, atol=1e-11)
    assert not torch.allclose(y, layer(x), rtol=1e-3)
    x[:, 4:] = 1e3  # whatever lies there
    assert torch.allclose(layer(x, key_padding_mask=absent)[:, :4], y[:, :4], rtol=1e-10, atol=1e-11)
    x = drawn(V, 3, 6, seed=4)
    later = torch.ones(6, 6, dtype=torch.bool).triu(1)
    causal = layer(x, attn_mask=later)
    for n in range(1, 7):
        assert torch.allclose(causal[:, n - 1], layer(x[:, :n])[:, -1], rtol=1e-10, atol=1e-11)
    added = torch.randn(3, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    assert torch.allclose(layer(x, attn_mask=added), by_hand(layer, x, x, added), rtol=1e-10, atol=1e-10)
    there = x.masked_fill(absent[..., None], 0.0)  # an absent token asks as a zero token does
    both = by_hand(layer, there, there, added.masked_fill(absent[:, None], -math.inf))
    assert torch.allclose(layer(x, None, absent, added), both, rtol=1e-10, atol=1e-10)
    together = later | absent[:, None]
    assert torch.allclose(layer(x, None, absent, later), layer(there, attn_mask=together), rtol=1e-12, atol=1e-12)
    apart = by_hand(layer, x, there, added.masked_fill(absent[:, None], -math.inf))
    assert torch.allclose(layer(x, x.clone(), absent, added), apart, rtol=1e-10, atol=1e-10)  # other queries ask


def test_a_query_without_keys_hears_nothing():
    V = features("SO(3)")
    layer = built(V, V, 2, bias=False)
    x = drawn(V, 2, 4).requires_grad_()
    y = layer(x, key_padding_mask=torch.tensor([[True] * 4, [False] * 4]))
    assert not y[0].any() and y[1].all()
    y.square().sum().backward()
    assert torch.isfinite(x.grad).all() and not x.grad[0].any()


def test_second_derivatives_by_the_plain_kernel():
    V = features("SO(3)")
    layer, x = built(V, V, 2), drawn(V, 1, 3).requires_grad_()
    with sdpa_kernel(SDPBackend.MATH):
        (force,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        force.square().sum().backward()
    assert torch.isfinite(x.grad).all() and x.grad.any()


def test_a_chain_takes_tokens_where_one_layer_does():
    V = eq.defining(eq.group("O(1,3)"))
    gated = L.GatedActivation(4 * V + 2 * eq.trivial(V.group))
    net = L.Sequential(L.Linear(2 * V, gated.in_rep), gated, L.Attention(gated.out_rep, 2 * V, 2), L.VectorReLU(2 * V))
    assert net.in_action.sample_input(3).shape == (3, 8, 8)
    assert eq.testing.check_layer(net).ran > 25
    with pytest.raises(RepresentationMismatch):
        L.Sequential(L.Linear(2 * V, 3 * V), L.Attention(2 * V, V))


def test_bad_input_is_said():
    V = features("D4")
    layer = built(V, V)
    x = drawn(V, 2, 4)
    for masks in (
        {"key_padding_mask": torch.zeros(2, 5, dtype=torch.bool)},
        {"key_padding_mask": torch.zeros(2, 4)},
        {"attn_mask": torch.zeros(4, 5)},
    ):
        with pytest.raises(BadInput, match="A mask of keys"):
            layer(x, **masks)
    with pytest.raises(BadInput, match="Attention acts on"):
        layer(x[..., 1:])
    for query, key in ((x[0, 0], None), (x, x[:1]), (x, x[0])):
        with pytest.raises(BadInput, match="between sets of tokens"):
            layer(query, key)
    with pytest.raises(BadInput, match="at least one head"):
        L.Attention(V, V, 0)
