"""Convolutions on the plane: complete kernels, what is kept, what is refused, and how they start."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadInput, BadRepresentation, GroupMismatch, RepresentationMismatch

C4, D4, D2, C8 = (eq.group(name) for name in ("C4", "D4", "D2", "C8"))


def fill(layer, seed=3):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return layer


def images(dim, size=(7, 7), n=2, seed=5):
    return torch.randn(n, dim, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def error(layer, x, group=None):
    """Largest deviation from the law over all elements."""
    y, worst = layer(x).detach(), 0.0
    for g in (group or layer.in_action.group).elements():
        moved = layer(layer.in_action.transform(g, x)).detach()
        worst = max(worst, float((moved - layer.out_action.transform(g, y)).abs().max() / y.abs().max()))
    return worst


def character_count(V, W, size):
    """Mean over the group of (pixels left in place) chi_V chi_W: no solver, no kernels."""
    G, total = V.group, 0.0
    number = torch.arange(size * size, dtype=torch.float64).view(1, 1, size, size)
    field = eq.GridField(eq.trivial(G))
    for g in G.elements():
        fixed = int((field.transform(g, number) == number).sum())
        total += fixed * float(torch.trace(V(g))) * float(torch.trace(W(g)))
    return round(total / G.order)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("group", [C4, D4, D2, eq.group("C2"), eq.group("D1")], ids=str)
def test_kernels_are_complete(group, size):
    pairs = [(eq.regular(group), eq.regular(group)), (eq.trivial(group), eq.trivial(group))]
    pairs += [(eq.defining(group), eq.regular(group)), (eq.defining(group), eq.defining(group))]
    for V, W in pairs:
        layer = L.Conv2d(V, W, size, bias=False)
        assert sum(p.numel() for p in layer.parameters()) == character_count(V, W, size)


@pytest.mark.parametrize("size", [3, 5, (3, 7)])
def test_the_trivial_group_loses_nothing(size):
    V = eq.trivial(eq.group("trivial"))
    window = size if isinstance(size, tuple) else (size, size)
    layer = L.Conv2d(2 * V, 3 * V, size, plane=2 * V, bias=False)
    assert sum(p.numel() for p in layer.parameters()) == 6 * math.prod(window)
    kernel = torch.randn(3, 2, *window)
    layer.weight.data.copy_(kernel.flatten(2))
    assert layer.filter().equal(kernel)


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("padding", [0, 1, 2, "same", "valid"])
@pytest.mark.parametrize("dilation", [1, 2])
def test_every_padding_is_that_of_torch_and_commutes(mode, padding, dilation):
    V, W = eq.regular(D4) + eq.defining(D4), eq.regular(D4)
    layer = fill(L.Conv2d(V, W, 3, 1, padding, dilation, padding_mode=mode).double())
    x = images(V.dim)
    plain = nn.Conv2d(V.dim, W.dim, 3, 1, padding, dilation, padding_mode=mode, dtype=torch.float64)
    with torch.no_grad():
        plain.weight.copy_(layer.filter())
        plain.bias.copy_(layer.expanded_bias())
    assert torch.allclose(layer(x), plain(x), atol=1e-12)
    assert error(layer, x) < 1e-12
    twin = eq.to_torch(layer)
    assert type(twin) is nn.Conv2d and twin.padding_mode == mode and torch.allclose(twin(x), layer(x), atol=1e-12)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "size"), [(3, 2, 1, 7), (2, 2, 0, 8), (5, 3, 2, 7), (4, 2, 1, 6)]
)
def test_strides_on_a_centred_lattice(kernel, stride, padding, size):
    V = eq.defining(D4) + eq.regular(D4)
    layer = fill(L.Conv2d(V, V, kernel, stride, padding).double())
    assert error(layer, images(V.dim, (size, size))) < 1e-12
    with pytest.raises(BadInput, match="lattice must be centred"):
        layer(images(V.dim, (size + 1, size + 1)))


def test_an_uncentred_lattice_would_break_the_law():
    V = eq.regular(C4)
    layer = fill(L.Conv2d(V, V, 3, 2, 1).double())
    layer._strided = ()
    assert error(layer, images(4, (8, 8))) > 0.1


def test_rectangles_where_the_group_keeps_them():
    for V in (eq.regular(D2) + eq.defining(D2), eq.regular(eq.group("C2"))):
        layer = fill(L.Conv2d(V, V, (3, 5), (2, 1), (1, 2), (1, 2)).double())
        assert error(layer, images(V.dim, (7, 9))) < 1e-12
    for group in (C4, D4):
        for change in ({"kernel_size": (3, 5)}, {"stride": (2, 1)}, {"dilation": (1, 2)}, {"padding": (0, 1)}):
            with pytest.raises(BadInput, match="square windows and lattices"):
                L.Conv2d(eq.regular(group), eq.regular(group), **{"kernel_size": 3, **change})
    C2 = eq.group("C2")
    free = eq.trivial(C2)
    anything = fill(L.Conv2d(free, free, (2, 3), (2, 3), plane=2 * free).double())  # nothing moves: any lattice
    assert error(anything, images(1, (6, 8))) < 1e-14


def test_same_padding_must_not_prefer_a_side():
    with pytest.raises(BadInput, match="one side more than the other"):
        L.Conv2d(eq.regular(C4), eq.regular(C4), 2, padding="same")
    V = eq.trivial(C4)
    layer = fill(L.Conv2d(V, V, 2, padding="same", padding_mode="circular", plane=2 * V).double())
    assert layer(images(1)).shape == images(1).shape and torch.allclose(eq.to_torch(layer)(images(1)), layer(images(1)))
    with pytest.raises(BadInput, match="with stride 1"):
        L.Conv2d(eq.regular(C4), eq.regular(C4), 3, stride=2, padding="same")
    with pytest.raises(BadInput, match="padding mode"):
        L.Conv2d(eq.regular(C4), eq.regular(C4), 3, padding_mode="wrap")


def test_groups_cut_the_copies():
    V, W = 4 * eq.regular(D4) + 2 * eq.defining(D4), 2 * eq.regular(D4)
    layer = fill(L.Conv2d(V, W, 3, padding=1, groups=2).double())
    x = images(V.dim)
    assert error(layer, x) < 1e-12
    silent = x.clone()
    silent[:, :32].view(2, 8, 4, 7, 7)[:, :, 2:] = 0  # the second half of the copies of each summand
    silent[:, 32:].view(2, 2, 2, 7, 7)[:, :, 1:] = 0
    difference = (layer(x) - layer(silent)).view(2, 8, 2, 7, 7)
    assert not difference[:, :, 0].any() and difference[:, :, 1].any()
    depthwise = L.Conv2d(4 * eq.regular(D4), 4 * eq.regular(D4), 3, groups=4, bias=False)
    assert sum(p.numel() for p in depthwise.parameters()) == 4 * 72
    with pytest.raises(BadInput, match="groups must divide"):
        L.Conv2d(V, W, 3, groups=4)


@pytest.mark.parametrize("group", [C4, D4, eq.group("C2")], ids=str)
def test_unit_second_moment_per_output_irrep(group):
    V = 6 * eq.regular(group) + 4 * eq.defining(group)
    W = 5 * eq.regular(group) + 5 * eq.defining(group) + 5 * eq.trivial(group)
    torch.manual_seed(0)
    found = eq.decompose(W)
    moments = torch.zeros(len(found.rep.terms))
    for _ in range(20):
        y = L.Conv2d(V, W, 3)(torch.randn(8, V.dim, 5, 5)).movedim(1, -1) @ torch.tensor(found.matrix).float()
        moments += torch.stack([y[..., where].square().mean() for where in found.rep.slices]).detach() / 20
    assert (moments - 1).abs().max() < 0.12


@pytest.mark.parametrize("name", ["C8", "D8", "SO(2)", "O(2)", "C3", "D6"])
def test_groups_that_leave_the_grid_are_said_to_be_inexact_and_keep_the_turns_of_the_grid(name):
    G = eq.group(name)
    V = eq.regular(G) if G.is_finite else sum_of(eq.irreps(G, level=2))
    layer = fill(L.Conv2d(V, V, 5, padding=2).double())
    assert not layer.exact and 0 < layer.error_bound < 0.5
    elements = G.elements() if G.is_finite else G.sample(0, generator=torch.Generator()).new_tensor(quarter_turns(G))
    plane = eq.defining(G)
    exact = [g for g in elements if (plane(g) - plane(g).round()).abs().max() < 1e-9]
    assert len(exact) >= 1
    x = images(V.dim)
    y = layer(x).detach()
    for g in exact:
        moved = layer(layer.in_action.transform(g, x)).detach()
        assert (moved - layer.out_action.transform(g, y)).abs().max() < 1e-12 * max(1.0, float(y.abs().max()))


def quarter_turns(G):
    angles = torch.arange(4, dtype=torch.float64)[:, None] * (torch.pi / 2)
    return G.exp(angles).tolist()


def sum_of(irreps):
    total = irreps[0]
    for irrep in irreps[1:]:
        total = total + irrep
    return total


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_the_recorded_bound_holds_on_smooth_fields(kernel):
    """Output at the centre of a random smooth field that is turned analytically by 45 degrees: no interpolation."""
    V, W = eq.trivial(C8), eq.regular(C8)
    rng = torch.Generator().manual_seed(2)
    waves = torch.randn(200, 2, 24, generator=rng, dtype=torch.float64) / 2.0  # correlation length of two pixels
    phases = torch.rand(200, 24, generator=rng, dtype=torch.float64) * 2 * math.pi
    axis = torch.arange(kernel, dtype=torch.float64) - (kernel - 1) / 2
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([columns, -rows])

    def field(turn):
        at = torch.einsum("ij,jrc->irc", turn.mT, places)
        return torch.cos(torch.einsum("niw,irc->nwrc", waves, at) + phases[..., None, None]).sum(1, keepdim=True)

    total = moved = 0.0
    for seed in range(6):
        layer = fill(L.Conv2d(V, W, kernel, bias=False).double(), seed)
        g = C8.elements()[1]
        y = layer(field(torch.eye(2, dtype=torch.float64)))[..., 0, 0]
        turned = layer(field(eq.defining(C8)(g)))[..., 0, 0]
        moved += float((turned - W.transform(g, y)).square().sum().detach())
        total += float(y.square().sum().detach())
    assert 0.1 * layer.error_bound < math.sqrt(moved / total) <= layer.error_bound


def test_wrong_input_is_refused_with_values_and_a_remedy():
    layer = L.Conv2d(2 * eq.regular(C4), eq.regular(C4), 3)
    with pytest.raises(BadInput, match=r"acts on 8 components on axis 1") as caught:
        layer(torch.zeros(2, 7, 5, 5))
    assert "(2, 7, 5, 5)" in str(caught.value) and caught.value.remedy
    with pytest.raises(GroupMismatch, match="one group"):
        L.Conv2d(eq.regular(C4), eq.regular(D4), 3)
    with pytest.raises(BadRepresentation, match="two-dimensional"):
        L.Conv2d(eq.regular(eq.group("S4")), eq.regular(eq.group("S4")), 3)
    with pytest.raises(BadInput, match="kernel_size must be"):
        L.Conv2d(eq.regular(C4), eq.regular(C4), 0)
    with pytest.raises(RepresentationMismatch, match="Neighbours"):
        L.Sequential(layer, layer)
    with pytest.raises(RepresentationMismatch, match="ChangeBasis"):
        L.Sequential(
            L.Conv2d(eq.trivial(C4), eq.regular(C4), 3), L.Conv2d(eq.decompose(eq.regular(C4)).rep, eq.trivial(C4), 1)
        )


def test_channels_last_gives_the_same():
    layer = fill(L.Conv2d(2 * eq.regular(C4), eq.regular(C4), 3, padding=1))
    x = images(8).float()
    y = layer(x.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(y, layer(x), atol=1e-5) and y.is_contiguous(memory_format=torch.channels_last)


def test_another_basis_is_refused_before_weights_are_overwritten():
    a, b = L.Conv2d(eq.regular(C4), eq.regular(C4), 3), L.Conv2d(eq.regular(C4), eq.trivial(C4) + eq.regular(C4), 3)
    other = L.Conv2d(eq.regular(eq.group("D2")), eq.regular(eq.group("D2")), 3)
    assert {k: v.shape for k, v in a.state_dict().items()} == {k: v.shape for k, v in other.state_dict().items()}
    before = a.weight.clone()
    for state in (other.state_dict(), b.state_dict()):
        with pytest.raises(eq.errors.CheckpointMismatch):
            a.load_state_dict(state)
    assert a.weight.equal(before)
