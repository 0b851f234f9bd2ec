"""How often the meter's 95 % interval contains the error of infinitely many inputs, and what it says of its inputs.

    python benchmarks/meter_coverage.py [--repeats 600] [--out benchmarks/results/meter_coverage.json]

The function is a linear map of four vectors of the plane, so that under quarter turns its error is known exactly for
inputs without a preferred direction, whatever their sizes: the mean over the group of |g^-1 A g - A|^2 / (2 |A|^2). A
second one is a network whose error is that of 60,000 inputs. Every row draws inputs of one kind, measures, and counts.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from common import RESULTS, write
from torch import Tensor, nn

import equilayers as eq

C4 = eq.group("C4")
V = 4 * eq.defining(C4)
FAR = 60_000
Inputs = Callable[[torch.Generator], tuple[Tensor, list[int] | None]]


def linear() -> tuple[nn.Module, float]:
    """A linear map, and its error."""
    torch.manual_seed(0)
    net = nn.Linear(V.dim, V.dim, bias=False).double()
    a = net.weight.detach()
    moved = torch.stack([V(C4.inverse(g)) @ a @ V(g) for g in C4.elements()[1:]])
    return net, float(((moved - a).square().sum((1, 2)).mean() / (2 * a.square().sum())).sqrt())


def network() -> tuple[nn.Module, float]:
    """A network, and its error on many inputs."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(V.dim, 16), nn.Tanh(), nn.Linear(16, V.dim)).double()
    x = torch.randn(FAR, V.dim, dtype=torch.float64)
    error = eq.equivariance_error(net, V, V, x, clusters=range(FAR)).error
    assert error is not None
    return net, error


def normal(n: int, generator: torch.Generator, sigma: float = 0.0) -> Tensor:
    """Vectors without a direction, of log-normal size."""
    size = torch.exp(sigma * torch.randn(n, 1, generator=generator, dtype=torch.float64))
    return size * torch.randn(n, V.dim, generator=generator, dtype=torch.float64)


def independent(n: int, sigma: float) -> Inputs:
    return lambda generator: (normal(n, generator, sigma), None)


def copies(n: int, times: int, noise: float) -> Inputs:
    """Near copies, in any order; nothing is said of them."""

    def draw(generator: torch.Generator) -> tuple[Tensor, None]:
        x = normal(n, generator).repeat(times, 1)
        x = x + noise * torch.randn(x.shape, generator=generator, dtype=torch.float64)
        return x[torch.randperm(len(x), generator=generator)], None

    return draw


def orbits(n: int) -> Inputs:
    """Every image of every input; nothing is said of them."""

    def draw(generator: torch.Generator) -> tuple[Tensor, None]:
        x = normal(n, generator)
        return torch.cat([V.transform(g, x) for g in C4.elements()]), None

    return draw


def clustered(sizes: list[int], sigma: float, within: float) -> Inputs:
    """Clusters that share a part of every input, with their labels."""
    labels = [k for k, size in enumerate(sizes) for _ in range(size)]

    def draw(generator: torch.Generator) -> tuple[Tensor, list[int]]:
        size = torch.exp(sigma * torch.randn(len(sizes), 1, generator=generator, dtype=torch.float64))
        shared, own = normal(len(sizes), generator), normal(len(labels), generator)
        return size[labels] * (shared[labels] + within * own), labels

    return draw


def kinds() -> dict[str, Inputs]:
    found: dict[str, Inputs] = {}
    for sigma in (0.0, 0.4, 1.0, 1.5):
        for n in (20, 32, 64, 128, 397):
            found[f"independent, log-normal sizes of sigma {sigma:g}, {n}"] = independent(n, sigma)
    for n, times in ((8, 16), (24, 4), (64, 2)):
        for noise in (0.0, 0.01, 0.1):
            found[f"{times} near copies of each of {n}, noise {noise:g}"] = copies(n, times, noise)
    for n in (24, 64):
        found[f"whole orbits of {n}"] = orbits(n)
    rng = np.random.default_rng(0)
    sizes = {
        "20 of 4": [4] * 20,
        "20 of 1 to 16": rng.integers(1, 17, 20).tolist(),
        "40 of log-normal sizes": np.maximum(1, np.exp(1 + rng.normal(size=40))).astype(int).tolist(),
        "40, one of which holds a third": [60] + [3] * 39,
        "100 of 1 to 16": rng.integers(1, 17, 100).tolist(),
    }
    for name, each in sizes.items():
        for sigma in (0.0, 1.0):
            found[f"clusters given, {name}, sigma {sigma:g}"] = clustered(each, sigma, 0.5)
    return found


def row(kind: str, draw: Inputs, net: nn.Module, truth: float, repeats: int) -> dict[str, object]:
    """Coverage as the meter is used, and with every input taken for independent."""
    covered, naive, given, half, copies_told, tails_told = 0, 0, 0, [], 0, 0
    clusters, n = [], 0
    for seed in range(repeats):
        generator = torch.Generator().manual_seed(seed)
        x, labels = draw(generator)
        n = len(x)
        report = eq.equivariance_error(net, V, V, x, clusters=labels)
        alone = report if report.clusters == n else eq.equivariance_error(net, V, V, x, clusters=range(n))
        clusters.append(report.clusters)
        copies_told += any("near copies" in note for note in report.notes)
        tails_told += any("heavy tails" in note for note in report.notes)
        if report.interval is not None:
            low, high = report.interval
            given += 1
            covered += low <= truth <= high
            half.append((high / low) ** 0.5 - 1 if low > 0 else float("inf"))
        if alone.interval is not None:
            naive += alone.interval[0] <= truth <= alone.interval[1]
    return {
        "kind": kind,
        "inputs": n,
        "clusters": median(clusters),
        "intervals": given,
        "coverage": round(covered / given, 4) if given else None,
        "coverage, every input by itself": round(naive / repeats, 4),
        "half width": round(median(half), 3) if half else None,
        "near copies told": round(copies_told / repeats, 4),
        "heavy tails told": round(tails_told / repeats, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=600)
    parser.add_argument("--out", type=Path, default=RESULTS / "meter_coverage.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    functions = {"linear": linear(), "network": network()}
    rows = []
    for name, (net, truth) in functions.items():
        for kind, draw in kinds().items():
            if name == "network" and "sigma" in kind and "sigma 0," not in kind:
                continue  # its error depends on the sizes
            if name == "network" and ("noise 0.1" in kind or "clusters given" in kind):
                continue  # and so it does here
            rows.append({"function": name} | row(kind, draw, net, truth, arguments.repeats))
            print(rows[-1], flush=True)
    what = "coverage of nominal 95 % intervals of the equivariance meter, by kind of input"
    write(arguments.out, what, rows, repeats=arguments.repeats, truth={k: t for k, (_, t) in functions.items()})


if __name__ == "__main__":
    main()
