"""Killed at random moments, parent or worker, a benchmark loses no record and doubles none."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from equilayers.errors import EquilayersError, ResultsError
from equilayers.experiments.execution import execute
from equilayers.experiments.records import RecordFile, read_records

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from stub_work import JOBS, StubPlan  # noqa: E402

ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(HERE / "stub_work.py"), str(folder), str(log)]
    return subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, start_new_session=True)


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        return [int(word) for word in path.read_text().split()]
    except OSError:
        return []


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def lines(folder: Path) -> int:
    path = folder / "records.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def kill_while_working(folder: Path, log: Path, dice: random.Random, whom: str) -> None:
    """Let it get some way, then kill the parent or one of its workers in the middle of something."""
    process = start(folder, log)
    goal = lines(folder) + dice.randrange(1, 3)
    wait_for(lambda: lines(folder) >= goal or process.poll() is not None)
    time.sleep(dice.uniform(0, 0.03))
    workers = children(process.pid)
    if whom == "worker" and workers:
        os.kill(dice.choice(workers), signal.SIGKILL)
        before = lines(folder)
        wait_for(lambda: lines(folder) > before or process.poll() is not None)  # it recovers by itself
    assert process.poll() is None, process.stderr.read().decode()  # there was still work to do
    process.kill()
    process.wait()
    process.stderr.close()
    wait_for(lambda: not any(is_alive(pid) for pid in workers), 10)  # the workers die with their parent


def tear_last_line(folder: Path, dice: random.Random) -> None:
    """What a kill in the middle of a write leaves behind."""
    path = folder / "records.jsonl"
    data = path.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(data[: dice.randrange(last + 1, len(data) - 1)])


def suffer(tmp_path: Path, kills: int, seed: int) -> None:
    folder, log, dice = tmp_path / "results", tmp_path / "log", random.Random(seed)
    seen: dict[str, dict] = {}
    for number in range(kills):
        kill_while_working(folder, log, dice, "worker" if number % 3 == 1 else "parent")
        now = read_records(folder)[0]
        assert seen.items() <= now.items()  # nothing that was recorded is lost or changed
        seen = now
        if number % 4 == 2 and len(seen) > 1:
            tear_last_line(folder, dice)
            kept, notes = read_records(folder)
            assert len(kept) == len(seen) - 1 and len(notes) == 1
            seen = kept
    process = start(folder, log)
    assert process.wait(timeout=120) == 0, process.stderr.read().decode()
    process.stderr.close()
    records, notes = read_records(folder)
    assert {key: r["value"] for key, r in records.items()} == {f"stub/{n}": n * n for n in range(JOBS)}
    assert lines(folder) == JOBS and not notes


@pytest.mark.slow
def test_twenty_kills_lose_and_double_nothing(tmp_path):
    suffer(tmp_path, 20, seed=1)


def run_here(tmp_path: Path, target: str, monkeypatch, count: int = 6) -> None:
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    with RecordFile(tmp_path / "results", {}) as file:
        execute(StubPlan(count), file, f"stub_work:{target}", {"log": str(tmp_path / "log")}, 2)


def test_a_job_runs_once_and_a_finished_folder_starts_no_worker(tmp_path, monkeypatch):
    run_here(tmp_path, "Sleeper", monkeypatch)
    done = sorted(int(line.split()[1]) for line in (tmp_path / "log").read_text().splitlines())
    assert done == list(range(6))
    run_here(tmp_path, "Sleeper", monkeypatch)
    assert len((tmp_path / "log").read_text().splitlines()) == 6


def test_a_job_that_raises_is_reported_by_name(tmp_path, monkeypatch):
    with pytest.raises(EquilayersError, match="seven is not allowed"):
        run_here(tmp_path, "Broken", monkeypatch)


def test_a_job_that_kills_its_workers_is_given_up(tmp_path, monkeypatch):
    with pytest.raises(EquilayersError, match="one after another"):
        run_here(tmp_path, "Deadly", monkeypatch, count=1)


def test_two_writers_are_kept_apart(tmp_path):
    folder, log = tmp_path / "results", tmp_path / "log"
    process = start(folder, log)
    wait_for(lambda: lines(folder) >= 1)
    with pytest.raises(ResultsError, match="Another process"):
        RecordFile(folder, {"stub": True})
    assert process.wait(timeout=120) == 0
    process.stderr.close()
    assert lines(folder) == JOBS
