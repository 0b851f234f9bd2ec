"""Normalisation, pooling and read-out of fields: their formulas, their laws in training, what they refuse."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadInput, BadRepresentation
from equilayers.measurement import check_layer

D4, C4, C8, SO3 = (eq.group(name) for name in ("D4", "C4", "C8", "SO(3)"))
REGULAR, VECTORS = 3 * eq.regular(D4), 2 * eq.defining(D4)
MIXED = REGULAR + VECTORS + 2 * eq.trivial(D4)


def images(dim, size=(6, 6), n=4, seed=5):
    return torch.randn(n, dim, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def law(layer, x):
    y = layer(x).detach()
    errors = [
        layer(layer.in_action.transform(g, x)).detach() - layer.out_action.transform(g, y)
        for g in layer.in_action.group.elements()
    ]
    return float(torch.stack(errors).abs().max() / y.abs().max())


# Norms


def test_batch_norm_of_regular_fields_is_torchs_over_components():
    layer, plain = L.FieldBatchNorm(REGULAR).double(), nn.BatchNorm3d(3, dtype=torch.float64)
    for _ in range(3):
        x = 2 * images(24) + 1
        expected = plain(x.view(4, 8, 3, 6, 6).transpose(1, 2)).transpose(1, 2).reshape(4, 24, 6, 6)
        assert torch.allclose(layer(x), expected, atol=1e-12)
    inner = layer.statistics["fixed_0"]
    assert torch.allclose(inner.running_mean, plain.running_mean) and int(inner.num_batches_tracked) == 3
    assert torch.allclose(inner.running_var, plain.running_var)
    layer.eval(), plain.eval()
    assert torch.allclose(layer(x).view(4, 8, 3, 6, 6).transpose(1, 2), plain(x.view(4, 8, 3, 6, 6).transpose(1, 2)))


def test_batch_norm_divides_vectors_and_never_shifts_them():
    layer = L.FieldBatchNorm(VECTORS).double()
    x = images(4) + 3
    y = layer(x)
    scale = (x.view(4, 2, 2, 6, 6).square().mean((0, 1, 3, 4)) + 1e-5).sqrt()
    assert torch.allclose(y.view(4, 2, 2, 6, 6), x.view(4, 2, 2, 6, 6) / scale[:, None, None], atol=1e-12)


@pytest.mark.parametrize("make", [L.FieldBatchNorm, L.FieldLayerNorm, lambda V: L.FieldGroupNorm(1, V)])
def test_norms_commute_in_training_and_in_evaluation(make):
    odd = eq.irrep(D4, "A1") + 2 * (eq.regular(D4) + eq.irrep(D4, "B1")) + eq.representation(D4, _turned())
    for rep in (MIXED, odd):
        layer = make(rep).double()
        with torch.no_grad():
            for n, p in enumerate(layer.parameters()):
                p.copy_(torch.linspace(0.5, 1.5, p.numel(), dtype=torch.float64).view_as(p) + 0.1 * n)
        x = 2 * images(rep.dim) + 1
        assert law(copy.deepcopy(layer), x) < 1e-12
        layer(x)
        assert law(layer.eval(), x) < 1e-12


def _turned():
    q = torch.linalg.qr(torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0].numpy()
    return q @ eq.regular(D4).images.discrete @ q.T


def test_a_batch_norm_of_channels_would_break_the_law():
    class Twin(L.FieldBatchNorm):
        def forward(self, x):
            return nn.functional.batch_norm(x, torch.linspace(0, 1, self.dim).double(), torch.ones(self.dim).double())

    assert law(Twin(MIXED).double(), images(MIXED.dim) + 1) > 1e-2


def test_inner_modules_are_found_by_torchs_conversions():
    net = nn.Sequential(L.Conv2d(eq.trivial(D4), REGULAR, 3), L.FieldBatchNorm(REGULAR))
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(net))
    assert isinstance(converted[1], L.FieldBatchNorm)
    assert isinstance(converted[1].statistics["fixed_0"], nn.SyncBatchNorm)
    data = [images(1).float() for _ in range(3)]
    with torch.no_grad():
        torch.optim.swa_utils.update_bn(data, net)
        seen = torch.cat([net[0](x).view(4, 8, 3, 16) for x in data])
    inner = net[1].statistics["fixed_0"]
    assert int(inner.num_batches_tracked) == 3
    assert torch.allclose(inner.running_mean, seen.mean((0, 1, 3)), atol=1e-5)


def test_batch_norm_becomes_torchs_own_where_channels_are_scaled_alone():
    layer = L.FieldBatchNorm(MIXED).double()
    layer(images(MIXED.dim) + 1)
    layer.eval()
    plain, x = eq.to_torch(layer), images(MIXED.dim, seed=6)
    assert type(plain) is nn.BatchNorm2d and torch.allclose(plain(x), layer(x), atol=1e-12)
    assert isinstance(eq.to_torch(L.FieldBatchNorm(2 * eq.representation(D4, _turned()))), torch.fx.GraphModule)


def test_group_norm_and_layer_norm_are_their_formulas():
    V, x = 4 * eq.trivial(D4), images(4)
    ours, torchs = L.FieldGroupNorm(2, V).double(), nn.GroupNorm(2, 4, dtype=torch.float64)
    assert torch.allclose(ours(x), torchs(x), atol=1e-12)
    flat = L.FieldLayerNorm(6 * eq.trivial(D4), dims=0).double()
    z = torch.randn(5, 3, 6, dtype=torch.float64)
    assert torch.allclose(flat(z), nn.LayerNorm(6, dtype=torch.float64)(z), atol=1e-12)
    vectors = L.FieldLayerNorm(4 * eq.defining(SO3), dims=0).double()
    w = torch.randn(7, 12, dtype=torch.float64)
    assert torch.allclose(vectors(w), w / (w.square().mean(-1, keepdim=True) + 1e-5).sqrt(), atol=1e-12)
    with pytest.raises(BadInput, match="num_groups must divide"):
        L.FieldGroupNorm(3, V)


@pytest.mark.parametrize(
    "make", [L.FieldBatchNorm, L.FieldLayerNorm, lambda V, dims: L.FieldGroupNorm(1, V, dims=dims)]
)
def test_norms_refuse_what_is_not_orthogonal(make):
    with pytest.raises(BadRepresentation, match="needs orthogonal matrices"):
        make(eq.defining(eq.group("SO(1,3)")), dims=0)


# Pools


POOLS = {
    "average": lambda V: L.AvgPool2d(V, 2),
    "average, overlapping": lambda V: L.AvgPool2d(V, 3, 1, 1, count_include_pad=False),
    "blur": lambda V: L.BlurPool2d(V, 4),
    "blur, reflecting": lambda V: L.BlurPool2d(V, 4, padding_mode="reflect", sigma=1.0),
    "largest norm": lambda V: L.NormMaxPool2d(V, 2),
    "largest norm, dilated": lambda V: L.NormMaxPool2d(V, 2, 1, 1, 2),
    "everywhere": lambda V: L.GlobalAvgPool2d(V),
}


@pytest.mark.parametrize("name", POOLS)
def test_pools_commute(name):
    layer = POOLS[name](MIXED)
    assert layer.exact and law(layer, images(MIXED.dim)) < 1e-12
    assert check_layer(layer).ran > 20


def test_pools_are_their_formulas():
    x = images(24)
    assert L.AvgPool2d(REGULAR, 2)(x).equal(nn.AvgPool2d(2)(x))
    assert L.MaxPool2d(REGULAR, 3, 1, 1)(x).equal(nn.MaxPool2d(3, 1, 1)(x)) and law(L.MaxPool2d(REGULAR, 2), x) == 0
    assert L.GlobalAvgPool2d(REGULAR)(x).allclose(x.mean((2, 3)))
    blur = L.BlurPool2d(REGULAR, 4).double()
    weights = torch.exp(-((torch.arange(4) - 1.5) ** 2) / (2 * (4 / 6) ** 2)).double()
    kernel = torch.outer(weights, weights) / weights.sum() ** 2
    expected = nn.functional.conv2d(x.view(-1, 1, 6, 6), kernel[None, None], stride=2, padding=1).view(4, 24, 3, 3)
    assert blur(x).allclose(expected, atol=1e-12) and abs(float(blur.constants(x)["kernel"].sum()) - 1) < 1e-12


def test_norm_pooling_takes_the_field_of_largest_norm_as_a_whole():
    x = images(4)
    y = L.NormMaxPool2d(VECTORS, 2)(x).view(4, 2, 2, 3, 3)
    fields = x.view(4, 2, 2, 3, 2, 3, 2).permute(0, 1, 2, 3, 5, 4, 6).flatten(5)
    best = fields.square().sum(1, keepdim=True).argmax(-1, keepdim=True).expand(-1, 2, -1, -1, -1, -1)
    assert y.equal(fields.gather(-1, best)[..., 0])


def test_pools_refuse_what_the_group_does_not_keep():
    with pytest.raises(BadRepresentation, match="needs permutation matrices") as caught:
        L.MaxPool2d(VECTORS, 2)
    assert caught.value.remedy == "Use NormMaxPool2d or AvgPool2d."
    with pytest.raises(BadRepresentation, match="needs orthogonal matrices"):
        L.NormMaxPool2d(eq.representation(D4, _skewed()), 2)
    for build in (L.AvgPool2d, L.NormMaxPool2d, L.BlurPool2d):
        with pytest.raises(BadInput, match="square windows"):
            build(MIXED, (2, 3))
        with pytest.raises(BadInput, match="lattice must be centred"):
            build(MIXED, 2, 2)(images(MIXED.dim, (7, 7)))
    with pytest.raises(BadInput, match="at most half"):
        L.MaxPool2d(REGULAR, 2, padding=2)
    with pytest.raises(BadInput, match="positive"):
        L.BlurPool2d(REGULAR, 3, sigma=0.0)
    with pytest.raises(BadInput, match="acts on 24 components"):
        L.AvgPool2d(REGULAR, 2)(images(8))
    rectangle = eq.regular(eq.group("D2"))
    assert law(L.MaxPool2d(rectangle, (2, 3), (2, 1)), images(4, (6, 8))) == 0


def _skewed():
    q = torch.tensor([[2.0, 1.0], [0.0, 1.0]], dtype=torch.float64).numpy()
    return q @ eq.defining(D4).images.discrete @ torch.linalg.inv(torch.tensor(q)).numpy()


@pytest.mark.parametrize("make", [L.AvgPool2d, L.MaxPool2d, L.NormMaxPool2d, L.BlurPool2d])
def test_off_the_grid_pools_record_a_bound_that_holds(make):
    V = 2 * eq.trivial(C8)
    layer = make(V, 3, padding=0)
    assert not layer.exact and 0 < layer.error_bound < 1
    rng = torch.Generator().manual_seed(8)
    waves = torch.randn(64, 2, 2, 24, generator=rng, dtype=torch.float64) / 2.0
    phases = 2 * math.pi * torch.rand(64, 2, 24, generator=rng, dtype=torch.float64)
    axis = torch.arange(3, dtype=torch.float64) - 1
    places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))

    def at_centre(turn):
        at = torch.einsum("ij,jrc->irc", turn, places)
        x = torch.cos(torch.einsum("nciw,irk->ncwrk", waves, at) + phases[..., None, None]).sum(2)
        return layer.double()(x)[:, :, 0, 0]

    turn = eq.defining(C8)(C8.elements()[1])
    plain = at_centre(torch.eye(2, dtype=torch.float64))
    error = (at_centre(turn) - plain).square().mean().sqrt() / plain.square().mean().sqrt()
    assert error <= layer.error_bound


# Read-outs


def test_group_pooling_takes_each_orbit_apart():
    rep = REGULAR + 2 * eq.trivial(D4)
    x = images(26)[..., 0, 0]
    y = L.GroupPooling(rep, dims=0)(x)
    assert y[:, :3].equal(x[:, :24].view(4, 8, 3).amax(1)) and y[:, 3:].equal(x[:, 24:])
    assert L.GroupPooling(rep, "mean", dims=0)(x)[:, :3].allclose(x[:, :24].view(4, 8, 3).mean(1))
    two = eq.representation(D4, _two_orbits())
    assert L.GroupPooling(two, dims=0).out_rep.dim == 2
    with pytest.raises(BadRepresentation, match="needs permutation matrices"):
        L.GroupPooling(VECTORS)
    with pytest.raises(BadInput, match="two reductions"):
        L.GroupPooling(REGULAR, "median")


def _two_orbits():
    images = eq.regular(D4).images.discrete
    both = torch.zeros(len(images), 16, 16, dtype=torch.float64).numpy()
    both[:, :8, :8] = both[:, 8:, 8:] = images
    return both


@pytest.mark.parametrize("features", ["linear", "norms"])
def test_read_outs_are_invariant_and_see_every_invariant(features):
    V = 3 * eq.trivial(SO3) + 2 * eq.defining(SO3)
    layer = L.InvariantReadout(V, 4, features).double()
    assert layer.weight.shape == (4, 5 if features == "norms" else 3)
    x = torch.randn(6, V.dim, dtype=torch.float64)
    for g in SO3.sample(4, generator=torch.Generator().manual_seed(0)):
        assert (layer(V.transform(g, x)) - layer(x)).abs().max() < 1e-12
    assert sum(p.numel() for p in L.InvariantReadout(MIXED, 1, bias=False).parameters()) == 5  # 3 + 2 fixed vectors
    with pytest.raises(BadInput, match="two kinds"):
        L.InvariantReadout(V, 4, "cubes")
    with pytest.raises(BadRepresentation, match="orthogonal"):
        L.InvariantReadout(eq.defining(eq.group("SO(1,3)")), 4, "norms")


def test_read_outs_use_fixed_rows_where_invariants_and_coinvariants_differ():
    S3 = eq.group("S3")
    skew = torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [0.0, 0.0, 1.0]], dtype=torch.float64).numpy()
    rep = eq.representation(S3, skew @ eq.defining(S3).images.discrete @ torch.linalg.inv(torch.tensor(skew)).numpy())
    layer = L.InvariantReadout(2 * rep, 1).double()
    x = torch.randn(5, 6, dtype=torch.float64)
    for g in S3.elements():
        assert (layer((2 * rep).transform(g, x)) - layer(x)).abs().max() < 1e-12
