"""Where a file of the results should be there lies a link, a pipe or a folder: refused, and nothing is touched."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import folders
import pytest

from equilayers.errors import BadInput, ResultsError
from equilayers.experiments import files
from equilayers.experiments.files import Appender, as_folder, open_plain, replace_files
from equilayers.experiments.records import RecordFile, read_records
from equilayers.experiments.report import publish, write_report
from equilayers.experiments.schema import RecordSchema
from equilayers.experiments.summary import Summary

PLAN = folders.vectors()
SETTINGS = folders.settings_of(PLAN)
NAMES = (
    "plan.json", "plan.json.new", "records.jsonl", "records.torn", "summary.json", "report.html", "lock",
    f"summary.json.{os.getpid()}", f"report.html.{os.getpid()}", "records.jsonl.0123456789abcdef.draft",
)  # fmt: skip


def _socket(path: Path) -> None:
    made = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        made.bind(path.name)
    finally:
        os.chdir(here)
        made.close()


def _link(to: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(path.parent.parent / to)


TRAPS: dict[str, Callable[[Path], None]] = {
    "a link to a file": _link("precious"),
    "a link to nothing": _link("not yet there"),
    "a link to a folder": _link("precious folder"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a hard link": lambda path: path.hardlink_to(path.parent.parent / "precious"),
    "a pipe": lambda path: os.mkfifo(path),
    "a socket": _socket,
    "a folder": lambda path: path.mkdir(),
}
ACTIONS: dict[str, Callable[[Path], object]] = {
    "bench": lambda folder: RecordFile(folder, SETTINGS, RecordSchema(PLAN)),
    "report": publish,
    "write": lambda folder: write_report(folder, Summary("digits", 0, None, None, 0, 0), {}),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A whole results folder, beside files of somebody who must not lose them."""
    (tmp_path / "precious").write_bytes(b"years of work\n")
    (tmp_path / "precious folder").mkdir()
    yield folders.write(tmp_path / "results", PLAN)
    assert (tmp_path / "precious").read_bytes() == b"years of work\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "precious folder", "results"]
    assert not list((tmp_path / "precious folder").iterdir())


@pytest.mark.parametrize("trap", TRAPS)
def test_what_is_no_plain_file_is_refused_whoever_asks(trap: str, folder: Path) -> None:
    ran = 0
    for name in NAMES:
        for action in ACTIONS.values():
            path = folder / name
            old = path.read_bytes() if path.exists() else None
            path.unlink(missing_ok=True)
            TRAPS[trap](path)
            before = folders.snapshot(folder)
            with pytest.raises(ResultsError, match="regular file with one name"):
                action(folder)
            assert folders.snapshot(folder) == before
            path.rmdir() if trap == "a folder" else path.unlink()
            if old is not None:
                path.write_bytes(old)
            ran += 1
    assert ran == 30


@pytest.mark.parametrize("trap", ["a link to a file", "a hard link"])
def test_a_writer_that_does_not_look_is_noticed(trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_demand_plain", lambda *_: None)
    monkeypatch.setattr(files, "NO_TRAPS", 0)
    (tmp_path / "precious").write_bytes(b"")
    folder = folders.write(tmp_path / "results", PLAN, b"")
    (folder / "records.jsonl").unlink()
    TRAPS[trap](folder / "records.jsonl")
    with RecordFile(folder, SETTINGS, RecordSchema(PLAN)) as file:
        file.append(folders.records_of(PLAN)[0])
    assert (tmp_path / "precious").read_bytes()


def test_a_new_folder_with_a_trap_is_refused(tmp_path: Path) -> None:
    """Before a plan is there, a draft of one is all that may be there."""
    for trap in TRAPS.values():
        for name in ("plan.json.new", "plan.json", "lock"):
            folder = tmp_path / "results"
            folder.mkdir()
            (tmp_path / "precious").write_text("mine")
            (tmp_path / "precious folder").mkdir(exist_ok=True)
            trap(folder / name)
            with pytest.raises(ResultsError):
                RecordFile(folder, SETTINGS)
            assert [path.name for path in folder.iterdir()] == [name]
            assert (tmp_path / "precious").read_text() == "mine" and not (tmp_path / "not yet there").exists()
            (folder / name).rmdir() if (folder / name).is_dir() and not (folder / name).is_symlink() else (
                folder / name
            ).unlink()
            folder.rmdir()


def test_what_is_exchanged_after_the_first_look_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The look is deceived, as by somebody who is faster; the opening itself must refuse."""
    (tmp_path / "results").mkdir()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "precious folder").mkdir()
    plain, refused = os.lstat(tmp_path / "precious"), 0
    for name, trap in TRAPS.items():
        path = tmp_path / "results" / name
        trap(path)
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "lstat", lambda path: plain)
            for flags in (os.O_RDONLY, os.O_RDWR | os.O_APPEND | os.O_CREAT):
                with pytest.raises(ResultsError):
                    open_plain(path, flags)
                refused += 1
    assert refused == 16 and not (tmp_path / "not yet there").exists()


def test_a_draft_is_a_new_file_of_a_random_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int]] = []
    real = os.open

    def watched(path: object, flags: int, *more: int) -> int:
        if str(path).endswith(".draft"):
            seen.append((str(path), flags))
        return real(path, flags, *more)  # type: ignore[call-overload]

    monkeypatch.setattr(files.os, "open", watched)
    for _ in range(3):
        publish_again = {"summary.json": b"{}", "report.html": b"<html/>"}
        replace_files(folder, publish_again)
    assert len({path for path, _ in seen}) == 6
    assert all(flags & os.O_EXCL and flags & os.O_CREAT and flags & os.O_NOFOLLOW for _, flags in seen)
    assert not list(folder.glob("*.draft"))


def test_a_guessed_draft_is_neither_followed_nor_removed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda n: "5" * 2 * n)
    trap = folder / f"summary.json.{'5' * 16}.draft"
    trap.symlink_to(folder.parent / "precious")
    with pytest.raises(ResultsError):
        replace_files(folder, {"summary.json": b"{}"})
    assert trap.is_symlink() and not (folder / "summary.json").exists()


def test_the_folder_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    """Which the user gave by name, unlike what lies in it."""
    link = tmp_path / "results" / "elsewhere"
    link.symlink_to(folder)
    RecordFile(link, SETTINGS, RecordSchema(PLAN)).close()
    link.unlink()


@pytest.mark.parametrize("given", [3, None, b"bytes", "a\0b", ["a"], 2.5])
def test_what_is_no_path_is_refused(given: object) -> None:
    for call in (as_folder, read_records, publish, lambda f: RecordFile(f, {})):
        with pytest.raises(BadInput, match="path"):
            call(given)  # type: ignore[operator]


def test_a_file_beyond_any_size_is_not_read(folder: Path) -> None:
    for name in ("records.jsonl", "plan.json"):
        with open(folder / name, "r+b") as file:
            file.truncate(2**40)  # sparse: it takes no room
        with pytest.raises(ResultsError, match="too large"):
            publish(folder)
        with open(folder / name, "r+b") as file:
            file.truncate(0)


def test_what_a_failed_append_could_not_take_back_is_taken_back_by_the_next(tmp_path: Path) -> None:
    file = Appender(tmp_path / "lines")
    file.append(b"one\n")
    os.write(file.descriptor, b"tw")
    file.append(b"three\n")
    file.close()
    assert (tmp_path / "lines").read_bytes() == b"one\nthree\n"
