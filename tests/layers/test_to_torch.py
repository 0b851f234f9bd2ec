"""The same function as plain torch, loadable where equilayers cannot be imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers import layers as L

G = eq.group("D4")

READER = """
import sys, torch
sys.modules["equilayers"] = None  # any import of it fails from here on
torch.set_num_threads(1)
for plain, inputs, y in torch.load(sys.argv[1], weights_only=False):
    error = (plain(*inputs) - y).abs().max().item() if y.numel() else 0.0
    assert error <= 1e-5 * max(1.0, y.abs().max().item() if y.numel() else 1.0), (plain, error)
    assert not plain.training
print("read", sorted(name for name in sys.modules if name.startswith("equilayers")))
"""


class Residual(nn.Module):
    """A user's module: layers inside, torch functions outside."""

    def __init__(self):
        super().__init__()
        rep = 2 * eq.regular(G)
        self.inner = L.Sequential(L.Linear(rep, rep), L.PointwiseActivation(rep), L.FieldDropout(rep))
        self.again = self.inner
        self.head = nn.Sequential(L.Linear(rep, 3 * eq.trivial(G)), nn.LayerNorm(3))

    def forward(self, x):
        return self.head(x + self.inner(x) + self.again(x))


class Branching(nn.Module):
    """A user's module that cannot be traced."""

    def __init__(self):
        super().__init__()
        self.layer = L.Linear(2 * eq.regular(G), eq.regular(G))

    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else -self.layer(x)


def fill(layer, seed=3):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=rng) * 0.3)
    return layer


def sample(layer, n=4):
    return layer.in_action.sample_input(n, generator=torch.Generator().manual_seed(5), dtype=torch.float32)


def inputs(layer, x):
    """Two for a layer of two inputs: a graph cannot ask how many it is given."""
    if isinstance(layer, L.Bilinear):
        return x.split([layer.in1_dim, layer.in2_dim], -1)
    if isinstance(layer, L.Attention) and layer.in_action.rep != layer.in_rep:
        return x.split([layer.in_dim, layer.key_dim], -1)
    return x.chunk(2, -1) if isinstance(layer, L.GeometricProduct) else (x,)


def test_every_layer_keeps_its_eval_mode_function(build):
    layer = fill(build())
    layer.train()
    plain = eq.to_torch(layer)
    assert layer.training and not any(m.training for m in plain.modules())
    assert not any(type(m).__module__.startswith("equilayers") for m in plain.modules())
    layer.eval()
    for n in (4, 7):
        x = sample(layer, n)
        y = layer(x)
        of_plain = plain(*inputs(layer, x))
        assert y.shape == of_plain.shape
        assert (of_plain - y).abs().max() <= 1e-5 * max(1.0, float(y.detach().abs().max()))


def test_empty_layers_convert(build_empty):
    layer = build_empty().eval()
    x = sample(layer)
    assert eq.to_torch(layer)(*inputs(layer, x)).equal(layer(x))


def test_the_result_has_its_own_tensors():
    layer = fill(L.Linear(2 * eq.regular(G), eq.regular(G)))
    plain, x = eq.to_torch(layer), torch.ones(1, 16)
    before = plain(x)
    fill(layer, seed=8)
    assert plain(x).equal(before)


def test_linear_becomes_nn_linear_and_blocks_where_they_are_faster():
    assert type(eq.to_torch(L.Linear(2 * eq.regular(G), eq.regular(G)))) is nn.Linear
    wide = eq.to_torch(L.Linear(64 * eq.regular(G), 64 * eq.regular(G)))
    assert isinstance(wide, torch.fx.GraphModule)
    assert sum(p.numel() for p in wide.parameters()) == 64 * 64 * 8 + 64
    assert type(eq.to_torch(L.FieldDropout(eq.regular(G)))) is nn.Identity
    chain = eq.to_torch(L.Sequential(L.Linear(eq.regular(G), eq.regular(G)), L.PointwiseActivation(eq.regular(G))))
    assert type(chain) is nn.Sequential


def test_a_users_module_is_traced_as_a_whole():
    module = fill(Residual()).eval()
    x = torch.randn(5, 16, generator=torch.Generator().manual_seed(1))
    plain = eq.to_torch(module)
    assert torch.allclose(plain(x), module(x), atol=1e-5)
    assert {type(m).__module__.split(".")[0] for m in plain.modules()} == {"torch"}
    assert isinstance(module.inner, L.Sequential)  # left as it was


def test_a_module_that_cannot_be_traced_keeps_its_class_and_loses_its_layers():
    module = fill(Branching()).eval()
    plain = eq.to_torch(module)
    assert type(plain) is Branching and type(plain.layer) is nn.Linear
    for x in (torch.ones(2, 16), -torch.ones(2, 16)):
        assert torch.allclose(plain(x), module(x), atol=1e-5)


def test_a_module_without_layers_is_copied():
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    plain = eq.to_torch(module)
    assert torch.equal(plain(torch.ones(1, 2)), module(torch.ones(1, 2)))
    assert plain[0].weight is not module[0].weight


def test_loads_where_equilayers_cannot_be_imported(tmp_path):
    from cases_core import CASES

    saved = []
    for build in CASES.values():
        layer = fill(build()).eval()
        x = sample(layer)
        saved.append((eq.to_torch(layer), inputs(layer, x), layer(x).detach()))
    module, x = fill(Residual()).eval(), torch.ones(2, 16)
    saved.append((eq.to_torch(module), (x,), module(x).detach()))
    torch.save(saved, tmp_path / "plain.pt")
    run = [sys.executable, "-c", READER, str(tmp_path / "plain.pt")]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "read ['equilayers']"


def test_the_reader_would_notice_a_layer(tmp_path):
    layer = L.Linear(eq.regular(G), eq.regular(G)).eval()
    torch.save([(layer, (torch.ones(1, 8),), torch.ones(1, 8))], tmp_path / "own.pt")
    run = [sys.executable, "-c", READER, str(tmp_path / "own.pt")]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode != 0 and "equilayers" in done.stderr


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes(dtype):
    layer = fill(L.Linear(2 * eq.regular(G), eq.regular(G))).to(dtype)
    plain = eq.to_torch(layer)
    x = torch.ones(1, 16, dtype=dtype)
    assert plain(x).dtype == dtype
    assert (plain(x) - layer(x)).abs().max() < (1e-12 if dtype == torch.float64 else 0.1)
