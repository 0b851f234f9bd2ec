"""A results folder: one line for each run, appended, never rewritten."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from equilayers.errors import ResultsError

__all__ = ["FORMAT", "RecordFile", "read_records"]

FORMAT = 1
RECORDS, PLAN, LOCK, TORN = "records.jsonl", "plan.json", "lock", "records.torn"
KEEP = "The folder is left as it is: give another --out, or move it away."

Record = dict[str, Any]


def read_records(folder: str | Path) -> tuple[dict[str, Record], list[str]]:
    """The records of a folder by key, and what had to be said while reading: a torn last line is left out.

    Raises:
        ResultsError: a line that is no record, or two records of one key.
    """
    path = Path(folder) / RECORDS
    try:
        data = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise ResultsError("The records cannot be read.", {"file": path, "reason": error}, KEEP) from error
    records, torn = _parse(data, path)
    notes = [f"the last line of {path} was torn ({len(torn)} bytes): that run is done again"] if torn else []
    return records, notes


def _parse(data: bytes, path: Path) -> tuple[dict[str, Record], bytes]:
    """The records, and the bytes of an unfinished last line."""
    records: dict[str, Record] = {}
    lines = data.split(b"\n")
    torn = lines.pop()
    if torn and _is_record(torn):  # only the newline is missing; no beginning of a record is a record
        lines.append(torn)
        torn = b""
    for number, line in enumerate(lines, 1):
        record = _record(line)
        if record is None:
            raise ResultsError(
                "A line of the records is damaged.",
                {"file": path, "line": number, "begins": line[:60].decode("utf-8", "replace")},
                KEEP,
            )
        if record["key"] in records:
            raise ResultsError("Two records have one key.", {"file": path, "line": number, "key": record["key"]}, KEEP)
        records[record["key"]] = record
    return records, torn


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    good = isinstance(record, dict) and record.get("format") == FORMAT and isinstance(record.get("key"), str)
    return record if good else None


def _is_record(line: bytes) -> bool:
    return _record(line) is not None


class RecordFile:
    """A folder open for writing by this process alone.

    The plan is written once, before the first record, and compared on every later opening. A record is one line,
    appended and forced to disk. A torn last line, left by a process that was killed, moves to ``records.torn``.

    Args:
        folder: made if it does not exist.
        settings: what the records depend on.

    Raises:
        ResultsError: another process writes here; the folder holds another plan, or no plan but other files; a file is
            damaged. Nothing is overwritten.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RecordFile(folder, {"task": "none"}) as file:
        ...         file.append({"format": 1, "key": "a"})
        ...     list(read_records(folder)[0])
        ['a']
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any]) -> None:
        self.folder = Path(folder)
        self.notes: list[str] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
            self._lock = _locked(self.folder / LOCK)
        except OSError as error:
            raise ResultsError(
                "The results folder cannot be written.", {"folder": self.folder, "reason": error}, "Give another --out."
            ) from error
        try:
            self._agree_on_plan(dict(settings))
            self.records = self._repaired()
            self._file: IO[bytes] = open(self.folder / RECORDS, "ab")  # noqa: SIM115  (kept open until close)
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder free."""
        self._file.close()
        self._lock.close()

    def append(self, record: Record) -> None:
        """Add a record of a new key, on disk when this returns."""
        if record["key"] in self.records:
            raise ResultsError("This run is recorded already.", {"key": record["key"], "folder": self.folder}, KEEP)
        self._file.write(json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.records[record["key"]] = record

    def _refuse_foreign(self) -> None:
        names = {path.name for path in self.folder.iterdir()} - {LOCK, f"{PLAN}.new"}
        if names and PLAN not in names:
            raise ResultsError(
                "The folder is not empty and holds no plan, so it is not a results folder.",
                {"folder": self.folder, "holds": ", ".join(sorted(names)[:5])},
                KEEP,
            )

    def _agree_on_plan(self, settings: dict[str, Any]) -> None:
        path = self.folder / PLAN
        if not path.exists():
            new = self.folder / f"{PLAN}.new"
            new.write_text(json.dumps(settings, indent=1) + "\n")
            os.replace(new, path)
            return
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ResultsError("The plan cannot be read.", {"file": path, "reason": error}, KEEP) from error
        wanted = json.loads(json.dumps(settings))
        if found != wanted:
            names = sorted(set(found) | set(wanted)) if isinstance(found, dict) else []
            differing = [name for name in names if found.get(name) != wanted.get(name)]
            values = {f"{name} there, here": f"{found.get(name)}, {wanted.get(name)}" for name in differing[:4]}
            raise ResultsError("The folder holds results of another plan.", {"folder": self.folder, **values}, KEEP)

    def _repaired(self) -> dict[str, Record]:
        """The records; an unfinished last line is moved aside, a missing newline added."""
        path = self.folder / RECORDS
        if not path.exists():
            return {}
        data = path.read_bytes()
        records, torn = _parse(data, path)
        if torn:
            with open(self.folder / TORN, "ab") as aside:
                aside.write(torn + b"\n")
            os.truncate(path, len(data) - len(torn))
            self.notes.append(f"the last line was torn ({len(torn)} bytes, kept in {TORN}): that run is done again")
        elif data and not data.endswith(b"\n"):
            with open(path, "ab") as file:
                file.write(b"\n")
        return records


def _locked(path: Path) -> IO[bytes]:
    """The file, locked; the system releases it when this process ends, however it ends."""
    file = open(path, "ab")  # noqa: SIM115
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise ResultsError(
            "Another process is writing to this folder.",
            {"folder": path.parent},
            "Wait for it, or give another --out.",
        ) from error
    return file
