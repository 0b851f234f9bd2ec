"""A full disk, at every single call to the system: an error that says so, no draft left, no record lost, it goes on."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import folders
import pytest

import equilayers
from equilayers.errors import EquilayersError, ResultsError
from equilayers.experiments import files
from equilayers.experiments.pool import Pool
from equilayers.experiments.records import RecordFile, read_results
from equilayers.experiments.report import publish
from equilayers.experiments.schema import RecordSchema

PLAN = folders.vectors()
SETTINGS, SCHEMA = folders.settings_of(PLAN), RecordSchema(PLAN)
RECORDS = folders.records_of(PLAN)
CALLS = ("open", "write", "fsync", "replace", "ftruncate", "listdir")


class Failing:
    """The module ``os``, of which one call fails, and all calls from then on that need room, as a disk stays full.

    Args:
        at: which of the calls, counted from 0; None for none.
        code: of the error.
        part: of what is to be written that is written before the failure.
    """

    def __init__(self, at: int | None, code: int = errno.ENOSPC, part: float = 0.0) -> None:
        self.at, self.code, self.part, self.count, self.failed = at, code, part, 0, ""

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real

        def call(*arguments: Any) -> Any:
            number, self.count = self.count, self.count + 1
            needs_room = name in ("write", "fsync") or (name == "open" and arguments[1] & os.O_CREAT)
            if self.at is None or not (number == self.at or (number > self.at and needs_room)):
                return real(*arguments)
            self.failed = self.failed or name
            if name == "write":
                done = int(self.part * len(arguments[1]))
                if done:
                    real(arguments[0], bytes(arguments[1])[:done])
            raise OSError(self.code, os.strerror(self.code))

        return call


def start(folder: Path) -> list[str]:
    """A new folder and three records; the keys that were promised to be on disk."""
    promised = []
    with RecordFile(folder, SETTINGS, SCHEMA) as file:
        for record in RECORDS[:3]:
            if record["key"] not in file.records:
                file.append(record)
            promised.append(record["key"])
    return promised


def go_on(folder: Path) -> list[str]:
    """A folder with two records and a torn third one, continued."""
    if not folder.exists():
        lines = folders.lines_of(RECORDS[:3])
        folders.write(folder, PLAN, lines[:-40])
    promised = [record["key"] for record in RECORDS[:2]]
    with RecordFile(folder, SETTINGS, SCHEMA) as file:
        for record in RECORDS:
            if record["key"] not in file.records and len(file.records) < 3:
                file.append(record)
                promised.append(record["key"])
    return promised


def finish_line(folder: Path) -> list[str]:
    """A folder whose last line only lacks its end."""
    if not folder.exists():
        folders.write(folder, PLAN, folders.lines_of(RECORDS[:3])[:-1])
    RecordFile(folder, SETTINGS, SCHEMA).close()
    return [record["key"] for record in RECORDS[:3]]


def report(folder: Path) -> list[str]:
    """The report of a folder that has an older one."""
    if not folder.exists():
        folders.write(folder, PLAN, folders.lines_of(RECORDS[:3]))
        for name in ("summary.json", "report.html"):
            (folder / name).write_text("old")
    publish(folder)
    return [record["key"] for record in RECORDS[:3]]


@pytest.fixture(autouse=True)
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    folders.leave_out_plots(monkeypatch)


def law(scenario: Callable[[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let every call of a scenario fail in turn; how many failures there were."""
    watch = Failing(None)
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", watch)
        whole = scenario(tmp_path / "whole")
    wanted = folders.snapshot(tmp_path / "whole")
    failed = 0
    for at in range(watch.count):
        for code, part in ((errno.ENOSPC, 0.5), ((errno.ENOSPC, 0.0), (errno.EDQUOT, 0.9), (errno.EIO, 0.0))[at % 3]):
            folder = tmp_path / f"{at}-{code}-{part}"
            failing, promised = Failing(at, code, part), []
            with monkeypatch.context() as patch:
                patch.setattr(files, "os", failing)
                try:
                    promised = scenario(folder)
                except ResultsError as error:
                    assert os.strerror(code) in str(error) and str(folder) in str(error)
                    failed += 1
            there = folders.snapshot(folder) if folder.exists() else {}
            assert not [name for name in there if name.endswith(".draft")], at
            if there.get("records.jsonl") and "plan.json" in there:
                assert set(promised) <= set(read_results(folder).records)
            if scenario is report and failing.failed != "replace":  # both pages are new, or both old
                assert {there.get("summary.json"), there.get("report.html")} == {b"old"} or promised == whole
            assert scenario(folder) == whole  # there is room again
            after = folders.snapshot(folder)
            if "records.torn" in wanted:  # put aside, at worst twice
                assert after["records.torn"] in (wanted["records.torn"], wanted["records.torn"] * 2)
                after["records.torn"] = wanted["records.torn"]
            assert after == wanted
    return failed


