"""One run, from a job to its record: a function of nothing but the job and the images."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from equilayers.experiments.arms import ARMS
from equilayers.experiments.plan import Job
from equilayers.experiments.records import FORMAT
from equilayers.experiments.seeds import seed_of
from equilayers.experiments.tasks import Task, load_task
from equilayers.experiments.training import accuracy, evaluate, train
from equilayers.groups import group
from equilayers.measurement import equivariance_error
from equilayers.models import count_parameters
from equilayers.representations import GridField, trivial

__all__ = ["FLAG_LOSS", "Runner", "run_job"]

FLAG_LOSS = 0.1  # a larger smoothed final loss says that the run has not fitted its training set
DIVERGED = 1e6  # stands for a loss that is not a number
LOOKS = (25, 50, 100, 200, 400, 800, 1200, 1600)
METER_INPUTS = 128


class Runner:
    """What a worker process holds: the images of one task.

    Args:
        setup: ``{"task": name, "data": folder or None}``.
    """

    def __init__(self, setup: dict[str, Any]) -> None:
        torch.set_num_threads(1)
        self.task = load_task(setup["task"], setup.get("data"))

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        """The record of a job, both as plain values."""
        return run_job(Job(**job), self.task)


def run_job(job: Job, task: Task) -> dict[str, Any]:
    """Train and evaluate one network.

    Example:
        >>> job = Job("digits", "run", "rotated", "plain-P", n=50, seed=0, steps=2, rate=0.01)
        >>> record = run_job(job, load_task("digits"))
        >>> record["key"], record["parameters"], len(record["evaluations"]["rotated"]["counts"])
        ('digits/rotated/plain-P/n=50/seed=0/steps=2', 21546, 397)
    """
    assert job.rate is not None
    arm = ARMS[job.arm]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(job.key, "weights"))
        net = arm.build(task).to(memory_format=torch.channels_last)
    is_trial = job.kind == "trial"
    images, labels = task.subset(job.n, job.seed, job.task == "rotated", task.validation if is_trial else None)
    test, test_labels = task.test, task.test_labels
    if is_trial:
        test, test_labels = task.pool[task.validation :], task.pool_labels[task.validation :]
    look = (lambda: accuracy(evaluate(net, test), test_labels)[0]) if job.kind == "long" else None
    trained = train(net, images, labels, job.steps, job.rate, seed_of(job.key, "batches"), arm.augmented, LOOKS, look)
    record = {
        "format": FORMAT,
        "key": job.key,
        "kind": job.kind,
        "task": job.task,
        "arm": job.arm,
        "n": job.n,
        "seed": job.seed,
        "steps": job.steps,
        "rate": job.rate,
        "parameters": count_parameters(net),
        "macs": net.macs,
        "seconds": round(trained.seconds, 3),
        "final_loss": round(min(trained.final_loss, DIVERGED), 5) if math.isfinite(trained.final_loss) else DIVERGED,
        "flagged": not trained.final_loss <= FLAG_LOSS,
    }
    record["evaluations"] = _evaluations(evaluate(net, test), test_labels, arm.averaged, counts=not is_trial)
    if job.kind == "run":
        record["equivariance"] = measure(net, test[:METER_INPUTS])
    if job.kind == "long":
        record["curve"] = [[step, round(share, 5)] for step, share in trained.curve]
    return record


def _evaluations(logits: Tensor, labels: Tensor, averaged: bool, counts: bool) -> dict[str, dict[str, Any]]:
    """All positions, upright only, and all positions by the mean of the four softmax outputs."""
    found = {"rotated": logits, "upright": logits[:1]}
    if averaged:
        found["rotated_tta"] = logits.softmax(-1).mean(0, keepdim=True)
    scores = {}
    for name, outputs in found.items():
        share, digits = accuracy(outputs, labels)
        if name == "rotated_tta":  # the mean over the orbit is the same for all four positions
            digits = digits.replace("1", "4")
        scores[name] = {"accuracy": round(share, 6)} | ({"counts": digits} if counts else {})
    return scores


class _Centred(nn.Module):
    """Logits without their mean, which decides nothing."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        logits = self.net(x)
        return logits - logits.mean(-1, keepdim=True)


def measure(net: nn.Module, images: Tensor) -> dict[str, float | None]:
    """The equivariance error of a trained network under quarter turns of its input, as plain values."""
    rotations = group("C4")
    classes = 10 * trivial(rotations)
    report = equivariance_error(_Centred(net), GridField(trivial(rotations)), classes, images)
    low, high = report.interval or (None, None)
    values = {"error": report.error, "low": low, "high": high, "floor": report.floor}
    return {name: None if value is None else float(f"{value:.6g}") for name, value in values.items()}
