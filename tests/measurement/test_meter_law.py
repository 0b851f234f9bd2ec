"""The meter against its definition, written down with loops: drawn groups, functions, trees of tensors and clusters."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats
import torch

import equilayers as eq
from equilayers.measurement import equivariance_error

GROUPS = ("C2", "C4", "D3", "Q8", "S3", "SO(2)", "O(3)", "SU(2)", "SO(1,3)", "S5")
CASES = 40
SAMPLES = 3


def drawn(seed):
    """A group, two or three representations, a function of one or several tensors, inputs and clusters."""
    rng = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    G = eq.group(GROUPS[seed % len(GROUPS)])
    V = eq.defining(G)
    parts = [[V, 2 * V, V + eq.trivial(G), 2 * eq.trivial(G)][k] for k in rng.integers(4, size=3)]
    n, form = int(rng.integers(20, 34)), ("tensor", "tuple", "dict")[seed % 3]
    weights = [
        torch.randn(parts[0].dim, part.dim, generator=generator, dtype=torch.float64) / part.dim for part in parts
    ]
    x = torch.randn(n, parts[0].dim, generator=generator, dtype=torch.float64)
    y = torch.randn(n, parts[1].dim, generator=generator, dtype=torch.float64)
    clusters = None
    if seed % 2:
        labels = np.concatenate([np.arange(20), rng.integers(20, size=n - 20)])
        clusters = rng.permutation(labels)

    def one(x):
        return torch.tanh(x @ weights[1]) + 0.1

    def several(x, y):
        return x @ weights[2] + x[:, :1] * y[:, :1], torch.exp(-(y**2)) * y

    if form == "tensor":
        return G, (parts[0],), (parts[1],), lambda x: (one(*x),), (x,), clusters, form
    return G, tuple(parts[:2]), (parts[2], parts[1]), lambda x: several(*x), (x, y), clusters, form


def measured(case):
    _, inside, outside, f, x, clusters, form = case
    names = ("first", "second")
    if form == "tensor":
        arguments = (lambda x: f((x,))[0], inside[0], outside[0], x[0])
    elif form == "tuple":
        arguments = (lambda *x: f(x), inside, list(outside), x)
    else:
        arguments = (
            lambda d: dict(zip(names, f((d["x"], d["y"])), strict=True)),
            dict(zip("xy", inside, strict=True)),
            dict(zip(names, outside, strict=True)),
            dict(zip("xy", x, strict=True)),
        )
    clusters = clusters if clusters is not None else range(len(x[0]))
    return equivariance_error(*arguments, samples=SAMPLES, generator=11, clusters=list(clusters))


def by_definition(case, within=False, every_input=False):
    """Error, errors of the parts, interval; ``within`` and the rest are mistakes."""
    G, inside, outside, f, x, clusters, _ = case
    n = len(x[0])
    labels = np.arange(n) if clusters is None else clusters
    if G.order is not None and G.order <= 64:
        g = [[h] * n for h in G.elements()[1:]]
    else:
        drawn = G.sample(SAMPLES * n, generator=torch.Generator().manual_seed(11))
        g = [[drawn[j * n + i] for i in range(n)] for j in range(SAMPLES)]
    v = f(x)
    u = [[] for _ in outside]
    for row in g:
        moved = tuple(
            torch.stack([V.transform(h, xi) for h, xi in zip(row, t, strict=True)])
            for V, t in zip(inside, x, strict=True)
        )
        for k, (W, y) in enumerate(zip(outside, f(moved), strict=True)):
            u[k].append(torch.stack([W.transform(G.inverse(h), yi) for h, yi in zip(row, y, strict=True)]))
    u = [torch.stack(each) for each in u]
    a = [((uk - vk) ** 2).sum(-1).mean(0).numpy() for uk, vk in zip(u, v, strict=True)]
    d = [((uk[:, :, None] - vk[None, None]) ** 2).sum(-1).mean(0).numpy() for uk, vk in zip(u, v, strict=True)]
    apart = np.ones((n, n), bool) ^ np.eye(n, dtype=bool) if within else labels[:, None] != labels[None]

    def ratio(a, d, keep):
        both = apart & keep[:, None] & keep[None]
        return a[keep].mean() / d[both].mean()

    everything = np.ones(n, bool)
    total = ratio(sum(a), sum(d), everything)
    if total < 1e-24:
        return 0.0, [], []
    parts = [np.sqrt(ratio(ak, dk, everything)) for ak, dk in zip(a, d, strict=True)]
    left_out = np.arange(n) if every_input else labels
    z = []
    for c in np.unique(left_out):
        keep = left_out != c
        z.append(np.sqrt(keep.mean()) * np.log(ratio(sum(a), sum(d), keep) / total))
    z, count = np.array(z), len(z)
    kurtosis = count * (z**4).sum() / (z**2).sum() ** 2
    freedom = np.clip(1.5 * count / max(kurtosis - 1.5, 1e-9), 1, count - 1)
    half = scipy.stats.t.ppf(0.975, freedom) * np.sqrt((z**2).sum())
    interval = np.sqrt(total * np.exp([-half, half]))
    return np.sqrt(total), parts, interval


def test_the_meter_is_its_definition():
    ran = 0
    for seed in range(CASES):
        case = drawn(seed)
        report = measured(case)
        error, parts, interval = by_definition(case)
        if error == 0:  # the drawn representations were trivial
            assert report.is_at_floor
            continue
        assert report.error == pytest.approx(error, rel=1e-9), seed
        assert report.interval == pytest.approx(interval, rel=1e-9), seed
        assert [part.error for part in report.parts] == pytest.approx(parts if len(parts) > 1 else [], rel=1e-9), seed
        ran += 1
    assert ran >= 34


@pytest.mark.parametrize(
    ("mistake", "where"),
    [
        ({"within": True}, lambda case: case[5] is not None),
        ({"every_input": True}, lambda case: case[5] is not None),
    ],
    ids=["pairs of one cluster", "every input by itself"],
)
def test_a_mistake_in_the_definition_is_noticed(mistake, where):
    noticed = ran = 0
    for seed in itertools.islice((s for s in range(CASES) if where(drawn(s))), 8):
        case = drawn(seed)
        report = measured(case)
        error, _, interval = by_definition(case, **mistake)
        ran += 1
        noticed += not (
            report.error == pytest.approx(error, rel=1e-9) and report.interval == pytest.approx(interval, rel=1e-9)
        )
    assert ran == 8 and noticed >= ran - 1
