"""Work that sleeps for milliseconds, and a program that does it into a folder: what the kill tests kill."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MILLISECONDS = 15
JOBS = 160


@dataclass(frozen=True)
class StubJob:
    number: int
    rate: float | None = 1.0

    @property
    def key(self) -> str:
        return f"stub/{self.number}"

    @property
    def cost(self) -> float:
        return 1.0


class StubPlan:
    """The second half of the jobs waits for the first, as runs wait for trials."""

    def __init__(self, count: int = JOBS) -> None:
        self.count = count

    def jobs(self, records: Mapping[str, Any]) -> list[StubJob]:
        known = all(f"stub/{n}" in records for n in range(self.count // 2))
        return [StubJob(n, 1.0 if n < self.count // 2 or known else None) for n in range(self.count)]


class Sleeper:
    """A record that depends on its job alone; it says on disk which process did what."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.log = setup["log"]

    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        print("noise on standard output")
        time.sleep(MILLISECONDS / 1000)
        number = job["number"]
        with open(self.log, "a") as log:
            log.write(f"{os.getpid()} {number}\n")
        return {"format": 1, "key": f"stub/{number}", "value": number * number, "padding": "x" * 3000}


class Broken(Sleeper):
    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("seven is not allowed")


class Deadly(Sleeper):
    def __call__(self, job: dict[str, Any]) -> dict[str, Any]:
        os._exit(9)


if __name__ == "__main__":
    from equilayers.experiments.execution import execute
    from equilayers.experiments.records import RecordFile

    folder, log = sys.argv[1:3]
    with RecordFile(folder, {"stub": True}) as file:
        execute(StubPlan(), file, "stub_work:Sleeper", {"log": log}, 2)
