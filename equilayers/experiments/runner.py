"""One run, from a job to its record: a function of nothing but the job and the data."""

from __future__ import annotations

import math
from typing import Any

import torch

from equilayers.experiments.catalogue import Task
from equilayers.experiments.plan import LOOKS, Job
from equilayers.experiments.schema import FORMAT
from equilayers.experiments.seeds import seed_of
from equilayers.experiments.tasks import load_task
from equilayers.experiments.training import train
from equilayers.models import count_parameters

__all__ = ["Runner", "run_job"]

DIVERGED = 1e6  # stands for a loss that is not a number


class Runner:
    """What a worker process holds: the data of one task.

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
    arm, is_trial = task.arms[job.arm], job.kind == "trial"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed_of(job.key, "weights"))
        net = task.build(job.arm)
    test = task.test_set(is_trial)
    look = (lambda: task.glance(net, *test)) if job.kind == "long" else None
    augment = task.augment if arm.augmented else None
    seed = seed_of(job.key, "batches")
    trained = train(net, *task.training_set(job), job.steps, job.rate, seed, augment, LOOKS, look, task.loss)
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
        "flagged": not trained.final_loss <= task.flag_loss,
    }
    record["evaluations"] = task.evaluations(net, *test, arm, counts=not is_trial)
    if job.kind == "run":
        record["equivariance"] = task.measure(net)
    if job.kind == "long":
        record["curve"] = [[step, score] for step, score in trained.curve]
    return record
