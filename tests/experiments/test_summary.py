"""Summaries against direct counts, and the laws of pairing, sharing and leaving out."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from equilayers.errors import ResultsError
from equilayers.experiments.statistics import two_way_interval
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import BLIND_TO_TURNS, COLUMNS, CONTRASTS, PRIMARY, Summary

Records = list[dict[str, Any]]


@pytest.fixture
def records(invented: Callable[..., Records]) -> Records:
    return invented()


@pytest.fixture
def summary(records: Records) -> Summary:
    return summarise(records)


def _accuracy(records: Records, arm: str, n: int, task: str, evaluation: str) -> float:
    found = [r for r in records if (r["kind"], r["arm"], r["n"], r["task"]) == ("run", arm, n, task)]
    return float(np.mean([r["evaluations"][evaluation]["accuracy"] for r in found]))


def test_levels_are_the_means_of_the_recorded_accuracies(records: Records, summary: Summary) -> None:
    checked = 0
    for level in summary.levels:
        arm, averaged = level.arm.removesuffix(" + TTA"), level.arm.endswith("+ TTA")
        training, test = COLUMNS[level.column]
        task = "rotated" if arm in BLIND_TO_TURNS else training
        expected = _accuracy(records, arm, level.n, task, test + ("_tta" if averaged else ""))
        assert level.score.mean == pytest.approx(expected, abs=1e-12)
        assert (level.score.seeds, level.score.images) == (5, 97)
        checked += 1
    # 7 arms and 4 with averaging; upright: plain-P and the four arms that turned training does not concern (3 averaged)
    assert checked == 4 * (11 + (5 + 3) + 5)


def test_contrasts_are_paired_by_seed_and_image(records: Records, summary: Summary) -> None:
    def scores(arm: str, n: int) -> np.ndarray:
        runs = [r for r in records if (r["kind"], r["arm"], r["n"], r["task"]) == ("run", arm, n, "rotated")]
        counts = [r["evaluations"]["rotated"]["counts"] for r in sorted(runs, key=lambda r: r["seed"])]
        return np.array([[int(c) for c in text] for text in counts]) / 4

    primary = [c for c in summary.contrasts if c.primary]
    assert [c.n for c in primary] == [50, 150, 450, 1400]
    for contrast in primary:
        assert (contrast.column, contrast.first, contrast.second) == PRIMARY
        assert contrast.difference == two_way_interval(scores("C4", contrast.n) - scores("augmented-F", contrast.n))


def test_about_forty_intervals_stand_in_the_table(summary: Summary) -> None:
    assert len(summary.contrasts) == 4 * (len(CONTRASTS) - 1)  # the second control did not run


def test_the_order_of_records_does_not_matter(records: Records, summary: Summary) -> None:
    shuffled = records.copy()
    random.Random(1).shuffle(shuffled)
    assert summarise(shuffled) == summary


@pytest.mark.parametrize("kept", [0, 1, 30, 60, 150])
def test_a_partial_folder_is_summarised_as_far_as_it_goes(records: Records, kept: int) -> None:
    part = summarise(records[:kept], planned=160)
    assert not part.complete
    assert part.runs == sum(r["kind"] == "run" for r in records[:kept])
    json.dumps(part.to_json(), allow_nan=False)


def test_a_seed_that_only_one_arm_finished_is_left_out_of_the_pair(records: Records) -> None:
    lacking = [r for r in records if not (r["arm"] == "augmented-F" and r["seed"] == 4 and r["kind"] == "run")]
    found = summarise(lacking)
    contrast = next(c for c in found.contrasts if c.primary)
    level = found.level("rotated", contrast.n, "C4")
    assert contrast.difference.seeds == 4 and level is not None and level.seeds == 5


def test_verdicts_follow_the_sign_of_the_interval(summary: Summary) -> None:
    seen = set()
    for c in summary.contrasts:
        low, high = c.difference.low, c.difference.high
        assert low is not None and high is not None
        assert c.verdict == ("ahead" if low > 0 else "behind" if high < 0 else "undecided")
        seen.add(c.verdict)
    assert seen == {"ahead", "behind", "undecided"}


def test_one_seed_gives_no_verdict(invented: Callable[..., Records]) -> None:
    found = summarise(invented(seeds=1))
    assert {c.verdict for c in found.contrasts} == {"no interval"} and found.indicative


def test_rates_say_which_end_of_the_grid_won(summary: Summary, invented: Callable[..., Records]) -> None:
    rates = {rate.arm: rate for rate in summary.rates}
    assert (rates["C4"].edge, rates["plain-P"].edge) == ("highest", "")
    assert rates["C4"].tried == (0.003, 0.01, 0.03)
    assert all(rate.edge == "" and rate.tried == () for rate in summarise(invented(tuned=False)).rates)


def test_costs_and_flags_and_curves(summary: Summary) -> None:
    costs = {cost.arm: cost for cost in summary.costs}
    assert costs["plain-P + TTA"].macs == 4 * costs["plain-P"].macs
    assert costs["plain-P + TTA"].parameters == costs["plain-P"].parameters
    assert [(f.arm, f.n, f.seed) for f in summary.flags] == [("wrong group", 1400, 1)]
    assert len(summary.curves) == 7 and all(curve.steps[-1] == 1600 for curve in summary.curves)


def test_an_equivariance_error_comes_with_its_floor_and_undefined_stays_undefined(records: Records) -> None:
    cells = {(e.arm, e.n): e for e in summarise(records).equivariance}
    one = cells["C4", 50]
    assert one.error == pytest.approx(1e-7) and one.floor == 2e-7 and one.seeds == 5
    for r in records:
        if r["arm"] == "C4" and r["kind"] == "run":
            r["equivariance"] = {"error": None, "low": None, "high": None, "floor": None}
    found = next(e for e in summarise(records).equivariance if e.arm == "C4")
    assert (found.error, found.low, found.high, found.floor, found.seeds) == (None, None, None, None, 0)


def test_different_test_sets_in_one_folder_are_refused(invented: Callable[..., Records]) -> None:
    with pytest.raises(ResultsError, match="same images"):
        summarise(invented(images=40) + invented(images=41))
