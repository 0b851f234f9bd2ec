"""What a results folder amounts to, as values: levels, paired contrasts, rates, costs, equivariance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from equilayers.experiments.statistics import Interval

__all__ = [
    "AVERAGED",
    "BLIND_TO_TURNS",
    "COLUMNS",
    "CONTRASTS",
    "ENOUGH_SEEDS",
    "ORDER",
    "PRIMARY",
    "Contrast",
    "Cost",
    "Curve",
    "Equivariance",
    "Flag",
    "Level",
    "Rate",
    "Summary",
    "rank",
]

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
