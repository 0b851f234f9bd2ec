"""From records of single runs to what they amount to: levels, paired contrasts, rates, costs, equivariance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from equilayers.errors import ResultsError
from equilayers.experiments.statistics import Interval, two_way_interval

__all__ = [
    "COLUMNS",
    "CONTRASTS",
    "ENOUGH_SEEDS",
    "PRIMARY",
    "Contrast",
    "Cost",
    "Curve",
    "Equivariance",
    "Flag",
    "Level",
    "Rate",
    "Summary",
    "summarise",
]

Record = Mapping[str, Any]

ENOUGH_SEEDS = 5  # below this, intervals are wide and only indicative
ROTATIONS = 4

# A column of the results: the training task, and the pictures it is tested on.
COLUMNS = {
    "rotated": ("rotated", "rotated"),
    "upright->rotated": ("upright", "rotated"),
    "upright->upright": ("upright", "upright"),
}
# These train the same function, exactly or in law, whether or not the training pictures were turned: reuse the run.
BLIND_TO_TURNS = ("augmented-P", "augmented-F", "canonicalised", "C4")
AVERAGED = " + TTA"
ORDER = (
    "plain-P",
    "plain-F",
    "plain-P + TTA",
    "plain-F + TTA",
    "augmented-P",
    "augmented-F",
    "augmented-P + TTA",
    "augmented-F + TTA",
    "canonicalised",
    "C4",
    "wrong group",
    "wrong group, permuted",
    "plain-P, permuted",
)

PRIMARY = ("rotated", "C4", "augmented-F")
CONTRASTS = (
    PRIMARY,
    ("rotated", "C4", "augmented-P"),
    ("rotated", "C4", "canonicalised"),
    ("rotated", "C4", "plain-P + TTA"),
    ("rotated", "C4", "plain-F"),
    ("rotated", "C4", "plain-P"),
    ("rotated", "C4", "wrong group"),
    ("rotated", "wrong group", "plain-F"),
    ("rotated", "wrong group, permuted", "plain-P, permuted"),
    ("upright->rotated", "C4", "plain-P"),
    ("upright->upright", "C4", "plain-P"),
    ("upright->upright", "augmented-P", "plain-P"),
)


@dataclass(frozen=True)
class Level:
    """Accuracy of an arm, in a column, at one size of the training set."""

    column: str
    n: int
    arm: str
    accuracy: Interval


@dataclass(frozen=True)
class Contrast:
    """Accuracy of ``first`` minus that of ``second``, paired by seed and image."""

    column: str
    n: int
    first: str
    second: str
    difference: Interval
    primary: bool

    @property
    def verdict(self) -> str:
        """ "ahead", "behind", "undecided" where the interval includes zero, or "no interval"."""
        return {1: "ahead", -1: "behind", 0: "undecided", None: "no interval"}[self.difference.sign]


@dataclass(frozen=True)
class Rate:
    """The learning rate of an arm; ``edge`` says which end of the tried rates it is, empty inside or untuned."""

    arm: str
    rate: float
    tried: tuple[float, ...]
    edge: str


@dataclass(frozen=True)
class Cost:
    """Parameters, multiply-accumulates for one image at test time, and mean seconds of training at the largest size."""

    arm: str
    parameters: int
    macs: int
    seconds: float | None


@dataclass(frozen=True)
class Equivariance:
    """Mean error over seeds with the outer ends of the seeds' intervals, and the floor of rounding.

    ``error`` is None where every seed's ratio is undefined; ``seeds`` counts those where it is not.
    """

    arm: str
    n: int
    error: float | None
    low: float | None
    high: float | None
    floor: float | None
    seeds: int


@dataclass(frozen=True)
class Curve:
    """Test accuracy over the steps of a long run."""

    arm: str
    n: int
    steps: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Flag:
    """A run that did not fit its training set."""

    arm: str
    task: str
    n: int
    seed: int
    loss: float


@dataclass(frozen=True)
class Summary:
    """What a results folder amounts to.

    Attributes:
        dataset: "digits" or "mnist-rot".
        runs: how many runs were read; ``planned`` how many the plan has, None if unknown.
        steps: training steps of the runs, without the long ones.
        seeds, images: training seeds and test images.
    """

    dataset: str
    runs: int
    planned: int | None
    steps: int | None
    seeds: int
    images: int
    levels: tuple[Level, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    rates: tuple[Rate, ...] = ()
    costs: tuple[Cost, ...] = ()
    equivariance: tuple[Equivariance, ...] = ()
    curves: tuple[Curve, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def indicative(self) -> bool:
        """Too few seeds for intervals to be more than indicative."""
        return self.seeds < ENOUGH_SEEDS

    @property
    def complete(self) -> bool:
        """Every planned run is there."""
        return self.planned is None or self.runs >= self.planned

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the training set."""
        return tuple(sorted({level.n for level in self.levels}))

    @property
    def arms(self) -> tuple[str, ...]:
        """Arms in the order of the tables."""
        return tuple(sorted({level.arm for level in self.levels}, key=rank))

    def level(self, column: str, n: int, arm: str) -> Interval | None:
        """The accuracy of that cell, None where no run fills it."""
        return next((x.accuracy for x in self.levels if (x.column, x.n, x.arm) == (column, n, arm)), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; accuracies and differences are shares, not per cent."""
        plain = asdict(self)
        for contrast, row in zip(self.contrasts, plain["contrasts"], strict=True):
            row["verdict"] = contrast.verdict
        return {"format": 1, "indicative": self.indicative, "complete": self.complete, **plain}


def rank(arm: str) -> tuple[int, str]:
    """Place of an arm in tables and legends."""
    return (ORDER.index(arm) if arm in ORDER else len(ORDER), arm)


def summarise(records: Iterable[Record], dataset: str = "digits", planned: int | None = None) -> Summary:
    """Summarise whatever records there are; cells that no run fills are left out.

    Args:
        records: of one results folder, in any order.
        dataset: what the pictures are.
        planned: how many runs the plan has.

    Raises:
        ResultsError: two runs of one cell count different test images.

    Example:
        >>> counts = {"counts": "4420"}
        >>> run = dict(kind="run", task="rotated", arm="C4", n=50, seed=0, steps=400, evaluations={"rotated": counts})
        >>> summarise([run]).level("rotated", 50, "C4").mean
        0.625
    """
    everything = sorted(records, key=_place)  # sums of floats must not depend on which worker finished first
    runs = [r for r in everything if r["kind"] == "run"]
    cells = _cells(runs)
    images = {len(evaluation["counts"]) for run in runs for evaluation in run["evaluations"].values()}
    if len(images) > 1:
        raise ResultsError(
            "Runs of one folder must be tested on the same images.",
            {"numbers of images": sorted(images)},
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
        levels=_levels(cells),
        contrasts=_contrasts(cells),
        rates=_rates(everything),
        costs=_costs(runs),
        equivariance=_equivariance(runs),
        curves=_curves(everything),
        flags=_flags(everything),
    )


def _place(r: Record) -> tuple[Any, ...]:
    return (r["kind"], r["arm"], r["n"], r["task"], r["seed"], r.get("rate") or 0.0)


Cells = dict[tuple[str, int, str], dict[int, np.ndarray]]  # (column, n, arm) -> seed -> score of each image


def _cells(runs: Sequence[Record]) -> Cells:
    cells: Cells = defaultdict(dict)
    for run in runs:
        for column, (training, test) in COLUMNS.items():
            arm = run["arm"]
            if run["task"] != training and not (run["task"] == "rotated" and arm in BLIND_TO_TURNS):
                continue
            for suffix, ending in (("", ""), ("_tta", AVERAGED)):
                evaluation = run["evaluations"].get(test + suffix)
                if evaluation is not None:
                    scores = _scores(evaluation["counts"], 1 if test == "upright" else ROTATIONS)
                    cells[column, run["n"], arm + ending][run["seed"]] = scores
    return cells


def _scores(counts: str, rotations: int) -> np.ndarray:
    """Share of an image's rotations classified right, from one digit for each image."""
    return (np.frombuffer(counts.encode("ascii"), dtype=np.uint8) - ord("0")) / rotations


def _levels(cells: Cells) -> tuple[Level, ...]:
    columns = list(COLUMNS)
    order = sorted(cells, key=lambda key: (columns.index(key[0]), rank(key[2]), key[1]))
    return tuple(
        Level(column, n, arm, two_way_interval(_stack(cells[column, n, arm], sorted(cells[column, n, arm]))))
        for column, n, arm in order
    )


def _contrasts(cells: Cells) -> tuple[Contrast, ...]:
    found = []
    for column, first, second in CONTRASTS:
        for n in sorted({key[1] for key in cells}):
            a, b = cells.get((column, n, first), {}), cells.get((column, n, second), {})
            shared = sorted(a.keys() & b.keys())  # a seed that only one arm has finished cannot be paired
            if shared:
                difference = two_way_interval(_stack(a, shared) - _stack(b, shared))
                primary = (column, first, second) == PRIMARY
                found.append(Contrast(column, n, first, second, difference, primary))
    return tuple(found)


def _stack(scores: Mapping[int, np.ndarray], seeds: Sequence[int]) -> np.ndarray:
    return np.stack([scores[seed] for seed in seeds])


def _rates(records: Sequence[Record]) -> tuple[Rate, ...]:
    tried: dict[str, set[float]] = defaultdict(set)
    chosen: dict[str, float] = {}
    for r in records:
        if r["kind"] == "trial":
            tried[r["arm"]].add(r["rate"])
        elif r.get("rate") is not None:
            chosen[r["arm"]] = r["rate"]
    return tuple(
        Rate(arm, rate, tuple(sorted(tried[arm])), _edge(rate, tried[arm]))
        for arm, rate in sorted(chosen.items(), key=lambda item: rank(item[0]))
    )


def _edge(rate: float, tried: set[float]) -> str:
    if len(tried) < 2:
        return ""
    return "highest" if rate >= max(tried) else "lowest" if rate <= min(tried) else ""


def _costs(runs: Sequence[Record]) -> tuple[Cost, ...]:
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
        if any("rotated_tta" in run["evaluations"] for run in group):
            found.append(Cost(arm + AVERAGED, group[0]["parameters"], ROTATIONS * group[0]["macs"], mean))
    return tuple(sorted(found, key=lambda cost: rank(cost.arm)))


def _equivariance(runs: Sequence[Record]) -> tuple[Equivariance, ...]:
    by_cell: dict[tuple[str, int], list[Mapping[str, float | None]]] = defaultdict(list)
    for run in runs:
        if run.get("equivariance") and run["task"] == "rotated":
            by_cell[run["arm"], run["n"]].append(run["equivariance"])
    found = []
    for (arm, n), reports in sorted(by_cell.items(), key=lambda item: (rank(item[0][0]), item[0][1])):
        errors = [r["error"] for r in reports if r["error"] is not None]
        lows = [r["low"] for r in reports if r["low"] is not None]
        highs = [r["high"] for r in reports if r["high"] is not None]
        floors = [r["floor"] for r in reports if r["floor"] is not None]
        mean = float(np.mean(errors)) if errors else None
        low, high, floor = min(lows, default=None), max(highs, default=None), max(floors, default=None)
        found.append(Equivariance(arm, n, mean, low, high, floor, len(errors)))
    return tuple(found)


def _curves(records: Sequence[Record]) -> tuple[Curve, ...]:
    long = sorted((r for r in records if r["kind"] == "long" and r.get("curve")), key=lambda r: rank(r["arm"]))
    return tuple(
        Curve(r["arm"], r["n"], tuple(int(s) for s, _ in r["curve"]), tuple(float(a) for _, a in r["curve"]))
        for r in long
    )


def _flags(records: Sequence[Record]) -> tuple[Flag, ...]:
    flagged = [r for r in records if r["kind"] != "trial" and r.get("flagged")]
    return tuple(
        Flag(r["arm"], r["task"], r["n"], r["seed"], float(r["final_loss"]))
        for r in sorted(flagged, key=lambda r: (rank(r["arm"]), r["task"], r["n"], r["seed"]))
    )
