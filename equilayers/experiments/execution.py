"""Doing what a plan still lacks: workers run, this process alone writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from equilayers.experiments.pool import Pool
from equilayers.experiments.records import RecordFile

__all__ = ["Progress", "execute"]

TICK = 0.5


class _Job(Protocol):
    rate: float | None

    @property
    def key(self) -> str: ...

    @property
    def cost(self) -> float: ...


class _Plan(Protocol):
    def jobs(self, records: Mapping[str, Mapping[str, Any]]) -> list[Any]: ...


@dataclass
class Progress:
    """Where a benchmark stands; handed to the caller after every record and about twice a second.

    Attributes:
        total, done: runs of the whole plan, and how many are recorded.
        elapsed: seconds since this call began.
        remaining: estimated seconds left; None before the first record of this call.
        records: all records so far, by key.
        last: the record that has just come, or None.
        notes: what had to be said, such as a repaired line.
        rates: the learning rate of every arm, None where the trials have not decided.
    """

    total: int
    done: int
    elapsed: float
    remaining: float | None
    records: Mapping[str, Mapping[str, Any]]
    last: Mapping[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    rates: dict[str, float | None] = field(default_factory=dict)


def execute(
    plan: _Plan,
    file: RecordFile,
    target: str,
    setup: dict[str, Any],
    processes: int,
    report: Callable[[Progress], None] | None = None,
) -> None:
    """Run every job of ``plan`` that ``file`` has no record of, in the plan's order.

    Args:
        plan: ``jobs(records)`` lists all jobs, with ``rate`` None where earlier records must decide it.
        file: open for writing; each record is appended as it comes.
        target, setup: of the workers, as :class:`Pool` takes them.
        processes: number of workers.
        report: called with a :class:`Progress`.
    """
    tell = _Teller(plan, file, processes, report)
    jobs = plan.jobs(file.records)
    tell(jobs, None)
    if all(job.key in file.records for job in jobs):
        return
    in_hand: set[str] = set()
    with Pool(target, setup, processes) as pool:
        while True:
            ready = [j for j in jobs if j.rate is not None and j.key not in file.records and j.key not in in_hand]
            while ready and pool.is_free:
                job = ready.pop(0)
                in_hand.add(job.key)
                pool.give(asdict(job))
            if not pool.is_busy:
                return
            record = pool.wait(TICK)
            if record is not None:
                in_hand.discard(record["key"])
                file.append(record)
                jobs = plan.jobs(file.records)
            tell(jobs, record)


class _Teller:
    """Counts, estimates the time left from the speed so far, and calls back."""

    def __init__(
        self, plan: _Plan, file: RecordFile, processes: int, report: Callable[[Progress], None] | None
    ) -> None:
        self.plan, self.file, self.report = plan, file, report
        self.start, self.processes = time.monotonic(), processes
        self.before = set(file.records)

    def __call__(self, jobs: list[Any], last: Mapping[str, Any] | None) -> None:
        if self.report is None:
            return
        elapsed, records = time.monotonic() - self.start, self.file.records
        left = sum(job.cost for job in jobs if job.key not in records)
        gone = sum(job.cost for job in jobs if job.key in records and job.key not in self.before)
        remaining = elapsed * left / gone if gone else (None if left else 0.0)
        rates = {job.arm: job.rate for job in jobs if getattr(job, "kind", "") == "run"}
        done = sum(job.key in records for job in jobs)
        self.report(Progress(len(jobs), done, elapsed, remaining, records, last, list(self.file.notes), rates))