@pytest.mark.parametrize("scenario", [start, go_on, finish_line, report], ids=lambda scenario: scenario.__name__)
def test_whichever_call_fails_nothing_is_lost_and_it_goes_on(
    scenario: Callable[[Path], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert law(scenario, tmp_path, monkeypatch) >= 16


def careless_replace(folder: Path, contents: Any) -> None:
    """Leaves its draft behind where the disk is full."""
    for name, data in contents.items():
        try:
            draft = files.os.open(folder / f"{name}.draft", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with open(draft, "wb"):
                files.os.write(draft, data)
            files.os.replace(folder / f"{name}.draft", folder / name)
        except OSError as error:
            raise files.unwritable(folder / name, error) from error


def careless_append(self: files.Appender, data: bytes) -> None:
    """Leaves half a line behind."""
    try:
        files._write(self.descriptor, data)
    except OSError as error:
        raise files.unwritable(self.path, error) from error


@pytest.mark.parametrize("twin", ["draft", "half a line"])
def test_a_careless_writer_is_noticed(twin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if twin == "draft":
        monkeypatch.setattr("equilayers.experiments.records.replace_files", careless_replace)
    else:
        monkeypatch.setattr(files.Appender, "append", careless_append)
    with pytest.raises(AssertionError):
        law(start, tmp_path, monkeypatch)


def test_a_record_that_could_not_be_written_can_be_appended_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RecordFile(tmp_path, SETTINGS, SCHEMA) as file:
        file.append(RECORDS[0])
        with monkeypatch.context() as patch:
            patch.setattr(files, "os", Failing(1, part=0.5))
            with pytest.raises(ResultsError, match="No space left"):
                file.append(RECORDS[1])
        assert set(file.records) == {RECORDS[0]["key"]}
        file.append(RECORDS[1])
    assert list(read_results(tmp_path).records.values()) == RECORDS[:2]


def test_a_record_that_no_file_can_hold_is_refused_before_it_is_written(tmp_path: Path) -> None:
    key = {"format": 1, "key": "k"}
    with RecordFile(tmp_path, {"task": "none"}) as file:
        for value in (float("nan"), float("inf"), {1, 2}, object(), "\ud800", b"bytes"):
            with pytest.raises(ResultsError, match="no record can hold"):
                file.append({**key, "value": value})
        assert (tmp_path / "records.jsonl").read_bytes() == b""
        file.append(key)


def test_no_room_for_a_workers_messages_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(EquilayersError, match=r"(?s)worker process cannot be started.*No space left"):
        Pool("stub_work:Sleeper", {}, 2)


LIMITED = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import folders
from equilayers.errors import ResultsError
from equilayers.experiments.records import RecordFile, read_results
from equilayers.experiments.schema import RecordSchema

plan, folder = folders.vectors(), Path(sys.argv[1])
records = folders.records_of(plan)
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, resource.RLIM_INFINITY))
try:
    with RecordFile(folder, folders.settings_of(plan), RecordSchema(plan)) as file:
        for record in records:
            file.append(record)
except ResultsError as error:
    print(error)
kept = list(read_results(folder).records.values())
assert 0 < len(kept) < len(records) and kept == records[: len(kept)]
assert (folder / "records.jsonl").read_bytes().endswith(b"}\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
with RecordFile(folder, folders.settings_of(plan), RecordSchema(plan)) as file:
    for record in records[len(kept):]:
        file.append(record)
assert list(read_results(folder).records.values()) == records
"""


@pytest.mark.slow
def test_a_real_limit_on_the_size_of_files(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(equilayers.__file__).parents[1])}
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "results"), here]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "cannot be written" in done.stdout and "File too large" in done.stdout
