"""A small whole results folder of every kind of task, made of plain values, for the tests of what reads folders."""

from __future__ import annotations

import base64
import json
import os
import stat
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equilayers.experiments import plots
from equilayers.experiments.html import Markup
from equilayers.experiments.plan import Job, Plan, make_plan
from equilayers.experiments.vectors import plots as vectors_plots

AVERAGED = ("plain-P", "plain-F", "augmented-P", "augmented-F")
VERSIONS = {"equilayers": "0.1.0", "torch": "2.13.0"}


def pictures() -> Plan:
    """Trials, runs and long runs of three arms."""
    arms = ("plain-P", "augmented-F", "C4")
    plan = replace(make_plan("digits"), arms=arms, sizes=(50, 150), seeds=(0, 1), rates=(0.003, 0.01))
    return replace(plan, trial_seeds=(1000,))


def vectors() -> Plan:
    """Runs alone."""
    plan = make_plan("inertia", quick=True)
    return replace(plan, arms=("plain-F", "augmented-F", "built-in", "wrong group"), seeds=(0, 1))


def record_of(plan: Plan, job: Job) -> dict[str, Any]:
    """What a run of the job might have given, written out by hand."""
    dice = np.random.default_rng(sum(job.key.encode()))
    record = {
        "format": 1, "key": job.key, "kind": job.kind, "task": job.task, "arm": job.arm, "n": job.n, "seed": job.seed,
        "steps": job.steps, "rate": job.rate or plan.rates[0], "parameters": 21546, "macs": 320832, "seconds": 0.75,
        "final_loss": 0.25, "flagged": job.seed == 1, "evaluations": {},
    }  # fmt: skip
    if plan.dataset == "digits":
        names = {"rotated": 4, "upright": 1} | ({"rotated_tta": 4} if job.arm in AVERAGED else {})
        for name, positions in names.items():
            counts = dice.integers(0, positions + 1, 20)
            found: dict[str, Any] = {"accuracy": round(float(counts.mean()) / positions, 6)}
            found |= {} if job.kind == "trial" else {"counts": "".join(map(str, counts))}
            record["evaluations"][name] = found
        if job.kind == "trial":  # the first rate is the better one
            record["evaluations"]["rotated"]["accuracy"] = 0.75 if job.rate == plan.rates[0] else 0.5
    else:
        units = base64.b64encode(dice.normal(size=20).astype("<f2").tobytes()).decode()
        record["evaluations"]["test"] = {"score": -0.25, "units": units}
    if job.kind == "run":
        record["equivariance"] = {"error": 0.25, "low": 0.2, "high": None, "floor": 1e-7}
    if job.kind == "long":
        record["curve"] = [[s, 0.5 + s / 5000] for s in (25, 50, 100, 200, 400, 800, 1200, 1600)]
    return record


@cache
def _records(plan: Plan) -> str:
    return json.dumps([record_of(plan, job) for job in (*plan.trials(), *plan.unrated())])


def records_of(plan: Plan) -> list[dict[str, Any]]:
    """Of every job, in the plan's order."""
    return json.loads(_records(plan))


def settings_of(plan: Plan) -> dict[str, Any]:
    """What stands in ``plan.json``."""
    return {"format": 1, **plan.settings(), "data": "ce6412837afbcffa", "versions": VERSIONS}


def lines_of(records: list[dict[str, Any]]) -> bytes:
    """As ``records.jsonl`` holds them."""
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def write(folder: Path, plan: Plan, lines: bytes | None = None) -> Path:
    """A results folder with a plan and records."""
    folder.mkdir(parents=True, exist_ok=True)
    put(folder / "plan.json", json.dumps(settings_of(plan)).encode())
    put(folder / "records.jsonl", lines_of(records_of(plan)) if lines is None else lines)
    return folder


def put(path: Path, data: bytes) -> None:
    """Write a file anew; emptying an old one would make the disk wait."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def leave_out_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time of a report, write nothing, and show no text of a folder."""
    for module in (plots, vectors_plots):
        monkeypatch.setattr(module, "draw", lambda *_: Markup("<svg/>"))


def snapshot(folder: Path) -> dict[str, Any]:
    """What lies in a folder, without following or opening anything but regular files."""
    found: dict[str, Any] = {}
    for path in sorted(folder.iterdir()):
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode):
            found[path.name] = path.read_bytes()
        else:
            found[path.name] = os.readlink(path) if stat.S_ISLNK(mode) else stat.S_IFMT(mode)
    return found
