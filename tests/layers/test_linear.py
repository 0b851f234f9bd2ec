"""The linear layer is all of Hom(V, W), in one set of coordinates for every basis."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import equilayers as eq
from equilayers import layers as L
from equilayers.layers.schur import parameter_suffixes

GROUPS = ("D4", "C4", "S3", "Q8", "A4", "C8")


def irreps_of(rep):
    return eq.decompose(rep).rep


def fill(layer, seed=3):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng))
    return layer


def mixed(G):
    return 2 * eq.regular(G) + eq.defining(G) + 3 * eq.trivial(G) + eq.regular(G)


def dense(layer):
    return layer.expanded()[0].double().numpy()


def oracle_dimension(V, W):
    """Trace of the group average of W(g) kron V(g)^-T: no irreps, no solver."""
    elements = V.group.elements()
    v, w = V(elements).numpy(), W(elements).numpy()
    return round(float((np.trace(w, axis1=1, axis2=2) * np.trace(np.linalg.inv(v), axis1=1, axis2=2)).mean()))


@pytest.mark.parametrize("name", GROUPS)
def test_parameters_count_all_intertwiners_and_span_them(name):
    G = eq.group(name)
    V, W = eq.regular(G) + eq.defining(G), eq.defining(G) + 2 * eq.trivial(G)
    layer = L.Linear(V, W, bias=False).double()
    count = sum(p.numel() for p in layer.parameters())
    assert count == oracle_dimension(V, W)
    images = []
    for parameter in layer.parameters():
        for index in range(parameter.numel()):
            twin = copy.deepcopy(layer)
            with torch.no_grad():
                for p in twin.parameters():
                    p.zero_()
                dict(twin.named_parameters())[next(n for n, p in layer.named_parameters() if p is parameter)].view(-1)[
                    index
                ] = 1.0
            images.append(dense(twin).ravel())
    assert np.linalg.matrix_rank(np.array(images), tol=1e-9) == count


@pytest.mark.parametrize("name", GROUPS)
def test_one_state_dict_serves_every_basis(name):
    G = eq.group(name)
    V, W = mixed(G), 2 * eq.regular(G) + eq.defining(G)
    layer = fill(L.Linear(V, W).double())
    x = torch.randn(5, V.dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    q_v, q_w = (torch.tensor(np.array(eq.decompose(rep).matrix)) for rep in (V, W))
    for source in (V, irreps_of(V)):
        for target in (W, irreps_of(W)):
            other = L.Linear(source, target).double()
            other.load_state_dict(layer.state_dict())
            y = other(x if source is V else x @ q_v)
            assert ((y if target is W else y @ q_w.mT) - layer(x)).abs().max() < 1e-12


def test_terms_may_come_in_any_order_and_repeat():
    G = eq.group("D4")
    A, E = eq.irrep(G, "A2"), eq.irrep(G, "E1")
    V, W = 2 * E + 3 * A + 1 * E, A + E + 2 * A
    layer = fill(L.Linear(V, W).double())
    assert {n: tuple(p.shape) for n, p in layer.named_parameters()} == {"weight_A2": (3, 3), "weight_E1": (1, 3)}
    for g in G.elements():
        assert np.abs(W(g).numpy() @ dense(layer) - dense(layer) @ V(g).numpy()).max() < 1e-12


@pytest.mark.parametrize("name", ["SO(2)", "SO(3)", "O(3)", "SU(2)", "SO(1,3)", "SO(3) x S3"])
def test_infinite_groups(name):
    G = eq.group(name)
    V = eq.defining(G) @ eq.defining(G) + 2 * eq.defining(G) + eq.trivial(G)
    layer = fill(L.Linear(V, V).double())
    g = G.sample(4, generator=torch.Generator().manual_seed(2))
    m, a = V(g), torch.tensor(dense(layer))
    error = (m @ a - a @ m).abs().amax((1, 2)) / (m.abs().amax((1, 2)) * a.abs().max())
    assert error.max() < 1e-12
    assert (m @ layer.expanded()[1] - layer.expanded()[1]).abs().max() < 1e-12 * m.abs().max()


def test_two_representations_of_one_name_do_not_share_a_basis():
    G = eq.group("C4")
    turn = eq.defining(G).images.discrete
    q = np.array([[2.0, 1.0], [0.0, 1.0]])
    first, second = eq.representation(G, turn), eq.representation(G, turn @ turn)
    skew = eq.representation(G, q @ turn @ np.linalg.inv(q))
    for V in (first, second, skew, first + second, skew + first):
        layer = fill(L.Linear(V, V).double())
        a, m = torch.tensor(dense(layer)), V(G.elements())
        assert (m @ a - a @ m).abs().max() < 1e-11


@pytest.mark.parametrize("bias", [True, False])
def test_bias_starts_at_zero_and_spans_the_invariants(bias):
    G = eq.group("D4")
    layer = L.Linear(eq.trivial(G), mixed(G), bias)
    assert (layer.bias is not None) is bias
    if bias:
        assert layer.bias.shape == (2 + 3 + 1,) and not layer.bias.any()
    assert L.Linear(eq.regular(G), eq.defining(G)).bias is None  # no invariant, no parameter


@pytest.mark.parametrize("name", ["D4", "C4", "Q8", "SO(3)"])
def test_unit_second_moment_per_output_irrep(name):
    G = eq.group(name)
    V = eq.rep(G, "30x0 + 20x1 + 10x2") if name == "SO(3)" else 12 * eq.regular(G)
    V = irreps_of(V)
    W = V + 5 * V.terms[0][1]
    torch.manual_seed(0)
    moments = torch.zeros(len(W.terms))
    for _ in range(40):
        y = L.Linear(V, W)(torch.randn(200, V.dim))
        moments += torch.stack([y[:, where].square().mean() for where in W.slices]) / 40
    assert (moments - 1).abs().max() < 0.1
    layer = L.Linear(V, W)
    with torch.no_grad():
        for p in layer.parameters():
            p.mul_(2)  # the broken twin: twice as wide a start
    assert layer(torch.randn(200, V.dim)).square().mean() > 2


def test_changed_weights_are_seen_in_eval_mode():
    G = eq.group("D4")
    layer = fill(L.Linear(mixed(G), mixed(G), bias=False)).eval()
    x = torch.randn(3, layer.in_dim, generator=torch.Generator().manual_seed(1))
    y = layer(x)
    with torch.no_grad():
        for p in layer.parameters():
            p.data.mul_(2)
    assert torch.allclose(layer(x), 2 * y, atol=1e-4)


def test_parameter_names_do_not_depend_on_hashing_and_are_identifiers():
    for name in ("D4", "S4", "SU(2)", "O(3)", "C4 x S3"):
        G = eq.group(name)
        irreps = eq.irreps(G, level=2) if G.order is None else eq.irreps(G)
        names = parameter_suffixes(tuple(irreps))
        assert len(set(names)) == len(names) and all(f"weight_{n}".isidentifier() for n in names)


def test_extra_batch_axes():
    G = eq.group("D4")
    for V, W in ((mixed(G), eq.regular(G)), (irreps_of(64 * eq.regular(G)), 64 * eq.regular(G))):
        layer = L.Linear(V, W)
        x = torch.randn(2, 3, 4, V.dim, generator=torch.Generator().manual_seed(1))
        assert layer(x).shape == (2, 3, 4, W.dim)
        assert torch.allclose(layer(x)[1, 2, 3], layer(x[1, 2, 3]), atol=1e-5)
