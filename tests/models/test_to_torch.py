"""Every network as plain torch: loaded and run in a process where equilayers cannot be imported."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from model_cases import CASES, inputs
from torch import nn

import equilayers as eq

MASKED = ("LorentzNet", "GeometricTransformer", "GeometricTransformer-planes", "DeepSets", "SetTransformer",
          "InvariantGraphNetwork", "PPGN")  # fmt: skip

READER = """
import sys, torch
sys.modules["equilayers"] = None  # any import of it fails from here on
torch.set_num_threads(1)
for plain, arguments, y in torch.load(sys.argv[1], weights_only=False):
    found = plain(*arguments)
    assert found.dtype == y.dtype and not plain.training
    assert (found - y).abs().max() <= 1e-12 * max(1.0, y.abs().max()), plain
print("read", sorted(name for name in sys.modules if name.startswith("equilayers")))
"""


def drawn(name, seed=3):
    net, rng = CASES[name]().double().eval(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(0.3 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return net


def with_mask(name, n=4):
    x = inputs(name, n, dtype=torch.float64)
    members = x[0].shape[1]
    return (*x, torch.arange(members) < 1 + torch.arange(n)[:, None])


def is_plain(module):
    return {type(part).__module__.split(".")[0] for part in module.modules()} == {"torch"}


def test_every_network_loads_where_equilayers_cannot_be_imported(tmp_path):
    saved = []
    for name in CASES:
        net = drawn(name)
        plain = eq.to_torch(net.train())
        assert net.training and is_plain(plain), name
        net.eval()
        for n in (4, 7):  # no size of a batch is written into it
            x = inputs(name, n, dtype=torch.float64)
            saved.append((plain, x, net(*x).detach()))
    for name in MASKED:
        net, x = drawn(name), with_mask(name)
        plain = eq.to_torch(net, example=x)
        assert is_plain(plain)
        saved += [(plain, arguments, net(*arguments).detach()) for arguments in (x, with_mask(name, 3))]
    assert len(saved) == 2 * 15 + 2 * 7
    torch.save(saved, tmp_path / "plain.pt")
    run = [sys.executable, "-c", READER, str(tmp_path / "plain.pt")]
    done = subprocess.run(run, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "read ['equilayers']"


@pytest.mark.parametrize("name", MASKED)
def test_a_mask_hides_in_the_plain_module_too(name):
    net, x = drawn(name), with_mask(name)
    plain, mask = eq.to_torch(net, example=x), x[-1]
    hidden = [torch.where(_pairs(mask, part), part, torch.nan) for part in x[:-1]]
    assert torch.equal(plain(*hidden, mask), plain(*x)) and bool(plain(*x).isfinite().all())


def _pairs(mask, part):
    if part.ndim == 4:
        return (mask[:, :, None] & mask[:, None, :])[..., None]
    return mask[..., None]


def test_channels_stay_last():
    net = drawn("GroupCNN")
    plain, (x,) = eq.to_torch(net), inputs("GroupCNN", dtype=torch.float64)
    formats = {}

    class Watch(torch.fx.Interpreter):
        def run_node(self, node):
            arguments, _ = self.fetch_args_kwargs_from_env(node)
            if "conv" in str(node.target) or "avg_pool" in str(node.target):
                formats[node.name] = arguments[0].is_contiguous(memory_format=torch.channels_last)
            return super().run_node(node)

    assert torch.allclose(Watch(plain).run(x), net(x), atol=1e-12)
    assert len(formats) >= 3 and all(formats.values()), formats


def test_what_cannot_be_traced_says_so(monkeypatch):
    net = drawn("MLP")
    monkeypatch.setattr(type(net), "forward", lambda self, x: self.read_out(x) if x.sum() > 0 else x)
    with pytest.raises(eq.errors.EquilayersError, match="cannot be written as a graph of torch functions"):
        eq.to_torch(net)
    with pytest.raises(eq.errors.EquilayersError, match="This MLP"):  # inside another module, too
        eq.to_torch(nn.Sequential(net))


def test_lists_of_tensors_stay_lists():
    net = eq.models.WeightSpaceNet((2, 4, 3), 2, width=3, depth=1, pool=False).double().eval()
    x = inputs("WeightSpaceNet", dtype=torch.float64)
    found, expected = eq.to_torch(net)(*x), net(*x)
    assert [tuple(part.shape for part in pair) for pair in found] == [tuple(p.shape for p in pair) for pair in expected]
    assert all(
        torch.allclose(a, b) for one, two in zip(found, expected, strict=True) for a, b in zip(one, two, strict=True)
    )
