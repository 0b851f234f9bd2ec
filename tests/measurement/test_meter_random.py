"""Random functions: said, or measured by the error of their mean, without what noise adds to it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch
from torch import nn

import equilayers as eq
from equilayers.measurement import equivariance_error

C4 = eq.group("C4")
V, ONE = eq.defining(C4), eq.trivial(C4)
SKEW = torch.tensor([[1.0, 0.4], [0.0, 1.5]], dtype=torch.float64)


def vectors(n=64, seed=0, dtype=torch.float64):
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def noisy(strength, source="torch", f=lambda x: x @ SKEW.to(x.dtype)):
    own = torch.Generator().manual_seed(9)
    numbers = np.random.default_rng(9)
    noise = {
        "torch": torch.randn_like,
        "own generator": lambda x: torch.randn(x.shape, generator=own, dtype=x.dtype),
        "numpy": lambda x: torch.from_numpy(numbers.normal(size=x.shape)).to(x.dtype),
        "coins": lambda x: 2.0 * torch.randint(2, x.shape).to(x.dtype) - 1,
        "one for all": lambda x: torch.randn(1, x.shape[1], dtype=x.dtype).expand_as(x),
    }[source]
    return lambda x: f(x) + strength * noise(f(x))


class Dropped(nn.Module):
    """Random in evaluation too."""

    def __init__(self, rate):
        super().__init__()
        self.rate, self.linear = rate, eq.layers.Linear(4 * V, 2 * V)

    def forward(self, x):
        return self.linear(nn.functional.dropout(x, self.rate, training=True))


SOURCES = ("torch", "own generator", "numpy", "coins", "one for all")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("strength", [1e-3, 0.3, 10.0])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_random_function_is_said_and_by_how_much_it_varies(source, strength, dtype):
    x = vectors(128, dtype=dtype)
    report = equivariance_error(noisy(strength, source), V, V, x)
    assert report.error is None and report.interval is None and report.floor is None
    told = re.match(r"stochastic: two calls on the same inputs differ by ([\d.e+-]+) of the distance", report.undefined)
    signal = 2 * float((x.double() @ SKEW).var(0).sum())
    wanted = np.sqrt(4 * strength**2 / (signal + (0 if source == "one for all" else 4 * strength**2)))
    assert float(told.group(1)) == pytest.approx(wanted, rel=1.0 if source == "one for all" else 0.25)


def test_modules_are_random_only_if_evaluation_is():
    dropout = nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 4))
    assert equivariance_error(dropout, 4 * V, 2 * V).error > 0.3
    for f in (Dropped(0.5), lambda x: dropout(x)):
        assert equivariance_error(f, 4 * V, 2 * V).undefined.startswith("stochastic: two calls")


@pytest.mark.parametrize("noise", [1e-9, 1e-7])
def test_calls_that_differ_by_rounding_are_no_noise(noise):
    """A sum in another order at each call: the difference stands in the floor."""
    count = itertools.count()
    f = lambda x: x * (1 + noise * (next(count) % 2))
    report = equivariance_error(f, V, V, vectors(dtype=torch.float32))
    assert report.is_at_floor and report.error <= 2 * max(noise, report.floor)
    exact = equivariance_error(f, V, V, vectors())
    assert exact.is_at_floor and exact.floor == pytest.approx(noise / np.sqrt(2), rel=0.2)
    assert exact.floor_source == "two calls on the same inputs"


@pytest.mark.parametrize("source", SOURCES[:-1])
@pytest.mark.parametrize("strength", [0.1, 0.5, 2.0])
def test_the_error_of_the_mean_is_that_of_the_function_without_noise(source, strength):
    x = vectors(256)
    wanted = equivariance_error(lambda x: x @ SKEW, V, V, x)
    report = equivariance_error(noisy(strength, source), V, V, x, draws=64)
    assert report.draws == 64 and "calls of a random function" in str(report)
    assert report.error == pytest.approx(wanted.error, rel=0.03 + 0.04 * strength)
    assert report.interval[0] < wanted.error < report.interval[1]
    assert report.scale == pytest.approx(wanted.scale, rel=0.03)
    naive = np.sqrt((wanted.error * wanted.scale) ** 2 + 4 * strength**2 / 64) / np.sqrt(
        wanted.scale**2 + 4 * strength**2 / 64
    )
    if strength == 2.0:  # the noise that is left would count as error
        assert abs(naive - wanted.error) > 2 * abs(report.error - wanted.error)


@pytest.mark.parametrize("draws", [32, 128])
def test_a_function_that_is_equivariant_in_law_stands_at_its_floor(draws):
    x = vectors(128)
    exact = lambda x: x * x.norm(dim=-1, keepdim=True)
    report = equivariance_error(noisy(0.3, f=exact), V, V, x, draws=draws)
    assert report.is_at_floor and report.error < 0.6 * report.floor < 0.05
    assert "noise that is left in a mean" in report.floor_source
    strength = 0.3 * np.sqrt(4 / draws) / report.scale
    assert report.floor == pytest.approx(strength, rel=0.05)


def test_a_function_that_is_invariant_in_law_and_in_no_call():
    """Of a vector turned at random: far from invariant at any call, invariant in law."""

    def turned(x):
        turns = V(C4.elements()[torch.randint(4, (len(x),))])
        return f((turns @ x[..., None])[..., 0])

    f = lambda x: torch.cat([x[:, :1].exp(), x.norm(dim=-1, keepdim=True)], 1)
    once = equivariance_error(f, V, 2 * ONE, vectors())
    report = equivariance_error(turned, V, 2 * ONE, vectors(), draws=200)
    assert once.error > 0.5 and report.error < 0.25 and report.error < 3 * report.floor
    assert equivariance_error(turned, V, 2 * ONE, vectors()).error is None


def test_noise_that_depends_on_the_input_is_taken_out_input_by_input():
    f = lambda x: x @ SKEW + 0.5 * x.norm(dim=-1, keepdim=True) * torch.randn_like(x)
    wanted = equivariance_error(lambda x: x @ SKEW, V, V, vectors(256)).error
    assert equivariance_error(f, V, V, vectors(256), draws=64).error == pytest.approx(wanted, rel=0.05)


def test_too_few_draws_are_said():
    report = equivariance_error(noisy(20.0), V, V, vectors(), draws=2)
    assert report.error is None
    assert re.search("noise alone gives .* take more draws|do not differ beyond the noise", report.undefined)


def test_draws_of_a_function_that_is_not_random_change_nothing():
    x = vectors()
    one, many = (equivariance_error(torch.tanh, V, V, x, draws=draws) for draws in (1, 16))
    assert one.error == many.error and one.interval == many.interval and one.floor == many.floor and many.draws == 1


def test_several_random_outputs():
    f = lambda x, y: (x + 0.3 * torch.randn_like(x), {"y": (y @ SKEW) * (1 + 0.3 * torch.randn_like(y[:, :1]))})
    report = equivariance_error(f, (V, V), (V, {"y": V}), (vectors(256), vectors(256, 1)), draws=64)
    wanted = equivariance_error(lambda x: x @ SKEW, V, V, vectors(256, 1)).error
    first, second = report.parts
    assert first.error < 2 * first.floor < 0.15 and second.error == pytest.approx(wanted, rel=0.05)


def test_an_action_that_interpolates_is_no_smaller_a_floor_under_noise():
    pictures = eq.GridField(eq.trivial(eq.group("SO(2)")))
    f = lambda x: x.flatten(1)[:, :5] + 0.1 * torch.randn(len(x), 5, dtype=x.dtype)
    still = 5 * eq.trivial(eq.group("SO(2)"))
    report = equivariance_error(f, pictures, still, n=32, samples=2, draws=8)
    assert not report.is_at_floor and (report.error is None or report.floor > 0.1)


def test_the_interval_of_a_mean_covers():
    """The error of the function without noise, in nine of ten small measurements."""
    far = vectors(20_000, seed=77)
    truth = equivariance_error(lambda x: x @ SKEW, V, V, far, clusters=range(20_000)).error
    found = [
        equivariance_error(noisy(0.5), V, V, vectors(40, seed), draws=16, generator=seed, clusters=range(40)).interval
        for seed in range(60)
    ]
    assert 52 <= sum(low <= truth <= high for low, high in found) <= 60
