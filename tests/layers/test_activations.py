"""What each activation computes, and which representations it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.errors import BadInput, BadRepresentation

G = eq.group("D4")
X = torch.randn(6, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def irreps_of(rep):
    return eq.decompose(rep).rep


def equivariance_error(layer, x):
    y = layer(x).detach()
    errors = [layer(layer.in_action.transform(g, x)).detach() - layer.out_action.transform(g, y) for g in G.elements()]
    return float(torch.stack(errors).abs().max())


def test_pointwise_is_decided_on_matrices():
    hidden = eq.representation(G, eq.regular(G).images.discrete)  # a permutation without the name
    L.PointwiseActivation(hidden)
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    turned = eq.representation(G, q @ eq.regular(G).images.discrete @ q.T)
    for rep in (turned, eq.defining(G), irreps_of(eq.regular(G))):
        with pytest.raises(BadRepresentation, match="needs permutation matrices"):
            L.PointwiseActivation(rep)
    with pytest.raises(BadRepresentation, match="NormActivation, GatedActivation or FourierActivation"):
        L.PointwiseActivation(eq.defining(eq.group("SO(3)")))


def test_a_forbidden_pointwise_activation_would_break_the_law():
    assert equivariance_error(L.PointwiseActivation(2 * eq.regular(G), torch.relu), X) == 0.0
    layer = L.PointwiseActivation(2 * eq.regular(G), torch.relu)
    layer.in_action = layer.out_action = 8 * eq.defining(G)
    assert equivariance_error(layer, X) > 0.1


def test_norm_activation_is_its_formula():
    rep = 3 * eq.defining(G) + 2 * eq.trivial(G)
    layer = L.NormActivation(rep).double()
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([0.5, -1.0, 0.2, 0.3, 0.7]))
    x = X[:, :8]
    vectors = x[:, :6].reshape(6, 2, 3)  # components by copies
    norm = vectors.norm(dim=1)
    expected = vectors * torch.sigmoid(norm + layer.bias[:3])[:, None]
    scalars = x[:, 6:] * torch.sigmoid(x[:, 6:].abs() + layer.bias[3:])
    assert torch.allclose(layer(x), torch.cat([expected.reshape(6, 6), scalars], 1))
    zero = torch.zeros(1, 8, dtype=torch.float64, requires_grad=True)
    layer(zero).sum().backward()
    assert torch.isfinite(zero.grad).all()


def test_norm_activation_refuses_what_has_no_length():
    with pytest.raises(BadRepresentation, match=r"only a skew invariant form.*(?s:.*)GatedActivation"):
        L.NormActivation(eq.defining(eq.group("Sp(4)")))
    with pytest.raises(BadRepresentation, match=r"no symmetric invariant product.*(?s:.*)GatedActivation"):
        L.NormActivation(2 * eq.trivial(eq.group("GL(2)")) + eq.defining(eq.group("GL(2)")))


METRICS = {"SO(1,3)": [1, -1, -1, -1], "O(1,3)": [1, -1, -1, -1], "SO(2,1)": [1, 1, -1], "SO(3)": [1, 1, 1]}


@pytest.mark.parametrize("name", METRICS)
def test_norm_activation_by_an_indefinite_form_is_its_formula(name):
    V, metric = eq.defining(eq.group(name)), torch.tensor(METRICS[name], dtype=torch.float64)
    layer = L.NormActivation(3 * V).double()
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        layer.bias.copy_(torch.randn(3, generator=rng))
    x = torch.randn(20, V.dim, 3, generator=rng, dtype=torch.float64)
    q = (x * x * metric[:, None]).sum(1, keepdim=True)
    length = q.sqrt() if name == "SO(3)" else q * (1 + q * q) ** -0.25
    y = layer(x.flatten(1)).unflatten(1, (V.dim, 3))
    assert torch.allclose(y, x * torch.sigmoid(length + layer.bias), rtol=1e-12)
    g = V.group.sample(20, generator=rng)
    moved = layer((3 * V).transform(g, x.flatten(1)))
    scale = V(g).norm(dim=(-2, -1)).max() ** 2
    assert (moved - (3 * V).transform(g, y.flatten(1))).abs().max() < 1e-12 * scale
    wrong = torch.sigmoid((3 * V).transform(g, x.flatten(1)).unflatten(1, (V.dim, 3)).norm(dim=1) + layer.bias)
    seen = (wrong - torch.sigmoid(x.norm(dim=1) + layer.bias)).abs().max()
    assert bool(seen < 1e-12) is (name == "SO(3)")  # the broken twin: Euclidean lengths


def test_norm_activation_is_finite_on_light_like_and_on_long_vectors():
    layer = L.NormActivation(eq.defining(eq.group("SO(1,3)")))
    x = torch.tensor(
        [[1.0, 1.0, 0.0, 0.0], [0.0] * 4, [1e12, 1.0, 0.0, 0.0], [1.0, 0.0, 1e12, 0.0]], requires_grad=True
    )
    y = layer(x)
    assert y[0].equal(x[0] / 2)  # the length is zero, and the gate is that of the offset
    assert y[2].equal(x[2]) and not y[3].any()
    y.sum().backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(layer.bias.grad).all()
    slope = torch.autograd.functional.jacobian(lambda z: layer(z)[0], x.detach()[:1])[:, 0]
    by_hand = torch.eye(4) / 2 + torch.outer(x[0], torch.tensor([2.0, -2.0, 0.0, 0.0])) / 4  # dq = 2 F x
    assert torch.allclose(slope, by_hand.detach(), atol=1e-6)


def test_norm_activation_in_skew_coordinates_of_a_compact_group():
    rep = 2 * eq.representation(G, _skewed())
    layer = L.NormActivation(rep).double()
    x = X[:, :4].clone().requires_grad_()
    assert equivariance_error(layer, x) < 1e-12
    layer(0 * x).sum().backward()
    assert torch.isfinite(x.grad).all()


def _skewed():
    q = np.array([[2.0, 1.0], [0.0, 1.0]])
    return q @ eq.defining(G).images.discrete @ np.linalg.inv(q)


def test_gated_activation_is_its_formula_and_says_what_it_takes():
    rep = eq.trivial(G) + 3 * eq.defining(G)
    layer = L.GatedActivation(rep)
    assert layer.in_rep == rep + 3 * eq.trivial(G) and layer.out_rep == rep
    x = X[:, :10]
    vectors, gates = x[:, 1:7].reshape(6, 2, 3), x[:, 7:]
    expected = [torch.nn.functional.silu(x[:, :1]), (vectors * gates.sigmoid()[:, None]).reshape(6, 6)]
    assert torch.allclose(layer(x), torch.cat(expected, 1))
    assert equivariance_error(layer, x) < 1e-12
    with pytest.raises(BadInput, match="10 components"):
        layer(x[:, :7])


def test_gated_activation_for_representations_that_are_not_orthogonal():
    layer = L.GatedActivation(2 * eq.representation(G, _skewed()))
    assert equivariance_error(layer, X[:, :6]) < 1e-12


def test_fourier_activation_is_pointwise_in_sample_space():
    samples = 2 * eq.regular(G)
    layer = L.FourierActivation(samples, torch.relu).double()
    q = torch.tensor(np.array(eq.decompose(samples).matrix))
    assert layer.in_rep == layer.out_rep == irreps_of(samples)
    assert torch.allclose(layer(X), torch.relu(X @ q.mT) @ q, atol=1e-12)
    assert equivariance_error(layer, X) < 1e-12
    with pytest.raises(BadRepresentation, match="needs permutation matrices"):
        L.FourierActivation(eq.defining(G))


def test_dropout_drops_whole_fields_and_commutes():
    rep = 40 * eq.defining(G) + 30 * eq.trivial(G)
    layer = L.FieldDropout(rep, 0.3)
    x = torch.ones(50, rep.dim)
    torch.manual_seed(0)
    y = layer(x)
    vectors = y[:, :80].reshape(50, 2, 40)
    assert (vectors[:, 0] == vectors[:, 1]).all()
    assert set(y.unique().tolist()) == {0.0, torch.tensor(1 / 0.7).item()}
    assert abs(float((y == 0).float().mean()) - 0.3) < 0.03
    g = G.sample(1, generator=torch.Generator().manual_seed(0))[0]
    torch.manual_seed(0)
    assert torch.allclose(layer(rep.transform(g, x)), rep.transform(g, y), atol=1e-6)
    assert layer.eval()(x) is x
    with pytest.raises(BadInput, match="probability"):
        L.FieldDropout(rep, 1.5)


def test_dropout_on_a_grid_drops_all_points():
    rep = 20 * eq.defining(G)
    y = L.FieldDropout(rep, 0.5, dims=2)(torch.ones(10, 40, 3, 3))
    assert (y == y[:, :, :1, :1]).all()
    assert (y[:, :20] == y[:, 20:]).all()
    assert 0.3 < float((y == 0).float().mean()) < 0.7


def test_changes_of_basis_lead_there_and_back():
    for rep in (2 * eq.regular(G) + eq.defining(G), eq.defining(G) + eq.defining(G)):
        V = irreps_of(rep)
        there, back = L.ChangeBasis(rep, V).double(), L.ChangeBasis(V, rep).double()
        x = torch.randn(5, rep.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        assert torch.allclose(back(there(x)), x, atol=1e-12)
        assert torch.allclose(there(x).norm(dim=1), x.norm(dim=1))
        assert equivariance_error(there, x) < 1e-12
        assert torch.allclose(there(x), x @ torch.tensor(np.array(eq.decompose(rep).matrix)), atol=1e-12)


def test_copies_behind_one_another_are_interleaved():
    V = eq.defining(G)
    y = L.ChangeBasis(V + V, 2 * V)(torch.tensor([[1.0, 2.0, 3.0, 4.0]]))
    assert y.tolist() == [[1.0, 3.0, 2.0, 4.0]]


def test_restriction_keeps_numbers_and_loses_symmetry():
    H = G.subgroup(G.discrete_generators[:1])
    layer = L.Restriction(eq.regular(G), H)
    assert layer(X[:, :8]).equal(X[:, :8]) and layer.out_rep.group == H
    smaller = L.Linear(layer.out_rep, layer.out_rep).double()
    y, inclusion = smaller(X[:, :8]), H.inclusion
    for h in H.elements():
        moved = smaller(eq.regular(G).transform(inclusion(h), X[:, :8]))
        assert (moved - layer.out_rep.transform(h, y)).abs().max() < 1e-12
    assert sum(p.numel() for p in smaller.parameters()) > sum(
        p.numel() for p in L.Linear(eq.regular(G), eq.regular(G)).parameters()
    )


def test_bias_adds_every_invariant_and_only_those():
    rep = 2 * eq.regular(G) + eq.defining(G) + 3 * eq.trivial(G)
    layer = L.Bias(rep).double()
    assert layer.bias.shape == (5,) and not layer.bias.any()
    with torch.no_grad():
        layer.bias.copy_(torch.arange(1.0, 6.0))
    b = layer(torch.zeros(1, rep.dim, dtype=torch.float64))[0]
    for g in G.elements():
        assert (rep.transform(g, b) - b).abs().max() < 1e-12
    assert not L.Bias(eq.defining(G)).state_dict().keys() - {"fingerprint"}


@pytest.mark.parametrize("dims", [4, -1])
def test_a_grid_has_one_to_three_dimensions(dims):
    with pytest.raises(BadInput, match="1 to 3 dimensions"):
        L.NormActivation(eq.regular(G), dims=dims)
