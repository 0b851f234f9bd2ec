"""The arithmetic of the meter: its sums, its interval, and how often the interval covers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import torch

from equilayers.measurement.meter import sums
from equilayers.measurement.meter.clusters import Clusters
from equilayers.measurement.meter.interval import heavy_share, jackknife_interval, student_quantile
from equilayers.measurement.meter.sums import PairSums


def pairs(u, v, labels=None):
    """``(elements, inputs, dim), (inputs, dim)``, streamed in two parts."""
    n = len(v)
    clusters = Clusters.alone(n) if labels is None else Clusters.given(labels, n)
    found = PairSums(torch.from_numpy(v), clusters)
    for uj in u:
        for part in (slice(0, n // 2), slice(n // 2, n)):
            found.add(part, uj[part])
    return found.own(), found.shuffled(), clusters


@pytest.mark.parametrize("labels", [None, [0, 0, 1, 2, 2, 2, 3, 4, 5], np.arange(9)[::-1], list("abacadaea")])
@pytest.mark.parametrize("entries", [2**20, 8])
def test_the_sums_equal_the_definition(labels, entries, monkeypatch):
    monkeypatch.setattr(sums, "ENTRIES", entries)
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(3, 9, 4)), rng.normal(size=(9, 4)) + 5
    a, b, _ = pairs(u, v, labels)
    labels = range(9) if labels is None else labels
    for i in range(9):
        assert a[i] == pytest.approx(np.mean([((u[j, i] - v[i]) ** 2).sum() for j in range(3)]))
        others = [
            (((u[j, i] - v[k]) ** 2).sum() + ((u[j, k] - v[i]) ** 2).sum()) / 2
            for j in range(3)
            for k in range(9)
            if labels[k] != labels[i]
        ]
        assert b[i] == pytest.approx(np.mean(others))


def interval_by_hand(a, d, labels):
    """Leave out a cluster, its inputs and all pairs with them, and compute again."""
    labels = np.asarray(labels)
    apart = labels[:, None] != labels[None]

    def ratio(keep):
        return a[keep].mean() / d[apart & keep[:, None] & keep[None]].mean()

    whole = ratio(labels == labels)
    z = np.array([np.sqrt((labels != c).mean()) * np.log(ratio(labels != c) / whole) for c in np.unique(labels)])
    kurtosis = len(z) * (z**4).sum() / (z**2).sum() ** 2
    freedom = np.clip(1.5 * len(z) / max(kurtosis - 1.5, 1e-9), 1, len(z) - 1)
    half = scipy.stats.t.ppf(0.975, freedom) * np.sqrt((z**2).sum())
    return np.sqrt(whole * np.exp([-half, half]))


@pytest.mark.parametrize("labels", [range(12), [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 7]])
def test_the_jackknife_leaves_out_whole_clusters(labels):
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, 12, 3)), rng.normal(size=(12, 3))
    a, b, clusters = pairs(u, v, list(labels))
    d = ((u[:, :, None] - v[None, None]) ** 2).sum(-1).mean(0)
    assert jackknife_interval(a, b, clusters) == pytest.approx(
        interval_by_hand(a, (d + d.T) / 2, list(labels)), rel=1e-10
    )


def test_where_one_cluster_holds_the_whole_error_the_interval_reaches_zero():
    a, b = np.zeros(40), np.full(40, 2.0)
    a[3] = 1.0
    low, high = jackknife_interval(a, b)
    assert low == 0 and np.sqrt(a.mean() / b.mean()) < high < 1


@pytest.mark.parametrize("freedom", [1, 1.3, 2, 2.5, 5, 19, 31, 63, 396, 5000, 1e5])
@pytest.mark.parametrize("probability", [0.6, 0.9, 0.975, 0.995])
def test_student_quantiles(freedom, probability):
    wanted = scipy.stats.t.ppf(probability, freedom)
    assert student_quantile(probability, freedom) == pytest.approx(wanted, rel=1e-9)
    assert student_quantile(probability, np.full((2, 3), freedom)) == pytest.approx(np.full((2, 3), wanted), rel=1e-9)


def test_one_heavy_input_is_told_and_one_large_cluster_is_not():
    alone = Clusters.alone(100)
    light = np.random.default_rng(0).chisquare(5, size=100)
    assert heavy_share(light, alone) == 0
    light[7] = light.sum()
    assert heavy_share(light, alone) == pytest.approx(0.5, abs=0.01)
    assert heavy_share(np.ones(100), Clusters.given([0] * 60 + list(range(1, 41)), 100)) == 0
    assert heavy_share(np.zeros(100), alone) == 0


# How often the interval covers: elements of one input are dependent, and inputs differ in size.
# benchmarks/meter_coverage.py measures this on many more cases; here are a few, with a seed.

REPEATS, ELEMENTS, DIM = 1000, 3, 5
INPUTS, TAILS = (20, 64, 128, 397), {"light": 0.0, "moderate": 0.4, "heavy": 1.5}
TRUTH = np.log(0.5 / 2.5)  # E|u - v|^2 = 0.5 s^2 dim and E|u - v'|^2 = 2.5 s^2 dim, for any law of sizes s


def draw(rng, sigma, inputs):
    """Outputs of inputs of log-normal size, and pulled-back outputs half of whose error the elements share."""
    size = np.exp(sigma * rng.normal(size=(REPEATS, inputs, 1)))
    v = size * rng.normal(size=(REPEATS, inputs, DIM))
    common = rng.normal(size=(REPEATS, 1, inputs, DIM))
    noise = rng.normal(size=(REPEATS, ELEMENTS, inputs, DIM))
    return v[:, None] + 0.5 * size[:, None] * (common + noise), v


def expanded(u, v):
    """The sums of all repeats at once, every input by itself."""
    n = v.shape[-2]
    own, others = v[:, None], v.sum(-2, keepdims=True)[:, None]
    a = ((u - own) ** 2).sum(-1).mean(1)
    uu, vv = (u**2).sum(-1), (own**2).sum(-1)
    to_v = (n - 1) * uu - 2 * (u * (others - own)).sum(-1) + vv.sum(-1, keepdims=True) - vv
    to_u = (n - 1) * vv - 2 * (own * (u.sum(-2, keepdims=True) - u)).sum(-1) + uu.sum(-1, keepdims=True) - uu
    return a, (0.5 * (to_v + to_u) / (n - 1)).mean(1)


def coverage(interval, inputs, sigma, labels=None):
    """Share of 95 % intervals that contain the limit for many inputs; ``labels`` make copies of each."""
    u, v = draw(np.random.default_rng([inputs, int(10 * sigma)]), sigma, inputs)
    if labels is not None:
        u, v = u[:, :, labels], v[:, labels]
    low, high = interval(u, v)
    return np.mean((2 * np.log(low) <= TRUTH) & (2 * np.log(high) >= TRUTH))


def ours(u, v):
    return jackknife_interval(*expanded(u, v))


def test_the_expanded_sums_are_those_of_the_meter():
    u, v = draw(np.random.default_rng(0), 0.4, 20)
    for one, all_of_them in zip(pairs(u[7], v[7]), expanded(u, v), strict=False):
        assert one == pytest.approx(all_of_them[7], rel=1e-10)


def elements_as_samples(u, v):
    """Every element of every input counted as an independent sample."""
    parts = [expanded(u[:, j : j + 1], v) for j in range(ELEMENTS)]
    return jackknife_interval(np.concatenate([a for a, _ in parts], -1), np.concatenate([b for _, b in parts], -1))


def by_jackknife(left_out, a, b):
    n = a.shape[-1]
    spread = sum(((x - x.mean(-1, keepdims=True)) ** 2).sum(-1) for x in left_out)
    half = student_quantile(0.975, n - 1) * np.sqrt((n - 1) / n * spread)
    centre = np.log(a.mean(-1) / b.mean(-1))
    return np.exp((centre - half) / 2), np.exp((centre + half) / 2)


def left_out(a, b, weight):
    n = a.shape[-1]
    without_a = n * a.mean(-1, keepdims=True) - a
    return np.log(without_a), np.log(n * b.mean(-1, keepdims=True) - weight * b)


def unpaired(u, v):
    """Numerator and denominator taken for independent, though one input enters both."""
    a, b = expanded(u, v)
    return by_jackknife(left_out(a, b, 2), a, b)


def each_pair_once(u, v):
    """An input left out of half of the pairs that it belongs to."""
    a, b = expanded(u, v)
    without_a, without_b = left_out(a, b, 1)
    return by_jackknife([without_a - without_b], a, b)


def full_freedom(u, v):
    """As many degrees of freedom as inputs, whatever the tails."""
    a, b = expanded(u, v)
    without_a, without_b = left_out(a, b, 2)
    return by_jackknife([without_a - without_b], a, b)


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("tails", TAILS)
def test_the_interval_covers(inputs, tails):
    assert 0.91 <= coverage(ours, inputs, TAILS[tails]) <= 0.97


def clustered(labels):
    def interval(u, v):
        found = [pairs(uj, vj, labels) for uj, vj in zip(u[:200], v[:200], strict=True)]
        return np.array([jackknife_interval(*each) for each in found]).T

    return interval


@pytest.mark.parametrize("sizes", [[4] * 20, [1 + k % 7 for k in range(20)], [60] + [3] * 39])
def test_the_interval_covers_with_clusters_of_any_size(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    u, v = draw(np.random.default_rng(len(labels)), 0.4, len(sizes))
    low, high = clustered(labels)(u[:, :, labels], v[:, labels])
    assert 0.9 <= np.mean((2 * np.log(low) <= TRUTH) & (2 * np.log(high) >= TRUTH)) <= 0.99


@pytest.mark.parametrize("twin", [elements_as_samples, unpaired, each_pair_once])
def test_broken_intervals_do_not(twin):
    found = [coverage(twin, 64, TAILS[tails]) for tails in ("light", "moderate")]
    assert min(found) < 0.91 or max(found) > 0.97


def test_without_clusters_or_with_full_freedom_the_interval_is_too_short():
    labels = np.repeat(np.arange(20), 4)
    assert coverage(ours, 20, 0.4, labels) < 0.8
    assert coverage(full_freedom, 64, TAILS["heavy"]) < 0.9
