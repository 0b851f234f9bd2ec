"""The floor: of rounding and of actions that interpolate, in units of the output; no verdict from a high one."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.measurement import EquivarianceReport, equivariance_error
from equilayers.measurement.meter.elements import Rounds

SO2, C8, C4 = (eq.group(name) for name in ("SO(2)", "C8", "C4"))
PICTURE, STILL = eq.GridField(eq.trivial(SO2)), eq.trivial(SO2)


def smooth(n, channels=1, coarse=8, size=64, seed=0):
    rough = torch.randn(n, channels, coarse, coarse, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(rough, size=size, mode="bicubic")


@pytest.mark.parametrize("seed", range(3))
def test_a_plain_network_under_rotations_is_not_at_a_floor_of_resampling(seed):
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, 2, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )
    images = eq.GridField(3 * eq.trivial(SO2))
    report = equivariance_error(net, images, 10 * STILL, smooth(32, 3, seed=seed), samples=4)
    assert 0.3 < report.error < 0.6 and report.floor > 0.1 and report.interval is not None
    assert not report.is_at_floor and "at the floor" not in str(report)
    assert report.floor_source == "resampling, by f of inputs moved there and back"
    if report.error <= 2 * report.floor:
        assert "not told from its floor" in str(report)


def floor_by_hand(f, action, x, samples):
    """f of pictures moved there and back against f, over the distance of shuffled pairs."""
    rounds = Rounds.choose(action.group, len(x), samples, torch.Generator().manual_seed(0))
    v = f(x)
    there = [f(action.transform(back, action.transform(g, x))) - v for g, back in rounds]
    missed = torch.stack(there[: max(1, min(8, 512 // len(x)))]).square().flatten(2).sum(2).mean()
    u = torch.stack([f(action.transform(g, x)) for g, _ in rounds]).flatten(2)
    d = torch.cdist(u, v.flatten(1).expand(len(u), -1, -1)).square().mean(0)
    others = d[~torch.eye(len(x), dtype=torch.bool)].mean()
    return float((missed / others).sqrt())


FUNCTIONS = {
    "mean": lambda x: x.mean((-2, -1)),
    "pixels": lambda x: x.flatten(1)[:, ::7],
    "edges": lambda x: x.diff(dim=-1).square().mean((-2, -1)),
    "amplified": lambda x: 1e6 * x.diff(dim=-1).diff(dim=-1).flatten(1)[:, :50] + 3,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("group", ["SO(2)", "C8"])
def test_the_floor_of_resampling_is_that_of_the_output(name, group):
    action = eq.GridField(eq.trivial(eq.group(group)))
    x = smooth(40, coarse=5, size=12).double()
    f = FUNCTIONS[name]
    wanted = floor_by_hand(f, action, x, 4)
    out = f(x).shape[1] * eq.trivial(eq.group(group))
    report = equivariance_error(f, action, out, x, samples=4, clusters=range(40))
    assert report.floor == pytest.approx(wanted, rel=1e-6)
    if report.error is None:
        assert wanted > 0.5 and "resampling alone gives" in report.undefined and "smoother" in report.undefined
    in_units_of_the_input = floor_by_hand(lambda x: x.flatten(1), action, x, 4)
    if name in ("edges", "amplified"):
        assert abs(np.log(in_units_of_the_input / wanted)) > 0.2


@pytest.mark.parametrize("group", ["SO(2)", "C8"])
def test_no_function_is_at_a_floor_above_a_tenth(group):
    """Random linear functions of pictures, from smooth to rough."""
    G = eq.group(group)
    action, ran, high = eq.GridField(eq.trivial(G)), 0, 0
    for coarse in (2, 4, 6, 12):
        for seed in range(3):
            x = smooth(24, coarse=coarse, size=12, seed=seed)
            weights = torch.randn(144, 3, generator=torch.Generator().manual_seed(seed))
            report = equivariance_error(lambda x, w=weights: x.flatten(1) @ w, action, 3 * eq.trivial(G), x, samples=2)
            ran += 1
            high += report.floor > 0.1
            assert not report.is_at_floor and (report.error is None) == (report.floor > 0.5)
    assert ran == 12 and high >= 6


def test_an_invariant_of_smooth_pictures_is_at_a_low_floor():
    """The mass within circles, of blobs that stay inside."""
    generator = torch.Generator().manual_seed(0)
    axis = torch.linspace(-1, 1, 33)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    centres = 0.4 * torch.randn(40, 2, generator=generator)
    blobs = torch.exp(-((x - centres[:, :1, None]) ** 2 + (y - centres[:, 1:, None]) ** 2) / 0.08)[:, None]
    radial = torch.stack([torch.exp(-(x**2 + y**2) / s) for s in (0.2, 0.6)])
    f = lambda p: torch.einsum("bchw,khw->bk", p, radial.to(p.dtype))
    report = equivariance_error(f, PICTURE, 2 * STILL, blobs, samples=4)
    assert report.is_at_floor and report.floor < 0.02 and "resampling" in report.floor_source
    broken = equivariance_error(lambda p: f(p) + p[..., 5:20, 5:9].sum((-2, -1)), PICTURE, 2 * STILL, blobs, samples=4)
    assert broken.error > 0.2 and not broken.is_at_floor


def test_outputs_that_interpolate_count_as_well():
    """The output moves on a grid: the identity reads what its own resampling gives, in either case."""
    x = smooth(24, coarse=4, size=12)
    report = equivariance_error(lambda x: x, PICTURE, PICTURE, x, samples=2)
    assert report.error == pytest.approx(report.floor, rel=0.2) and not report.is_at_floor
    turned_out = equivariance_error(
        lambda x: x[:, :, None, None] * x.new_ones(12, 12), STILL + STILL, eq.GridField(2 * STILL)
    )
    assert turned_out.floor > 0.1 and "outputs moved there and back" in turned_out.floor_source


@pytest.mark.parametrize(
    ("error", "floor", "verdict"),
    [
        (0.05, 0.05, True),
        (0.15, 0.1, True),
        (0.15, 0.11, False),
        (0.3, 0.1, False),
        (None, 0.01, False),
        (0.1, None, False),
    ],
)
def test_the_verdict(error, floor, verdict):
    report = EquivarianceReport(error, "", 40, 3, True, 40, floor=floor)
    assert report.is_at_floor is verdict and ("at the floor" in str(report)) is verdict


# Memory

HEAD = """
import json, resource, torch, equilayers as eq
C4 = eq.group("C4")
head = torch.nn.Conv2d(3, 21, 1)
pictures, maps = eq.GridField(3 * eq.trivial(C4)), eq.GridField(21 * eq.trivial(C4))
with torch.no_grad():
    head(torch.randn(64, 3, 128, 128))
eq.equivariance_error(head, pictures, maps, torch.randn(4, 3, 8, 8))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = eq.equivariance_error(head, pictures, maps, torch.randn(64, 3, 128, 128))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([report.error, report.inputs, report.elements, (after - before) / 1024]))
"""


@pytest.mark.slow
def test_maps_of_many_pixels_are_measured_in_little_memory():
    """64 maps of 21 x 128 x 128 numbers take 88 MB once; they are not held in double precision, or per element."""
    done = subprocess.run([sys.executable, "-c", HEAD], capture_output=True, text=True, check=True)
    error, inputs, elements, megabytes = json.loads(done.stdout)
    assert error < 1e-6 and (inputs, elements) == (64, 3) and megabytes < 700
