"""The interval covers the truth in simulations whose truth is known; intervals that forget a factor do not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from equilayers.errors import BadInput
from equilayers.experiments.statistics import Interval, two_way_interval

# seeds, images, deviation over seeds, over images, of the residual
SETTINGS = {
    "levels, five seeds": (5, 200, 0.012, 0.25, 0.2),
    "levels, four seeds": (4, 200, 0.012, 0.25, 0.2),
    "seeds dominate": (5, 200, 0.04, 0.1, 0.2),
    "images dominate": (5, 100, 0.001, 0.3, 0.2),
    "residual dominates": (5, 150, 0.0, 0.02, 0.4),
    "three seeds": (3, 200, 0.01, 0.2, 0.2),
}


def _draws(setting: tuple[int, int, float, float, float], repeats: int, rng: np.random.Generator) -> np.ndarray:
    s, n, seed, image, residual = setting
    return (
        seed * rng.standard_normal((repeats, s, 1))
        + image * rng.standard_normal((repeats, 1, n))
        + residual * rng.standard_normal((repeats, s, n))
    )


def _coverage(intervals: list[tuple[float, float]], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in intervals]))


def _ends(interval: Interval) -> tuple[float, float]:
    assert interval.low is not None and interval.high is not None
    return interval.low, interval.high


def _seeds_only(d: np.ndarray) -> tuple[float, float]:
    rows = d.mean(1)
    half = stats.t.ppf(0.975, len(rows) - 1) * rows.std(ddof=1) / np.sqrt(len(rows))
    return d.mean() - half, d.mean() + half


def _images_only(d: np.ndarray) -> tuple[float, float]:
    columns = d.mean(0)
    half = 1.96 * columns.std(ddof=1) / np.sqrt(len(columns))
    return d.mean() - half, d.mean() + half


@pytest.mark.parametrize("name", SETTINGS)
def test_it_covers_a_known_truth(name: str, rng: np.random.Generator) -> None:
    draws = _draws(SETTINGS[name], 800, rng)
    covered = _coverage([_ends(two_way_interval(d)) for d in draws], 0.0)
    assert 0.93 <= covered <= 0.995  # 800 repeats: standard error 0.8 points


def test_a_broken_twin_that_forgets_a_factor_is_noticed(rng: np.random.Generator) -> None:
    images = _draws(SETTINGS["images dominate"], 400, rng)
    seeds = _draws(SETTINGS["seeds dominate"], 400, rng)
    assert _coverage([_seeds_only(d) for d in images], 0.0) < 0.85
    assert _coverage([_images_only(d) for d in seeds], 0.0) < 0.85


def _right(rng: np.random.Generator, shift: float, difficulty: np.ndarray, seeds: int) -> np.ndarray:
    """Shares of four rotations classified right: a logistic model with crossed effects."""
    logit = (
        shift + 0.2 * rng.standard_normal((seeds, 1)) + difficulty + 0.8 * rng.standard_normal((seeds, len(difficulty)))
    )
    return rng.binomial(4, 1 / (1 + np.exp(-logit))) / 4


def test_it_covers_paired_differences_of_counts(rng: np.random.Generator) -> None:
    """Binomial counts, images of very different difficulty, two networks on the same images."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    variance = 0.2**2 + 0.8**2 + 2.0**2  # a sum of normal effects is one normal effect
    level = []
    for shift in (2.0, 1.6):
        chances = 1 / (1 + np.exp(-shift - np.sqrt(variance) * nodes))
        level.append(float(weights @ chances / weights.sum()))
    levels, differences = [], []
    for _ in range(600):
        difficulty = 2.0 * rng.standard_normal(150)
        first, second = _right(rng, 2.0, difficulty, 5), _right(rng, 1.6, difficulty, 5)
        levels.append(_ends(two_way_interval(first)))
        differences.append(_ends(two_way_interval(first - second)))
    assert 0.93 <= _coverage(levels, level[0]) <= 0.99
    assert 0.93 <= _coverage(differences, level[0] - level[1]) <= 0.99


def test_pairing_narrows_a_difference(rng: np.random.Generator) -> None:
    difficulty = 2.0 * rng.standard_normal(300)
    first, second = _right(rng, 2.0, difficulty, 5), _right(rng, 1.6, difficulty, 5)
    paired = two_way_interval(first - second).half_width
    unpaired = two_way_interval(first - second[:, rng.permutation(300)]).half_width
    assert paired is not None and unpaired is not None and paired < unpaired


def test_it_is_the_written_formula() -> None:
    """By hand on two seeds and two images: t(.975, 1) = 12.7062."""
    d = np.array([[0.0, 1.0], [1.0, 1.0]])
    v_seed, v_image, v_residual = 0.125, 0.125, 0.25
    half = np.sqrt(12.706204736**2 * v_seed / 2 + 1.959963985**2 * max(0.0, v_image / 2 - v_residual / 4))
    assert two_way_interval(d).half_width == pytest.approx(half, abs=1e-9)


def test_permuting_seeds_or_images_and_shifting_change_nothing(rng: np.random.Generator) -> None:
    d = rng.random((5, 40))
    a, b = two_way_interval(d), two_way_interval(d[rng.permutation(5)][:, rng.permutation(40)] + 3)
    assert a.half_width == pytest.approx(b.half_width, abs=1e-12) and a.mean + 3 == pytest.approx(b.mean, abs=1e-12)
    assert two_way_interval(-d).half_width == pytest.approx(a.half_width, abs=1e-12)


@pytest.mark.parametrize(
    ("low", "high", "sign"), [(0.1, 0.3, 1), (-0.3, -0.1, -1), (-0.1, 0.1, 0), (0.0, 0.2, 0), (None, None, None)]
)
def test_the_sign_is_zero_where_the_interval_includes_zero(
    low: float | None, high: float | None, sign: int | None
) -> None:
    assert Interval(0.0, low, high, 5, 10).sign == sign


def test_one_seed_gives_a_mean_and_no_interval() -> None:
    found = two_way_interval([[1.0, 0.0]])
    assert (found.mean, found.low, found.high, found.half_width) == (0.5, None, None, None)


@pytest.mark.parametrize("bad", [[], [1.0, 2.0], [[np.nan, 1.0], [1.0, 1.0]], np.zeros((0, 3)), np.zeros((2, 2, 2))])
def test_other_arrays_are_refused(bad: object) -> None:
    with pytest.raises(BadInput, match="every seed and image"):
        two_way_interval(bad)  # type: ignore[arg-type]
