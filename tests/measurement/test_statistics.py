"""The arithmetic of the meter: its sums, its interval, and how often the interval covers."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from equilayers.measurement.statistics import jackknife_interval, shuffled_pairs, student_quantile


def test_the_sums_equal_the_definition():
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(3, 9, 4)), rng.normal(size=(9, 4)) + 5
    a, b = shuffled_pairs(u, v)
    for i in range(9):
        assert a[i] == pytest.approx(np.mean([((u[j, i] - v[i]) ** 2).sum() for j in range(3)]))
        pairs = [
            (((u[j, i] - v[k]) ** 2).sum() + ((u[j, k] - v[i]) ** 2).sum()) / 2
            for j in range(3)
            for k in range(9)
            if k != i
        ]
        assert b[i] == pytest.approx(np.mean(pairs))


def test_the_jackknife_leaves_out_whole_inputs():
    rng = np.random.default_rng(1)
    u, v = rng.normal(size=(2, 12, 3)), rng.normal(size=(12, 3))
    a, b = shuffled_pairs(u, v)
    logs = []
    for i in range(12):
        rest = np.delete(np.arange(12), i)
        left_a, left_b = shuffled_pairs(u[:, rest], v[rest])
        logs.append(np.log(left_a.mean() / left_b.mean()))
    logs = np.array(logs)
    half = student_quantile(0.975, 11) * np.sqrt(11 / 12 * ((logs - logs.mean()) ** 2).sum())
    low, high = jackknife_interval(a, b)
    centre = np.log(a.mean() / b.mean())
    assert low == pytest.approx(np.exp((centre - half) / 2), rel=1e-10)
    assert high == pytest.approx(np.exp((centre + half) / 2), rel=1e-10)


@pytest.mark.parametrize("freedom", [31, 63, 396, 5000])
def test_student_quantiles(freedom):
    assert student_quantile(0.975, freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), abs=1e-6)


# How often the interval covers: elements of one input are dependent, and inputs differ in size

INPUTS, TAILS, REPEATS, ELEMENTS = (64, 128, 397), ("light", "moderate"), 1000, 3


def draw(rng, tails, *shape, dim=5):
    size = np.exp(0.4 * rng.normal(size=(*shape, 1))) if tails == "moderate" else np.ones((*shape, 1))
    v = size * rng.normal(size=(*shape, dim))
    common = rng.normal(size=(*shape, dim))
    noise = rng.normal(size=(shape[0], ELEMENTS, *shape[1:], dim))
    return v[:, None] + 0.5 * size[:, None] * (common[:, None] + noise), v


def coverage(interval, inputs, tails):
    """Share of 95 % intervals that contain the limit for many inputs."""
    rng = np.random.default_rng([inputs, len(tails)])
    a, b = shuffled_pairs(*draw(rng, tails, 4, 50_000))
    truth = np.sqrt(a.mean() / b.mean())
    low, high = interval(*draw(rng, tails, REPEATS, inputs))
    return np.mean((low <= truth) & (truth <= high))


def ours(u, v):
    return jackknife_interval(*shuffled_pairs(u, v))


def elements_as_samples(u, v):
    """Every element of every input counted as an independent sample."""
    parts = [shuffled_pairs(u[:, j : j + 1], v) for j in range(ELEMENTS)]
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
    a, b = shuffled_pairs(u, v)
    return by_jackknife(left_out(a, b, 2), a, b)


def each_pair_once(u, v):
    """An input left out of half of the pairs that it belongs to."""
    a, b = shuffled_pairs(u, v)
    without_a, without_b = left_out(a, b, 1)
    return by_jackknife([without_a - without_b], a, b)


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("tails", TAILS)
def test_the_interval_covers(inputs, tails):
    assert 0.91 <= coverage(ours, inputs, tails) <= 0.97


@pytest.mark.parametrize("twin", [elements_as_samples, unpaired, each_pair_once])
def test_broken_intervals_do_not(twin):
    found = [coverage(twin, INPUTS[0], tails) for tails in TAILS]
    assert min(found) < 0.91 or max(found) > 0.97
