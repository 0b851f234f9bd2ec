"""Records as a benchmark would write them, drawn from a simple model, for the tests of what reads them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for modules that tests here share

Records = list[dict[str, Any]]

ARMS = {  # parameters, multiply-accumulates, accuracy at the smallest size, equivariance error
    "plain-P": (21546, 320832, 0.45, 0.6),
    "plain-F": (85066, 1264256, 0.45, 0.6),
    "augmented-P": (21546, 320832, 0.66, 0.3),
    "augmented-F": (85066, 1264256, 0.68, 0.28),
    "canonicalised": (21703, 335040, 0.68, 4e-7),
    "C4": (21274, 1263776, 0.67, 1e-7),
    "wrong group": (21274, 1263776, 0.41, 0.7),
}


def _counts(rng: np.random.Generator, difficulty: np.ndarray, accuracy: float, rotations: int) -> str:
    logit = np.log(accuracy / (1 - accuracy)) * 1.5 + 0.1 * rng.standard_normal() + difficulty
    right = rng.binomial(rotations, 1 / (1 + np.exp(-logit - 0.5 * rng.standard_normal(len(difficulty)))))
    return "".join(str(k) for k in right)


def _evaluation(counts: str, rotations: int) -> dict[str, Any]:
    return {"accuracy": sum(int(c) for c in counts) / (rotations * len(counts)), "counts": counts}


def _record(kind: str, arm: str, n: int, seed: int, rng: np.random.Generator, **more: Any) -> dict[str, Any]:
    parameters, macs, _, _ = ARMS[arm]
    task = more.pop("task", "rotated")
    steps = 1600 if kind == "long" else 400
    record: dict[str, Any] = {
        "format": 1,
        "kind": kind,
        "task": task,
        "arm": arm,
        "n": n,
        "seed": seed,
        "steps": steps,
        "rate": 0.01,
    }
    record |= {"key": f"{kind}/{task}/{arm}/{n}/{seed}/{more.get('rate')}", "parameters": parameters, "macs": macs}
    record |= {
        "seconds": macs / 8e5 * (1 + 0.1 * rng.random()),
        "final_loss": 0.01,
        "flagged": False,
        "evaluations": {},
    }
    return {**record, **more}


def make_records(
    sizes: Sequence[int] = (50, 150, 450, 1400), seeds: int = 5, images: int = 97, tuned: bool = True, long: bool = True
) -> Records:
    """Records of a whole benchmark on invented accuracies."""
    rng = np.random.default_rng(3)
    difficulty = 1.5 * rng.standard_normal(images)
    records: Records = []
    for arm, (_, _, start, _) in ARMS.items():
        for rate in (0.003, 0.01, 0.03) if tuned else ():
            validation = {"rotated": {"accuracy": 0.8, "counts": "4" * 4}}
            records.append(_record("trial", arm, 200, 100, rng, rate=rate, evaluations=validation))
        if long:
            curve = [[s, 0.95 - (0.95 - start) * float(np.exp(-s / 200))] for s in (50, 100, 200, 400, 800, 1600)]
            records.append(_record("long", arm, 1400, 0, rng, curve=curve))
    for seed in range(seeds):
        for i, n in enumerate(sizes):
            for arm in ARMS:
                records.append(_run(arm, n, i, seed, difficulty, "rotated", rng))
            records.append(_run("plain-P", n, i, seed, difficulty, "upright", rng))
    return records


def _run(
    arm: str, n: int, i: int, seed: int, difficulty: np.ndarray, task: str, rng: np.random.Generator
) -> dict[str, Any]:
    _, _, start, error = ARMS[arm]
    accuracy = 0.95 - (0.95 - start) * 0.45**i
    evaluations = {
        "rotated": _evaluation(_counts(rng, difficulty, accuracy * (0.5 if task == "upright" else 1), 4), 4),
        "upright": _evaluation(_counts(rng, difficulty, accuracy, 1), 1),
    }
    if arm.startswith(("plain", "augmented")):
        evaluations["rotated_tta"] = _evaluation(_counts(rng, difficulty, min(0.96, accuracy + 0.04), 4), 4)
    if error > 1e-3:
        error *= 0.8**i * float(np.exp(0.05 * rng.standard_normal()))
    equivariance = {"error": error, "low": 0.93 * error, "high": 1.07 * error, "floor": 2e-7}
    return _record(
        "run", arm, n, seed, rng, task=task, rate=0.03 if arm == "C4" else 0.01, evaluations=evaluations,
        equivariance=equivariance, flagged=arm == "wrong group" and n == 1400 and seed == 1, final_loss=0.2,
    )  # fmt: skip


@pytest.fixture(scope="session")
def invented() -> Callable[..., Records]:
    """The generator of records, as :func:`make_records`."""
    return make_records
