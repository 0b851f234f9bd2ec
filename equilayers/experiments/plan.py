"""What is run: settings, and the jobs that follow from them and from the records so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from equilayers.experiments.catalogue import entry

__all__ = ["LOOKS", "Job", "Plan", "make_plan"]

LOOKS = (25, 50, 100, 200, 400, 800, 1200, 1600)  # after so many steps of a long run its curve has a point


@dataclass(frozen=True)
class Job:
    """One network to train.

    Attributes:
        dataset: a name of the catalogue.
        kind: "trial" of a learning rate, "run", or "long" run.
        task: the condition of the training data: "rotated" or "upright" pictures, "drawn" vectors.
        arm, n, seed, steps: which network, how many samples, which subset and initialisation, how long.
        rate: None until the trials have decided.
    """

    dataset: str
    kind: str
    task: str
    arm: str
    n: int
    seed: int
    steps: int
    rate: float | None = None

    @property
    def key(self) -> str:
        """A unique name; the rate of a run follows from the trials, so only a trial's is part of it.

        Example:
            >>> Job("digits", "run", "rotated", "C4", 1400, 0, 400).key
            'digits/rotated/C4/n=1400/seed=0/steps=400'
        """
        tail = f"{self.arm}/n={self.n}/seed={self.seed}/steps={self.steps}"
        if self.kind == "trial":
            return f"{self.dataset}/trial/{tail}/rate={self.rate}"
        return f"{self.dataset}/{self.task}/{tail}"

    @property
    def cost(self) -> float:
        """About how long it takes, in units of a step of plain-P."""
        return entry(self.dataset).arms[self.arm].cost * self.steps + 100


@dataclass(frozen=True)
class Plan:
    """The whole benchmark, in seed-major order, so that a truncated one is still balanced.

    Attributes:
        dataset, arms, sizes, seeds, steps: every arm on every size with every seed.
        rates: tried for every arm; a single one is used untried.
        trial_n, trial_steps, trial_seeds: size, length and seeds of the trials; these seeds serve for nothing else.
        long_steps: of one more run of every arm on the largest size; 0 for none.
    """

    dataset: str
    arms: tuple[str, ...]
    sizes: tuple[int, ...]
    seeds: tuple[int, ...]
    steps: int
    rates: tuple[float, ...]
    trial_n: int
    trial_steps: int
    trial_seeds: tuple[int, ...]
    long_steps: int

    def settings(self) -> dict[str, Any]:
        """Plain values, as a file holds them."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def trials(self) -> Iterator[Job]:
        """Every rate of every arm."""
        if len(self.rates) < 2:
            return
        condition = entry(self.dataset).condition
        for arm in self.arms:
            for seed in self.trial_seeds:
                for rate in self.rates:
                    yield Job(self.dataset, "trial", condition, arm, self.trial_n, seed, self.trial_steps, rate)

    def rate(self, arm: str, records: Mapping[str, Mapping[str, Any]]) -> float | None:
        """The rate of the best mean score in the trials, the smaller of two equals; None until all are there."""
        if len(self.rates) < 2:
            return self.rates[0]
        score = dict.fromkeys(self.rates, 0.0)
        for job in self.trials():
            if job.arm == arm:
                if job.key not in records:
                    return None
                assert job.rate is not None
                score[job.rate] += entry(self.dataset).trial_score(records[job.key])
        return max(sorted(score), key=lambda rate: round(score[rate], 9))

    def unrated(self) -> Iterator[Job]:
        """Runs and long runs, before their rates are known."""
        arms, condition = entry(self.dataset).arms, entry(self.dataset).condition
        for seed in self.seeds:
            for n in self.sizes:
                for arm in self.arms:
                    yield Job(self.dataset, "run", condition, arm, n, seed, self.steps)
                    if arms[arm].upright:
                        yield Job(self.dataset, "run", "upright", arm, n, seed, self.steps)
        if self.long_steps:
            for arm in sorted(self.arms, key=lambda name: -arms[name].cost):
                yield Job(self.dataset, "long", condition, arm, max(self.sizes), self.seeds[0], self.long_steps)

    def jobs(self, records: Mapping[str, Mapping[str, Any]]) -> list[Job]:
        """All jobs, those whose rate the records do not tell yet with rate None."""
        rates = {arm: self.rate(arm, records) for arm in self.arms}
        return [*self.trials(), *(Job(**{**asdict(job), "rate": rates[job.arm]}) for job in self.unrated())]


def make_plan(task: str = "digits", quick: bool = False, controls: str = "roll") -> Plan:
    """The plan of a task.

    Args:
        task: a name of the catalogue.
        quick: few sizes and seeds, short runs, one rate, nothing long.
        controls: "roll", or for pictures "all": a second wrong group with its plain twin.

    Raises:
        BadInput: unknown controls or task.

    Example:
        >>> plan = make_plan()
        >>> sum(job.kind == "run" for job in plan.jobs({})), len(list(plan.trials()))
        (160, 42)
    """
    known = entry(task)
    return Plan(task, known.arm_names(controls), **vars(known.quick if quick else known.full))
