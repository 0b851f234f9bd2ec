"""Inputs that are no independent sample: clusters, near copies, whole orbits, heavy tails."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.errors import BadInput
from equilayers.measurement import equivariance_error
from equilayers.measurement.meter import copies, reading
from equilayers.measurement.meter.copies import near_copies

C4 = eq.group("C4")
V, ONE, IMAGE = eq.defining(C4), eq.trivial(C4), eq.GridField(eq.trivial(C4))


def net(seed=0, width=8):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.Tanh(), nn.Linear(width, 3)).double()


def pictures(n, seed=0):
    return torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def turned(x, turns):
    return torch.stack([torch.rot90(y, int(k), (-2, -1)) for y, k in zip(x, turns, strict=True)])


# Given clusters


@pytest.mark.parametrize("times", [2, 5])
@pytest.mark.parametrize("labels", [lambda i: i, lambda i: torch.tensor(i), lambda i: [f"patient {k}" for k in i]])
def test_copies_in_clusters_read_what_single_inputs_read(times, labels):
    x = pictures(24)
    once = equivariance_error(net(), IMAGE, 3 * ONE, x)
    order = np.random.default_rng(0).permutation(24 * times) % 24
    many = equivariance_error(net(), IMAGE, 3 * ONE, x[order], clusters=labels(order))
    assert many.error == pytest.approx(once.error, rel=1e-9) and many.interval == pytest.approx(once.interval, rel=1e-9)
    assert (many.inputs, many.clusters) == (24 * times, 24) and "in 24 clusters" in str(many)
    naive = equivariance_error(net(), IMAGE, 3 * ONE, x[order], clusters=range(24 * times))
    assert naive.interval[1] - naive.interval[0] < 0.8 * (once.interval[1] - once.interval[0])


def test_labels_of_clusters_that_do_not_fit_are_named():
    x = pictures(24)
    for wrong in (range(23), torch.zeros(24, 1), torch.tensor(3), np.zeros((2, 12))):
        with pytest.raises(BadInput, match=r"one label per input(.|\n)*inputs +24"):
            equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=wrong)
    for wrong in ([[0], [1, 2]] * 12, [None, 3] * 12):
        with pytest.raises(BadInput, match=r"labels of one kind|one label per input"):
            equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=wrong)
    with pytest.raises(BadInput, match="labels that equal themselves"):
        equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=torch.full((24,), torch.nan))
    assert "one cluster" in equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=[0] * 24).undefined
    few = equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=[i % 19 for i in range(24)])
    assert few.interval is None and "fewer than 20 clusters" in str(few) and few.error > 0.5


# Found copies


def is_told(report):
    return any("near copies" in note for note in report.notes)


@pytest.mark.parametrize("noise", [0.0, 1e-7, 1e-3, 0.03, 0.1])
@pytest.mark.parametrize(("inputs", "times"), [(8, 16), (32, 2), (24, 5)])
def test_near_copies_are_found_and_told(noise, inputs, times):
    x = pictures(inputs).repeat(times, 1, 1, 1)
    x = (x + noise * pictures(len(x), 9))[torch.randperm(len(x), generator=torch.Generator().manual_seed(1))]
    report = equivariance_error(net(), IMAGE, 3 * ONE, x)
    assert is_told(report) and report.clusters == inputs and (report.interval is None) == (inputs < 20)
    if noise == 0 and inputs >= 20:
        once = equivariance_error(net(), IMAGE, 3 * ONE, pictures(inputs))
        assert report.interval == pytest.approx(once.interval, rel=1e-9) and not is_told(once)
    said_otherwise = equivariance_error(net(), IMAGE, 3 * ONE, x, clusters=range(len(x)))
    assert said_otherwise.clusters == len(x) and not is_told(said_otherwise)


@pytest.mark.parametrize("group", ["C4", "D4", "S4", "S5"])
def test_whole_orbits_are_found_and_told(group):
    """Of small groups; and inputs with one image each, moved at random, also by a group that is sampled."""
    G = eq.group(group)
    W = eq.defining(G)
    x = torch.randn(24, W.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    orbits = torch.cat([W.transform(g, x) for g in G.elements()])
    pairs = torch.cat([x, W.transform(G.sample(24, torch.Generator().manual_seed(2)), x)])
    for inputs in (pairs,) if group == "S5" else (pairs, orbits):
        report = equivariance_error(lambda x: x.cumsum(-1), W, W, inputs, samples=2)
        assert is_told(report) and report.clusters == 24 and report.interval is not None


def test_turned_pictures_are_copies():
    x = pictures(24)
    both = torch.cat([x, turned(x, torch.arange(24) % 4)])
    report = equivariance_error(net(), IMAGE, 3 * ONE, both)
    assert is_told(report) and report.clusters == 24


def test_copies_of_several_tensors_need_all_of_them():
    """Equal positions of different types are no copies."""
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64).repeat(2, 1)
    f = lambda x, z: x * x.new_tensor([1, 2]) * (1 + z[:, None])
    kinds = torch.cat([torch.zeros(30), torch.ones(30)])
    assert not is_told(equivariance_error(f, (V, None), V, (x, kinds)))
    assert is_told(equivariance_error(f, (V, None), V, (x, torch.zeros(60))))


@pytest.mark.parametrize("dim", [1, 2, 3, 16, 64])
@pytest.mark.parametrize("law", ["normal", "uniform", "cauchy", "walk"])
def test_independent_inputs_are_no_copies(dim, law):
    rng = np.random.default_rng([dim, len(law)])
    told = 0
    for _ in range(20):
        x = {"uniform": rng.random, "cauchy": rng.standard_cauchy}.get(law, rng.standard_normal)(size=(64, dim))
        told += near_copies(x.cumsum(0) if law == "walk" else x) is not None
    assert told <= 1


def test_real_pictures_are_no_copies():
    from sklearn.datasets import load_digits

    x = torch.tensor(load_digits().images[1400:], dtype=torch.float32)[:, None]
    assert not is_told(equivariance_error(net().float(), IMAGE, 3 * ONE, x))


def test_drawn_inputs_are_not_searched(monkeypatch):
    monkeypatch.setattr(reading, "found_copies", None)
    assert equivariance_error(net(), IMAGE, 3 * ONE).clusters == 128


@pytest.mark.parametrize("n", [2, 3, 4, 5, 9])
def test_few_inputs_are_copies_only_where_they_are(n):
    for seed in range(20):
        x = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        assert equivariance_error(lambda x: x.cumsum(-1), V, V, x).error > 0.2
    same = equivariance_error(lambda x: x.cumsum(-1), V, V, x[:1].repeat(n, 1))
    assert same.error is None and "copies of one" in same.undefined


def test_many_inputs_are_compared_in_blocks(monkeypatch):
    """400 distances from each of 40 inputs at a time."""
    monkeypatch.setattr(copies, "BLOCK", 16_000)
    x = np.random.default_rng(0).normal(size=(200, 4))
    assert near_copies(x) is None
    doubled = near_copies(np.concatenate([x, x + 1e-6]))
    assert doubled.count == 200 and (doubled.index[:200] == doubled.index[200:]).all()


# Heavy tails


def scaled(n, sigma, seed):
    size = torch.exp(sigma * torch.randn(n, 1, generator=torch.Generator().manual_seed(seed + 1000)))
    return size * torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("n", [32, 128])
def test_heavy_tails_are_told_and_light_ones_are_not(n):
    f = lambda x: x @ x.new_tensor([[1.0, 0.4], [0.0, 1.5]])
    heavy, light = (
        sum("heavy tails" in str(equivariance_error(f, V, V, scaled(n, sigma, seed))) for seed in range(20))
        for sigma in (1.5, 0.0)
    )
    assert heavy >= 16 and light <= 1
    exact = equivariance_error(lambda x: 2 * x, V, V, scaled(n, 1.5, 0).float())
    assert exact.is_at_floor and not exact.notes  # rounding has the tails of the inputs


# Coverage, on the meter as it is used; benchmarks/meter_coverage.py has the figures


def covered(make, seeds, far):
    f = net(3)
    truth = equivariance_error(f, IMAGE, 3 * ONE, pictures(far, 99), clusters=range(far)).error
    found = [equivariance_error(f, IMAGE, 3 * ONE, *make(seed)).interval for seed in range(seeds)]
    return sum(interval is not None and interval[0] <= truth <= interval[1] for interval in found)


def test_intervals_cover_with_copies_and_orbits():
    near = lambda seed: (pictures(24, seed).repeat(4, 1, 1, 1) + 0.01 * pictures(96, seed + 500),)
    orbits = lambda seed: (torch.cat([torch.rot90(pictures(24, seed), k, (-2, -1)) for k in range(4)]),)
    for make in (near, orbits):
        assert covered(make, 40, 4000) >= 34
