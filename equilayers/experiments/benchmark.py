"""The main job: built-in against learned equivariance, on equal footing, into a folder."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import equilayers
from equilayers.errors import BadInput
from equilayers.experiments.execution import Progress, execute
from equilayers.experiments.files import as_folder
from equilayers.experiments.plan import make_plan
from equilayers.experiments.pool import usable_cores
from equilayers.experiments.records import RecordFile
from equilayers.experiments.schema import FORMAT, RecordSchema
from equilayers.experiments.tasks import load_task

__all__ = ["default_folder", "run_benchmark"]

WORKER = "equilayers.experiments.runner:Runner"


def default_folder(task: str, quick: bool, controls: str = "roll") -> Path:
    """Where results go unless the caller says otherwise: ``results/<task>[-quick][-all]``."""
    return Path("results") / (task + ("-quick" if quick else "") + ("" if controls == "roll" else f"-{controls}"))


def run_benchmark(
    task: str = "digits",
    quick: bool = False,
    data: str | Path | None = None,
    out: str | Path | None = None,
    controls: str = "roll",
    progress: Callable[[Progress], None] | None = None,
    processes: int | None = None,
) -> Path:
    """Run what the folder still lacks, and return the folder.

    A run that was interrupted or killed continues where it stopped. ``records.jsonl`` gets one line for each run,
    ``plan.json`` says what was planned and with which versions.

    Args:
        task: a name of the catalogue; "mnist-rot" needs ``data``.
        quick: a minute instead of five; its intervals are indicative only.
        data: folder with the images of "mnist-rot".
        out: the folder; :func:`default_folder` if None.
        controls: "roll", or for pictures "all": a second wrong group with its plain twin.
        progress: called with a :class:`Progress` after every record and about twice a second.
        processes: number of worker processes; as many as there are cores if None.

    Raises:
        BadInput: an unknown task or control, missing data.
        ResultsError: a folder with another plan or a damaged one, which is left as it is, or one in use.
    """
    plan = make_plan(task, quick, controls)
    if processes is not None and (type(processes) is not int or processes < 1):
        raise BadInput("At least one process must work.", {"processes": processes}, "Leave it out for one per core.")
    loaded = load_task(task, data)
    settings = {"format": FORMAT, **plan.settings(), "data": loaded.digest(), "versions": _versions()}
    setup = {"task": task, "data": None if data is None else str(as_folder(data).resolve())}
    folder = default_folder(task, quick, controls) if out is None else as_folder(out)
    with RecordFile(folder, settings, RecordSchema(plan)) as file:
        execute(plan, file, WORKER, setup, processes or usable_cores(), progress)
    return folder


def _versions() -> dict[str, Any]:
    return {
        "equilayers": equilayers.__version__,
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "python": platform.python_version(),
    }
