"""The regression tasks of EMLP at EMLP's protocol, beside its published errors.

    python benchmarks/emlp_suite.py [--out benchmarks/results/emlp_suite.json] [--only o5] [--seeds 0 1 2]

At most 900 000 sample visits: min(900 000 / N, 1000) epochs in batches of 500; Adam, constant rate 0.003; three hidden
layers; 1000 further inputs choose the checkpoint, 5000 measure it; the geometric mean of three seeds counts. Inputs are
divided by one number per kind of summand, outputs of the invariant tasks brought to mean 0 and deviation 1: neither
breaks the symmetry. A run that the file already holds is not repeated, so an interrupted suite goes on where it was.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, machine, write
from torch import Tensor, nn

import equilayers as eq
from equilayers.experiments.regression import REGRESSIONS, Regression
from equilayers.models import EquivariantMLP, InvariantScalars, count_parameters

OUT = RESULTS / "emlp_suite.json"
WHAT = "Test MSE of EMLP's regression tasks at its protocol; geometric mean of the seeds beside the published figure"
PUBLISHED = {  # test MSE of EMLP, geometric mean of three seeds
    ("o5", 100): 0.041, ("o5", 300): 0.034, ("o5", 1000): 0.017, ("o5", 30000): 0.027,
    ("inertia", 100): 1.39, ("inertia", 1000): 0.128, ("inertia", 30000): 0.014,
    ("lorentz", 100): 0.0086, ("lorentz", 1000): 3.3e-4, ("lorentz", 30000): 1.6e-4,
}  # fmt: skip
WIDTHS = {"EquivariantMLP": 384, "InvariantScalars": 128}
MODELS: dict[str, Any] = {"EquivariantMLP": partial(EquivariantMLP, lengths=True), "InvariantScalars": InvariantScalars}
SEEDS = (0, 1, 2)
VISITS, EPOCHS, BATCH, RATE, DEPTH = 900_000, 1000, 500, 3e-3, 3
VALIDATION, TEST, CHECKPOINTS = 1000, 5000, 100
MEASURED = 256  # test inputs on which the equivariance error is measured


class Scaled(nn.Module):
    """A network between inputs and outputs as they are."""

    scale: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, net: nn.Module, task: Regression, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.net = net
        pieces = x.split([m * atom.dim for m, atom in task.in_rep.terms], -1)
        sizes = [piece.square().mean().sqrt().expand(piece.shape[-1]) for piece in pieces]
        self.register_buffer("scale", torch.cat(sizes))
        self.register_buffer("mean", y.mean() if task.standardised else torch.zeros(()))
        self.register_buffer("deviation", y.std() if task.standardised else torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs in the units of the task."""
        return self.net(x / self.scale) * self.deviation + self.mean


def mse(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """On inputs as they are, in evaluation mode."""
    model.eval()
    with torch.no_grad():
        error = float((model(x) - y).square().mean())
    model.train()
    return error


def train(model: Scaled, train_set: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], seed: int) -> float:
    """Leave the checkpoint of the smallest validation error in ``model``; that error."""
    x, y = train_set[0], (train_set[1] - model.mean) / model.deviation
    x = x / model.scale
    epochs = min(VISITS // len(x), EPOCHS)
    every = max(1, epochs // CHECKPOINTS)
    optimiser, generator = torch.optim.Adam(model.parameters(), RATE), torch.Generator().manual_seed(seed)
    best, kept = math.inf, copy.deepcopy(model.state_dict())
    for epoch in range(1, epochs + 1):
        for rows in torch.randperm(len(x), generator=generator).split(BATCH):
            optimiser.zero_grad()
            loss = (model.net(x[rows]) - y[rows]).square().mean()
            loss.backward()
            optimiser.step()
        if epoch % every == 0:
            error = mse(model, *val)
            if error < best:
                best, kept = error, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return best


def run(name: str, task_name: str, n: int, seed: int) -> dict[str, object]:
    """One record: a network trained on ``n`` samples of a task."""
    task, generator = REGRESSIONS[task_name](), torch.Generator().manual_seed(seed)
    draws = [task.draw(k, generator) for k in (TEST, VALIDATION, n)]  # the same test set for every n
    test, val, train_set = [(x.float(), y.float()) for x, y in draws]
    torch.manual_seed(seed)
    model = Scaled(MODELS[name](task.in_rep, task.out_rep, width=WIDTHS[name], depth=DEPTH), task, *train_set)
    start = time.process_time()
    best = train(model, train_set, val, seed)
    seconds = time.process_time() - start
    report = eq.equivariance_error(model, task.in_rep, task.out_rep, test[0][:MEASURED], generator=seed)
    return {
        "model": name,
        "task": task_name,
        "n": n,
        "seed": seed,
        "width": WIDTHS[name],
        "parameters": count_parameters(model),
        "validation_mse": best,
        "test_mse": mse(model, *test),
        "equivariance_error": report.error,
        "equivariance_floor": report.floor,
        "cpu_s": round(seconds, 1),
        "commit": machine()["commit"],
    }


def cells(runs: list[dict[str, Any]]) -> list[dict[str, object]]:
    """Geometric means beside the published figures, of the cells whose seeds are complete."""
    table: list[dict[str, object]] = []
    for name in MODELS:
        for (task, n), published in PUBLISHED.items():
            found = [r["test_mse"] for r in runs if (r["model"], r["task"], r["n"]) == (name, task, n)]
            if len(found) == len(SEEDS):
                mean = math.exp(sum(map(math.log, found)) / len(found))
                row = {"model": name, "task": task, "n": n, "geometric_mean": mean, "published": published}
                table.append(row | {"within": mean <= published})
    return table


def key(record: dict[str, Any]) -> tuple[str, str, int, int]:
    """What a run is: the network, the task, how much data, the seed."""
    return record["model"], record["task"], record["n"], record["seed"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--only", nargs="*", default=sorted({task for task, _ in PUBLISHED}), help="tasks")
    parser.add_argument("--seeds", nargs="*", type=int, default=SEEDS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    runs = json.loads(options.out.read_text())["results"]["runs"] if options.out.exists() else []
    wanted = [(m, t, n, s) for s in options.seeds for t, n in PUBLISHED if t in options.only for m in MODELS]
    for each in wanted:
        if each in map(key, runs):
            continue
        record = run(*each)
        runs.append(record)
        print(*each, f"test {record['test_mse']:.3g}, validation {record['validation_mse']:.3g}", flush=True)
        write(options.out, WHAT, {"cells": cells(runs), "runs": runs})


if __name__ == "__main__":
    main()
