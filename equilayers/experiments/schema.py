"""What a plan and a record may hold, declared field by field: whatever is read is held to it first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from equilayers.experiments.catalogue import TASK_NAMES, entry
from equilayers.experiments.plan import LOOKS, Job, Plan
from equilayers.experiments.terminal import shown

__all__ = ["FORMAT", "Misfit", "RecordSchema", "parse", "plan_of"]

FORMAT = 1
MOST_JOBS = 10**5
LARGEST = 10**18
Record = Mapping[str, Any]


class Misfit(ValueError):
    """A value that is not what its place asks for.

    Args:
        place: the field, with dots between the names of nested ones.
        found: the value.
        needed: what may stand there.
        key: of the record, where it is not known from elsewhere.
    """

    def __init__(self, place: str, found: object, needed: str, key: str = "") -> None:
        super().__init__(place, found, needed)
        self.key, self.values = key, {"field": place, "found": shown(found), "needed": needed}


def parse(data: bytes) -> Any:
    """JSON as the standard has it: UTF-8, finite numbers, no name twice, no half characters.

    Raises:
        ValueError: anything else.

    Example:
        >>> parse(b'{"n": 50}')
        {'n': 50}
    """
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=_distinct)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


@dataclass(frozen=True)
class Kind:
    """What may stand in a place, in words and as a test."""

    needed: str
    holds: Callable[[Any], bool]


def _whole(low: int, high: int = LARGEST) -> Kind:
    return Kind(f"a whole number from {low} to {high:.0e}", lambda v: type(v) is int and low <= v <= high)


def _number(low: float, high: float) -> Kind:
    return Kind(f"a number from {low:g} to {high:g}", lambda v: type(v) in (int, float) and low <= v <= high)


def _maybe(kind: Kind) -> Kind:
    return Kind(f"null or {kind.needed}", lambda v: v is None or kind.holds(v))


def _some(kind: Kind, least: int = 1) -> Kind:
    """Different values of one kind."""

    def holds(v: Any) -> bool:
        return isinstance(v, list) and len(v) >= least and all(map(kind.holds, v)) and len(set(v)) == len(v)

    return Kind(f"a list of at least {least}, all different, each {kind.needed}", holds)


def _one_of(*values: object) -> Kind:
    return Kind(" or ".join(map(shown, values)), lambda v: any(type(v) is type(w) and v == w for w in values))


TEXT = Kind("text", lambda v: isinstance(v, str))
FLAG = Kind("true or false", lambda v: isinstance(v, bool))
LIST = Kind("a list", lambda v: isinstance(v, list))
OBJECT = Kind("an object", lambda v: isinstance(v, dict))
TEXTS = Kind("an object of texts", lambda v: isinstance(v, dict) and all(isinstance(x, str) for x in v.values()))
COUNT, SEED, RATE = _whole(0, 10**9), _whole(0, 2**63 - 1), _number(1e-30, 1e6)
POSITIVE = _whole(1, 10**9)

PLAN = {
    "dataset": _one_of(*TASK_NAMES),
    "arms": _some(TEXT),
    "sizes": _some(POSITIVE),
    "seeds": _some(SEED),
    "steps": POSITIVE,
    "rates": _some(RATE),
    "trial_n": COUNT,
    "trial_steps": COUNT,
    "trial_seeds": _some(SEED, 0),
    "long_steps": COUNT,
}
ABOUT_A_PLAN = {"format": _one_of(FORMAT), "data": TEXT, "versions": TEXTS}

RECORD = {  # beside what names the job: kind, task, arm, n, seed, steps
    "rate": RATE,
    "parameters": _whole(0),
    "macs": _whole(0),
    "seconds": _number(0, 1e9),
    "final_loss": _number(-1e6, 1e6),
    "flagged": FLAG,
    "evaluations": OBJECT,
}
MORE_OF = {"trial": {}, "run": {"equivariance": OBJECT}, "long": {"curve": LIST}}
EQUIVARIANCE = dict.fromkeys(("error", "low", "high", "floor"), _maybe(_number(0, 1e300)))
NAMED_BY = ("kind", "task", "arm", "n", "seed", "steps")


def _demand(values: Mapping[str, Any], kinds: Mapping[str, Kind], where: str = "") -> None:
    for name, kind in kinds.items():
        if name not in values:
            raise Misfit(where + name, None, f"{kind.needed}; it is missing")
        if not kind.holds(values[name]):
            raise Misfit(where + name, values[name], kind.needed)


def plan_of(settings: Any) -> tuple[Plan, dict[str, str]]:
    """The plan that a results folder was begun with, and the versions of what it was begun with.

    Args:
        settings: the content of its ``plan.json``.

    Raises:
        Misfit: anything else.
    """
    if not isinstance(settings, dict):
        raise Misfit("all of it", settings, "an object")
    _demand(settings, PLAN)
    _demand(settings, {name: kind for name, kind in ABOUT_A_PLAN.items() if name in settings})
    values: dict[str, Any] = {field.name: settings[field.name] for field in fields(Plan)}
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    plan = Plan(**values)
    known = entry(plan.dataset).arms
    for arm in plan.arms:
        if arm not in known:
            raise Misfit("arms", arm, f"arms of {plan.dataset}: {', '.join(known)}")
    jobs = len(plan.arms) * (2 * len(plan.sizes) * len(plan.seeds) + len(plan.trial_seeds) * len(plan.rates) + 1)
    if jobs > MOST_JOBS:
        raise Misfit("arms, sizes, seeds, rates", jobs, f"at most {MOST_JOBS} jobs")
    return plan, dict(settings.get("versions", {}))


class RecordSchema:
    """What the records of one plan look like: each belongs to a job of the plan and holds all that such a job gives.

    Args:
        plan: what is run.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.entry = plan, entry(plan.dataset)
        self.jobs: dict[str, Job] = {job.key: job for job in (*plan.trials(), *plan.unrated())}
        bounds = _number(*self.entry.scheme.bounds)
        self.level = {self.entry.scheme.level: bounds}
        self.score = bounds

    def check(self, record: Record) -> None:
        """One record by itself.

        Raises:
            Misfit: it belongs to no job of the plan, lacks something, or holds something else.
        """
        key = record["key"]
        if key not in self.jobs:
            raise Misfit("key", key, "the key of a job of the plan")
        job = self.jobs[key]
        _demand(record, {name: _one_of(getattr(job, name)) for name in NAMED_BY})
        _demand(record, RECORD | MORE_OF[job.kind])
        rates = self.plan.rates if job.rate is None else (job.rate,)
        _demand(record, {"rate": Kind(f"one of {shown(list(rates))}", lambda v: v in rates)})
        self._check_evaluations(record["evaluations"], job)
        if job.kind == "run":
            _demand(record["equivariance"], EQUIVARIANCE, "equivariance.")
        if job.kind == "long":
            self._check_curve(record["curve"], job)

    def _check_evaluations(self, found: Mapping[str, Any], job: Job) -> None:
        scheme = self.entry.scheme
        names = {test for _, test in scheme.columns.values()}
        if self.entry.arms[job.arm].averaged:
            names.add(f"{scheme.columns[scheme.primary[0]][1]}_tta")
        if set(found) != names:
            raise Misfit("evaluations", sorted(found), f"those of this arm: {', '.join(sorted(names))}")
        _demand(found, dict.fromkeys(names, OBJECT), "evaluations.")
        for name, evaluation in found.items():
            where = f"evaluations.{name}."
            _demand(evaluation, self.level, where)
            if job.kind != "trial":
                _demand(evaluation, {scheme.units: TEXT}, where)
                self._check_scores(evaluation, name, where)

    def _check_scores(self, evaluation: Mapping[str, Any], name: str, where: str) -> None:
        scheme, level = self.entry.scheme, evaluation[self.entry.scheme.level]
        try:
            scores = scheme.scores(evaluation, name)
        except ValueError as error:
            raise Misfit(where + scheme.units, evaluation[scheme.units], f"scores of test units: {error}") from None
        if not len(scores) or not np.isfinite(scores).all() or abs(scores.mean() - level) > 1e-6:
            raise Misfit(where + scheme.level, level, "the mean of the scores of the test units beside it")

    def _check_curve(self, curve: list[Any], job: Job) -> None:
        """A score after each of the steps at which a long run is looked at."""
        steps = [step for step in LOOKS if step <= job.steps]
        if len(curve) != len(steps):
            raise Misfit("curve", f"{len(curve)} points", f"{len(steps)} points")
        for step, point in zip(steps, curve, strict=True):
            pair = isinstance(point, list) and len(point) == 2 and type(point[0]) is int and point[0] == step
            if not pair or not self.score.holds(point[1]):
                raise Misfit("curve", point, f"{step} and {self.score.needed}")

    def agree(self, records: Mapping[str, Record]) -> None:
        """All records together, each checked before: one test set, and the rates that the trials decide.

        Raises:
            Misfit: they do not come from one benchmark.
        """
        scheme = self.entry.scheme
        rates = {arm: self.plan.rate(arm, records) for arm in self.plan.arms}
        units = 0
        for key, record in records.items():
            if record["kind"] == "trial":
                continue
            decided = rates[record["arm"]]
            if decided is not None and record["rate"] != decided:
                raise Misfit("rate", record["rate"], f"{decided}, which the trials decide", key)
            for name, evaluation in record["evaluations"].items():
                count = len(scheme.scores(evaluation, name))
                units = units or count
                if count != units:
                    needed = f"{units} test units, as in other records"
                    raise Misfit(f"evaluations.{name}.{scheme.units}", count, needed, key)
