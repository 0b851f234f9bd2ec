"""Faults that other libraries have shipped, each turned into a demand on ours."""

from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers as L

C4, D4, CIRCLE = (eq.group(name) for name in ("C4", "D4", "SO(2)"))
V = 2 * eq.regular(C4)


def images(n=2, dim=8, size=7):
    return torch.randn(n, dim, size, size, generator=torch.Generator().manual_seed(3))


def test_two_representations_of_one_name_are_two():
    """Kernels and blocks are cached by value: a name decides nothing."""
    turn = eq.defining(C4).images.discrete
    first, second = eq.representation(C4, turn, name="vector"), eq.representation(C4, turn @ turn, name="vector")
    assert str(first) == str(second) and first != second
    x = images(dim=2).double()
    for rep in (first, second, first + second, second + first):
        layer = L.Conv2d(rep, rep, 3).double()
        x = images(dim=rep.dim).double()
        for g in C4.elements():
            moved = layer(layer.in_action.transform(g, x)) - layer.out_action.transform(g, layer(x))
            assert moved.abs().max() < 1e-12
    a, b = (L.Linear(rep, rep).double() for rep in (first, second))
    assert sum(p.numel() for p in a.parameters()) == 2 and sum(p.numel() for p in b.parameters()) == 4
    q = eq.irrep(CIRCLE, "1")
    twins = [L.Linear(k, k).double() for k in (q, eq.irrep(CIRCLE, "2"))]
    for layer in twins:
        z = torch.randn(3, 2, dtype=torch.float64)
        for g in CIRCLE.sample(3, generator=torch.Generator().manual_seed(0)):
            assert (layer(layer.in_rep.transform(g, z)) - layer.out_rep.transform(g, layer(z))).abs().max() < 1e-12


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
def test_conversion_keeps_the_padding_mode(mode):
    layer, x = L.Conv2d(V, V, 5, padding=2, padding_mode=mode), images()
    assert torch.allclose(eq.to_torch(layer)(x), layer(x), atol=1e-5)
    pool = L.BlurPool2d(V, 5, padding_mode=mode)
    assert torch.allclose(eq.to_torch(pool)(x), pool(x), atol=1e-5)


def test_conversion_keeps_how_an_average_counts_its_border():
    for count in (True, False):
        pool, x = L.AvgPool2d(V, 3, 1, 1, count_include_pad=count), images()
        assert eq.to_torch(pool)(x).equal(pool(x))


def test_casting_one_layer_does_not_cast_another():
    a, b = L.Conv2d(V, V, 3), L.Conv2d(eq.defining(C4), V, 3)
    other = [L.Conv2d(V, V, 3), L.Conv2d(eq.defining(C4), V, 3)]
    a.double(), b.half()
    for layer in other:
        assert {t.dtype for t in (*layer.parameters(), *layer.buffers()) if t.is_floating_point()} == {torch.float32}
        layer(images(dim=layer.in_dim))


ORDER = """
import equilayers as eq
G = eq.group("D4")
V = eq.regular(G) + eq.defining(G) + 2 * eq.trivial(G)
L = eq.layers
net = L.Sequential(L.Conv2d(V, V, 3), L.FieldBatchNorm(V), L.FieldGroupNorm(1, V), L.NormActivation(V, dims=2))
print([(n, tuple(p.shape)) for n, p in net.named_parameters()], list(net.state_dict()))
W = 2 * eq.regular(eq.group("S3")) + eq.defining(eq.group("S3"))
linear = L.Linear(W, W)
print(list(linear.state_dict()), [layer.state_dict()["fingerprint"].int().tolist() for layer in (*net, linear)])
"""


@pytest.mark.slow
def test_the_order_of_parameters_does_not_depend_on_the_hash_seed():
    seen = set()
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", ORDER], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        seen.add(done.stdout)
    assert len(seen) == 1


def test_positions_move_by_float64_matrices():
    """No half-precision matrix between an element and the grid."""
    field = eq.GridField(eq.trivial(CIRCLE))
    g = CIRCLE.exp(torch.tensor([[2 * torch.pi / 1000]], dtype=torch.float64))[0]
    matrix = field.plane(g)
    exact = torch.tensor(
        [[np.cos(2 * np.pi / 1000), -np.sin(2 * np.pi / 1000)], [np.sin(2 * np.pi / 1000), np.cos(2 * np.pi / 1000)]]
    )
    assert matrix.dtype == torch.float64 and (matrix - exact).abs().max() < 1e-13


