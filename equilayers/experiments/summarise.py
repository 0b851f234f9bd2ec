"""From the records of single runs to a summary of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from equilayers.errors import ResultsError
from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.statistics import two_way_interval
from equilayers.experiments.summary import (
    AVERAGED,
    Contrast,
    Cost,
    Curve,
    Equivariance,
    Flag,
    Level,
    Rate,
    Scheme,
    Summary,
    rank,
)

__all__ = ["summarise"]

Record = Mapping[str, Any]


def summarise(records: Iterable[Record], dataset: str = "digits", planned: int | None = None) -> Summary:
    """Summarise whatever records there are; cells that no run fills are left out.

    Args:
        records: of one results folder, in any order.
        dataset: the task, a name of the catalogue.
        planned: how many runs the plan has.

    Raises:
        ResultsError: two runs of one cell count different test units.

    Example:
        >>> counts = {"counts": "4420"}
        >>> run = dict(kind="run", task="rotated", arm="C4", n=50, seed=0, steps=400, evaluations={"rotated": counts})
        >>> summarise([run]).level("rotated", 50, "C4").mean
        0.625
    """
    everything = sorted(records, key=_place)  # sums of floats must not depend on which worker finished first
    runs = [r for r in everything if r["kind"] == "run"]
    scheme = scheme_of(dataset)
    cells = _cells(runs, scheme)
    images = {len(scheme.scores(found, name)) for run in runs for name, found in run["evaluations"].items()}
    if len(images) > 1:
        raise ResultsError(
            "Runs of one folder must be tested on the same images or samples.",
            {"numbers of them": sorted(images)},
            "Keep each data set in a folder of its own; give another --out.",
        )
    steps = {r["steps"] for r in runs}
    return Summary(
        dataset=dataset,
        runs=len(runs),
        planned=planned,
        steps=min(steps) if steps else None,
        seeds=len({r["seed"] for r in runs}),
        images=max(images, default=0),
        levels=_levels(cells, scheme),
        contrasts=_contrasts(cells, scheme),
        rates=_rates(everything, scheme),
        costs=_costs(runs, scheme),
        equivariance=_equivariance(runs, scheme),
        curves=_curves(everything, scheme),
        flags=_flags(everything, scheme),
    )


def _place(r: Record) -> tuple[Any, ...]:
    return (r["kind"], r["arm"], r["n"], r["task"], r["seed"], r.get("rate") or 0.0)


Cells = dict[tuple[str, int, str], dict[int, np.ndarray]]  # (column, n, arm) -> seed -> score of each image


def _cells(runs: Sequence[Record], scheme: Scheme) -> Cells:
    cells: Cells = defaultdict(dict)
    usual = scheme.columns[scheme.primary[0]][0]
    for run in runs:
        for column, (training, test) in scheme.columns.items():
            arm = run["arm"]
            if run["task"] != training and not (run["task"] == usual and arm in scheme.blind):
                continue
            for suffix, ending in (("", ""), ("_tta", AVERAGED)):
                evaluation = run["evaluations"].get(test + suffix)
                if evaluation is not None:
                    cells[column, run["n"], arm + ending][run["seed"]] = scheme.scores(evaluation, test)
    return cells


def _levels(cells: Cells, scheme: Scheme) -> tuple[Level, ...]:
    columns = list(scheme.columns)
    order = sorted(cells, key=lambda key: (columns.index(key[0]), rank(key[2], scheme.order), key[1]))
    return tuple(
        Level(column, n, arm, two_way_interval(_stack(cells[column, n, arm], sorted(cells[column, n, arm]))))
        for column, n, arm in order
    )


def _contrasts(cells: Cells, scheme: Scheme) -> tuple[Contrast, ...]:
    found = []
    for column, first, second in scheme.contrasts:
        for n in sorted({key[1] for key in cells}):
            a, b = cells.get((column, n, first), {}), cells.get((column, n, second), {})
            shared = sorted(a.keys() & b.keys())  # a seed that only one arm has finished cannot be paired
            if shared:
                difference = two_way_interval(scheme.sign * (_stack(a, shared) - _stack(b, shared)))
                primary = (column, first, second) == scheme.primary
                found.append(Contrast(column, n, first, second, difference, primary))
    return tuple(found)


def _stack(scores: Mapping[int, np.ndarray], seeds: Sequence[int]) -> np.ndarray:
    return np.stack([scores[seed] for seed in seeds])


def _rates(records: Sequence[Record], scheme: Scheme) -> tuple[Rate, ...]:
    tried: dict[str, set[float]] = defaultdict(set)
    chosen: dict[str, float] = {}
    for r in records:
        if r["kind"] == "trial":
            tried[r["arm"]].add(r["rate"])
        elif r.get("rate") is not None:
            chosen[r["arm"]] = r["rate"]
    return tuple(
        Rate(arm, rate, tuple(sorted(tried[arm])), _edge(rate, tried[arm]))
        for arm, rate in sorted(chosen.items(), key=lambda item: rank(item[0], scheme.order))
    )


def _edge(rate: float, tried: set[float]) -> str:
    if len(tried) < 2:
        return ""
    return "highest" if rate >= max(tried) else "lowest" if rate <= min(tried) else ""


def _costs(runs: Sequence[Record], scheme: Scheme) -> tuple[Cost, ...]:
    by_arm: dict[str, list[Record]] = defaultdict(list)
    for run in runs:
        if run.get("macs") is not None and run.get("parameters") is not None:
            by_arm[run["arm"]].append(run)
    found = []
    for arm, group in by_arm.items():
        largest = max(run["n"] for run in group)
        seconds = [run["seconds"] for run in group if run["n"] == largest and run.get("seconds") is not None]
        mean = float(np.mean(seconds)) if seconds else None
        found.append(Cost(arm, group[0]["parameters"], group[0]["macs"], mean))
        if any(name.endswith("_tta") for run in group for name in run["evaluations"]):
            found.append(Cost(arm + AVERAGED, group[0]["parameters"], scheme.repeats * group[0]["macs"], mean))
    return tuple(sorted(found, key=lambda cost: rank(cost.arm, scheme.order)))


def _equivariance(runs: Sequence[Record], scheme: Scheme) -> tuple[Equivariance, ...]:
    usual = scheme.columns[scheme.primary[0]][0]
    by_cell: dict[tuple[str, int], list[Mapping[str, float | None]]] = defaultdict(list)
    for run in runs:
        if run.get("equivariance") and run["task"] == usual:
            by_cell[run["arm"], run["n"]].append(run["equivariance"])
    found = []
    for (arm, n), reports in sorted(by_cell.items(), key=lambda item: (rank(item[0][0], scheme.order), item[0][1])):
        errors = [r["error"] for r in reports if r["error"] is not None]
        lows = [r["low"] for r in reports if r["low"] is not None]
        highs = [r["high"] for r in reports if r["high"] is not None]
        floors = [r["floor"] for r in reports if r["floor"] is not None]
        mean = float(np.mean(errors)) if errors else None
        low, high, floor = min(lows, default=None), max(highs, default=None), max(floors, default=None)
        found.append(Equivariance(arm, n, mean, low, high, floor, len(errors)))
    return tuple(found)


def _curves(records: Sequence[Record], scheme: Scheme) -> tuple[Curve, ...]:
    curved = [r for r in records if r["kind"] == "long" and r.get("curve")]
    long = sorted(curved, key=lambda r: rank(r["arm"], scheme.order))
    return tuple(
        Curve(r["arm"], r["n"], tuple(int(s) for s, _ in r["curve"]), tuple(float(a) for _, a in r["curve"]))
        for r in long
    )


def _flags(records: Sequence[Record], scheme: Scheme) -> tuple[Flag, ...]:
    flagged = [r for r in records if r["kind"] != "trial" and r.get("flagged")]
    return tuple(
        Flag(r["arm"], r["task"], r["n"], r["seed"], float(r["final_loss"]))
        for r in sorted(flagged, key=lambda r: (rank(r["arm"], scheme.order), r["task"], r["n"], r["seed"]))
    )
