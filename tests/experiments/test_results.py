"""What the committed results say, against the pilot that fixed the plan."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from equilayers.experiments.catalogue import TASK_NAMES
from equilayers.experiments.plan import make_plan
from equilayers.experiments.records import read_records
from equilayers.experiments.report import publish
from equilayers.experiments.summarise import summarise

FOLDER = Path(__file__).parents[2] / "benchmarks" / "results" / "digits"
PILOT = {  # task rotated, accuracy over the orbit in %, five seeds, 400 steps, tuned rates
    50: (45, 45, 66, 68, 53, 68, 67, 41),
    150: (70, 69, 83, 83, 80, 81, 84, 63),
    450: (82, 83, 90, 91, 87, 91, 90, 78),
    1400: (90, 90, 93, 94, 93, 95, 94, 87),
}
TOLERANCE = {50: 8.0, 150: 5.0, 450: 3.0, 1400: 2.5}
COLUMNS = (
    "plain-P", "plain-F", "augmented-P", "augmented-F", "plain-P + TTA", "canonicalised", "C4", "wrong group",
)  # fmt: skip


@pytest.fixture(scope="module")
def records():
    found, notes = read_records(FOLDER)
    assert not notes
    return found


@pytest.fixture(scope="module")
def summary(records):
    return summarise(records.values())


def test_the_folder_is_whole(records):
    kinds = defaultdict(set)
    for r in records.values():
        kinds[r["kind"]].add((r["arm"], r["task"], r["n"], r["seed"]))
    assert (len(kinds["run"]), len(kinds["long"])) == (160, 7) and len(records) == 209
    assert {seed for *_, seed in kinds["run"]} == set(range(5))


@pytest.mark.parametrize("n", PILOT)
@pytest.mark.parametrize("arm", COLUMNS)
def test_accuracies_are_those_of_the_pilot(summary, arm, n):
    expected = PILOT[n][COLUMNS.index(arm)]
    assert abs(100 * summary.level("rotated", n, arm).mean - expected) <= TOLERANCE[n]


@pytest.mark.parametrize("n", PILOT)
@pytest.mark.parametrize("other", ["plain-P", "plain-F", "wrong group"])
def test_built_in_beats_plain_and_the_wrong_group(summary, other, n):
    assert summary.level("rotated", n, "C4").mean > summary.level("rotated", n, other).mean


def test_built_in_symmetry_is_exact_and_learned_symmetry_is_not(records):
    for r in records.values():
        if r["kind"] == "run" and r["task"] == "rotated":
            error = r["equivariance"]["error"]
            assert error < 1e-5 if r["arm"] in ("C4", "canonicalised") else error > 0.02, r["key"]


def test_costs_are_equal_where_the_comparison_says_so(records):
    costs = {r["arm"]: (r["parameters"], r["macs"]) for r in records.values()}
    assert costs["C4"] == costs["wrong group"] == (21274, 1263776)
    assert costs["plain-P"] == costs["augmented-P"] == (21546, 320832)
    assert costs["plain-F"] == costs["augmented-F"] == (85066, 1264256)


def test_every_interval_is_finite(summary):
    for level in summary.levels:
        assert 0 <= level.score.low <= level.score.mean <= level.score.high <= 1.02
    assert summary.contrasts


QUICK = sorted((FOLDER.parent / "quick").iterdir())
EXACT = ("built-in", "canonicalised", "scalars", "ODE built-in", "HNN built-in", "HNN scalars")
LEARNED = ("plain-P", "plain-F", "augmented-P", "augmented-F", "wrong group")


def test_every_generated_task_has_a_quick_run():
    assert {folder.name for folder in QUICK} == set(TASK_NAMES) - {"digits", "mnist-rot"}


REPORTED = [pytest.param(f, id=f.name, marks=() if f.name == "inertia" else pytest.mark.slow) for f in QUICK]


@pytest.mark.parametrize("folder", REPORTED)
def test_stored_quick_results_report_as_they_are_stored(folder, tmp_path):
    for name in ("plan.json", "records.jsonl"):
        shutil.copy(folder / name, tmp_path)
    found, path = publish(tmp_path)
    assert (tmp_path / "summary.json").read_bytes() == (folder / "summary.json").read_bytes()
    assert path.is_file() and found.complete


@pytest.mark.parametrize("folder", QUICK, ids=lambda folder: folder.name)
def test_stored_quick_scores_are_the_means_of_their_records(folder):
    records, notes = read_records(folder)
    stored = summarise(records.values(), folder.name)
    scores = defaultdict(list)
    for r in records.values():
        scores[r["arm"], r["n"]].append(r["evaluations"]["test"]["score"])
    plan = make_plan(folder.name, quick=True)
    assert not notes and set(scores) == {(arm, n) for arm in plan.arms for n in plan.sizes}
    for (arm, n), found in scores.items():
        assert abs(stored.level("drawn", n, arm).mean - sum(found) / len(found)) < 1e-6


@pytest.mark.parametrize("folder", QUICK, ids=lambda folder: folder.name)
def test_stored_quick_arms_are_exact_where_they_should_be(folder):
    records, _ = read_records(folder)
    for r in records.values():
        error = r["equivariance"]["error"]
        if r["arm"] in EXACT:
            assert error < 1e-5, r["key"]
        elif r["arm"] in LEARNED:
            assert error > 0.01, r["key"]