@pytest.mark.parametrize(("size", "free"), [(3, 9), (5, 25), (7, 49), (9, 81)])
def test_kernels_on_the_grid_are_complete(size, free):
    """Where C4 or the trivial group keep the grid, every pixel counts."""
    T = eq.trivial(eq.group("trivial"))
    for rep, plane, factor in ((T, 2 * T, 1), (eq.regular(C4), None, 4)):
        layer = L.Conv2d(rep, rep, size, plane=plane, bias=False)
        assert sum(p.numel() for p in layer.parameters()) == factor * free


def test_weights_changed_in_eval_mode_are_seen():
    layer, x = L.Conv2d(V, V, 3, bias=False).eval(), images()
    y = layer(x)
    layer.weight.data.mul_(2)
    assert torch.allclose(layer(x), 2 * y, atol=1e-4)
    fresh = L.Conv2d(V, V, 3, bias=False)
    layer.load_state_dict(fresh.state_dict(), strict=False)
    assert torch.allclose(layer(x), fresh(x), atol=1e-5)


def test_a_checkpoint_holds_weights_alone_and_is_the_same_in_every_mode():
    layer = L.Conv2d(8 * V, 8 * V, 5)
    keys = list(layer.state_dict())
    layer(images(dim=64))
    assert list(layer.eval().state_dict()) == keys == ["weight", "bias", "fingerprint"]
    layer(images(dim=64))
    fresh = L.Conv2d(8 * V, 8 * V, 5).train()
    fresh.load_state_dict(layer.state_dict())
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    assert file.tell() < 4 * sum(p.numel() for p in layer.parameters()) + 4096


def test_copies_in_eval_mode_and_a_second_backward():
    layer, x = L.Conv2d(V, V, 3).eval(), images()
    twin = copy.deepcopy(layer)
    for _ in range(2):
        twin(x).sum().backward()
    assert twin.weight.grad is not None


def test_everything_pickles():
    g = D4.elements()[3]
    rep = eq.regular(D4) + eq.irrep(D4, "E1") @ eq.defining(D4)
    net = nn.Sequential(L.Conv2d(V, V, 3), L.FieldBatchNorm(V), L.GroupPooling(V))
    for thing in (D4, rep, eq.GridField(rep)):
        assert pickle.loads(pickle.dumps(thing)) == thing
    assert pickle.loads(pickle.dumps(g)).equal(g)
    x = images()
    assert pickle.loads(pickle.dumps(net.eval()))(x).equal(net(x))


def test_float64_reaches_float64():
    field = 2 * eq.regular(D4)
    net = nn.Sequential(
        L.Conv2d(eq.trivial(D4), field, 5, padding=2),
        L.FieldBatchNorm(field),
        L.PointwiseActivation(field, torch.nn.functional.elu, dims=2),
        L.Conv2d(field, eq.defining(D4), 3, padding=1),
    ).double()
    x, out = images(dim=1).double(), eq.GridField(eq.defining(D4))
    net(x), net.eval()
    for g in D4.elements():
        moved = net(eq.GridField(eq.trivial(D4)).transform(g, x)) - out.transform(g, net(x))
        assert moved.abs().max() < 1e-12


def test_shapes_that_torch_takes_are_taken():
    D2 = eq.regular(eq.group("D2"))
    assert L.Conv2d(D2, D2, (3, 5), padding=(1, 2))(images(dim=4)).shape == (2, 4, 7, 7)
    assert L.Conv2d(V, V, 3, padding="same")(images()).shape == (2, 8, 7, 7)
    assert L.Linear(V, V)(torch.zeros(2, 3, 5, 8)).shape == (2, 3, 5, 8)
    assert L.Conv2d(V, V, 2)(images()).shape == (2, 8, 6, 6)


def test_a_broken_dependency_is_reported_and_not_swallowed():
    broken = 'import sys; sys.modules["equilayers.representations"] = None; import equilayers; equilayers.regular'
    done = subprocess.run([sys.executable, "-c", broken], capture_output=True, text=True)
    assert done.returncode != 0 and "ModuleNotFoundError" in done.stderr
    with pytest.raises(AttributeError):
        eq.no_such_name


def test_starting_does_not_touch_the_global_random_state_or_a_folder():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    eq.irreps(eq.group("I"))
    L.BlurPool2d(eq.trivial(eq.group("C8")), 3)
    assert torch.rand(3).equal(expected)
