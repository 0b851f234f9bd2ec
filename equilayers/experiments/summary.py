"""What a results folder amounts to, as values: levels, paired contrasts, rates, costs, equivariance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.statistics import Interval

__all__ = [
    "AVERAGED",
    "BLIND_TO_TURNS",
    "COLUMNS",
    "CONTRASTS",
    "ENOUGH_SEEDS",
    "ORDER",
    "PICTURES",
    "PRIMARY",
    "Contrast",
    "Cost",
    "Curve",
    "Equivariance",
    "Flag",
    "Level",
    "Rate",
    "Scheme",
    "Summary",
    "rank",
]

ROTATIONS = 4
ENOUGH_SEEDS = 5  # below this, intervals are wide and only indicative

# A column of the results: the training task, and the pictures it is tested on.
COLUMNS = {
    "rotated": ("rotated", "rotated"),
    "upright->rotated": ("upright", "rotated"),
    "upright->upright": ("upright", "upright"),
}
# These train the same function, exactly or in law, whether or not the training pictures were turned: reuse the run.
BLIND_TO_TURNS = ("augmented-P", "augmented-F", "canonicalised", "C4")
AVERAGED = " + TTA"  # after an arm, whose checkpoints are evaluated with averaged outputs
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
class Scheme:
    """Which numbers of a kind of task are summarised and compared.

    Attributes:
        columns: name to the training condition and the evaluation that fill it.
        blind: arms that train the same function under every condition, so that one run serves all columns.
        order: of the arms, in tables and legends.
        contrasts: column, first and second arm; ``primary`` is the one named beforehand.
        scores: an evaluation, and its name, to the score of each test unit; their mean is the level. ValueError where
            it holds none.
        sign: 1 where a larger score is better, -1 where it is an error; a contrast is ``sign * (first - second)``, so
            that a positive one means that the first arm is ahead.
        quantity: what a score is, as ``summary.json`` names it.
        repeats: passes that test-time averaging takes.
        level, units: the fields of an evaluation that hold the level, and the scores of the test units as text.
        bounds: least and greatest level.
    """

    columns: Mapping[str, tuple[str, str]]
    blind: tuple[str, ...]
    order: tuple[str, ...]
    contrasts: tuple[tuple[str, str, str], ...]
    primary: tuple[str, str, str]
    scores: Callable[[Mapping[str, Any], str], np.ndarray]
    sign: int = 1
    quantity: str = "accuracy"
    repeats: int = 1
    level: str = "accuracy"
    units: str = "counts"
    bounds: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Level:
    """Score of an arm, in a column, at one size of the training set: an accuracy, or the logarithm of an error."""

    column: str
    n: int
    arm: str
    score: Interval


@dataclass(frozen=True)
class Contrast:
    """How far ``first`` is ahead of ``second``, paired by seed and test unit."""

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
    """Parameters, multiply-accumulates for one input at test time, and mean seconds of training at the largest size."""

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
    """Test score over the steps of a long run."""

    arm: str
    n: int
    steps: tuple[int, ...]
    scores: tuple[float, ...]


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
        dataset: a name of the catalogue.
        runs: how many runs were read; ``planned`` how many the plan has, None if unknown.
        steps: training steps of the runs, without the long ones.
        seeds, images: training seeds and test units.
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
        order = scheme_of(self.dataset).order
        return tuple(sorted({level.arm for level in self.levels}, key=lambda arm: rank(arm, order)))

    def level(self, column: str, n: int, arm: str) -> Interval | None:
        """The score of that cell, None where no run fills it."""
        return next((x.score for x in self.levels if (x.column, x.n, x.arm) == (column, n, arm)), None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; accuracies and differences are shares, not per cent, errors are decimal logarithms."""
        plain, quantity = asdict(self), scheme_of(self.dataset).quantity
        for row in plain["levels"]:
            row[quantity] = row.pop("score")
        for row in plain["curves"]:
            row["accuracies" if quantity == "accuracy" else "scores"] = row.pop("scores")
        for contrast, row in zip(self.contrasts, plain["contrasts"], strict=True):
            row["verdict"] = contrast.verdict
        return {"format": 1, "indicative": self.indicative, "complete": self.complete, **plain}


def rank(arm: str, order: tuple[str, ...] = ORDER) -> tuple[int, str]:
    """Place of an arm in tables and legends."""
    return (order.index(arm) if arm in order else len(order), arm)


def _turned(evaluation: Mapping[str, Any], test: str) -> np.ndarray:
    """Share of an image's rotations classified right, from one digit for each image."""
    counts = np.frombuffer(evaluation["counts"].encode("ascii"), dtype=np.uint8) - ord("0")
    positions = 1 if test == "upright" else ROTATIONS
    if counts.max(initial=0) > positions:  # below "0" wraps around to more
        raise ValueError(f"a digit that is no number from 0 to {positions}")
    return counts / positions


PICTURES = Scheme(COLUMNS, BLIND_TO_TURNS, ORDER, CONTRASTS, PRIMARY, _turned, repeats=ROTATIONS)
