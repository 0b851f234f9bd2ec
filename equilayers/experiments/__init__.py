"""The benchmark: tasks, arms, runs, statistics and report. Names load on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equilayers.experiments.benchmark import default_folder, run_benchmark
    from equilayers.experiments.execution import Progress
    from equilayers.experiments.plan import Plan, make_plan
    from equilayers.experiments.records import read_records, read_results
    from equilayers.experiments.tasks import load_task

_HOME_OF = {
    "Plan": "plan",
    "Progress": "execution",
    "default_folder": "benchmark",
    "load_task": "tasks",
    "make_plan": "plan",
    "read_records": "records",
    "read_results": "records",
    "run_benchmark": "benchmark",
}

__all__ = [
    "Plan", "Progress", "default_folder", "load_task", "make_plan", "read_records", "read_results", "run_benchmark",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"equilayers.experiments.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'equilayers.experiments' has no attribute {name!r}")
