"""A results folder: one line for each run, appended, never rewritten."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from equilayers.errors import ResultsError
from equilayers.experiments.files import KEEP, Appender, as_folder, read_plain, replace_files, survey, unwritable
from equilayers.experiments.plan import Plan
from equilayers.experiments.schema import FORMAT, Misfit, RecordSchema, parse, plan_of
from equilayers.experiments.terminal import shown

__all__ = ["REPORT", "SUMMARY", "RecordFile", "Results", "read_records", "read_results", "write_pages"]

RECORDS, PLAN, LOCK, TORN = "records.jsonl", "plan.json", "lock", "records.torn"
SUMMARY, REPORT = "summary.json", "report.html"
OURS = frozenset({RECORDS, PLAN, LOCK, TORN, SUMMARY, REPORT})
BEFORE_A_PLAN = f"{PLAN}."  # what a kill before the first record may leave: a draft of the plan
PLAN_LIMIT, RECORDS_LIMIT = 2**20, 2**28  # bytes

Record = dict[str, Any]


class Schema(Protocol):
    """What records are held to; both raise :class:`Misfit`."""

    def check(self, record: Mapping[str, Any]) -> None:
        """One record by itself."""

    def agree(self, records: Mapping[str, Mapping[str, Any]]) -> None:
        """All together, each checked before."""


def read_records(folder: str | Path, schema: Schema | None = None) -> tuple[dict[str, Record], list[str]]:
    """The records of a folder by key, and what had to be said while reading: a torn last line is left out.

    Args:
        folder: a results folder.
        schema: what the records must be beside lines of JSON with a format and a key; nothing more if None.

    Raises:
        ResultsError: a line that is no record or does not fit ``schema``, two records of one key, a file that cannot be
            read or is no plain file. Nothing is changed.
    """
    path = as_folder(folder) / RECORDS
    records, torn = _parsed(read_plain(path, RECORDS_LIMIT) or b"", path, schema)
    notes = [f"the last line of {path} was torn ({len(torn)} bytes): that run is done again"] if torn else []
    return records, notes


def _parsed(data: bytes, path: Path, schema: Schema | None) -> tuple[dict[str, Record], bytes]:
    """The records, and the bytes of an unfinished last line."""
    records: dict[str, Record] = {}
    lines = data.split(b"\n")
    torn = lines.pop()
    if torn and _is_whole(torn):  # only the newline is missing; no beginning of a record is JSON
        lines.append(torn)
        torn = b""
    for number, line in enumerate(lines, 1):
        record = _record(line, path, number)
        key = record["key"]
        if key in records:
            values = {"file": path, "line": number, "key": shown(key)}
            raise ResultsError("Two records have one key.", values, KEEP)
        records[key] = record
    if schema is not None:
        _fit(records, path, schema)
    return records, torn


def _is_whole(line: bytes) -> bool:
    try:
        parse(line)
    except ValueError:
        return False
    return True


def _record(line: bytes, path: Path, number: int) -> Record:
    where = {"file": path, "line": number}
    try:
        record = parse(line)
    except ValueError as error:
        begins = shown(line[:60].decode("utf-8", "replace"))
        values = {**where, "begins": begins, "reason": error}
        raise ResultsError("A line of the records is damaged.", values, KEEP) from error
    if not isinstance(record, dict) or not isinstance(record.get("key"), str):
        raise ResultsError("A line of the records is no record.", {**where, "found": shown(record)}, KEEP)
    if type(record.get("format")) is not int or record["format"] != FORMAT:
        values = {**where, "format": shown(record.get("format")), "read here": FORMAT}
        raise ResultsError("A record has another format.", values, KEEP)
    return record


def _fit(records: Mapping[str, Record], path: Path, schema: Schema) -> None:
    """Each line in turn, then all of them."""
    line = 0
    try:
        for line, record in enumerate(records.values(), 1):  # noqa: B007  (the last one is the one that does not fit)
            schema.check(record)
        schema.agree(records)
    except Misfit as misfit:
        line = list(records).index(misfit.key) + 1 if misfit.key else line
        values = {"file": path, "line": line, **misfit.values}
        raise ResultsError("A record does not fit the plan of its folder.", values, KEEP) from misfit


@dataclass(frozen=True)
class Results:
    """What a results folder holds, read and checked.

    Attributes:
        plan: what the folder was begun for.
        versions: of the packages it was begun with.
        records: by key.
    """

    plan: Plan
    versions: Mapping[str, str]
    records: Mapping[str, Record]


def read_results(folder: str | Path) -> Results:
    """The plan and the records of a folder, whole or partial.

    Raises:
        ResultsError: no plan, a damaged one or one of another format; records that do not fit it, as
            :func:`read_records`. Nothing is changed.
    """
    place = as_folder(folder)
    survey(place, OURS)
    try:
        plan, versions = plan_of(_settings(place))
    except Misfit as misfit:
        values = {"file": place / PLAN, **misfit.values}
        raise ResultsError("The plan of a results folder is none.", values, KEEP) from misfit
    records, _ = read_records(place, RecordSchema(plan))
    return Results(plan, versions, records)


def _settings(folder: Path) -> Any:
    """The content of the plan."""
    path = folder / PLAN
    data = read_plain(path, PLAN_LIMIT)
    if data is None:
        raise ResultsError("The folder holds no plan, so it is not a results folder.", {"folder": folder}, KEEP)
    try:
        return parse(data)
    except ValueError as error:
        raise ResultsError("The plan cannot be read.", {"file": path, "reason": error}, KEEP) from error


def write_pages(folder: Path, summary: str, report: str) -> None:
    """Write ``summary.json`` and ``report.html`` into a results folder, each whole.

    Raises:
        ResultsError: they cannot be written; the old ones are still there.
    """
    survey(folder, OURS)
    texts = {SUMMARY: summary, REPORT: report}
    # a half character, which UTF-8 has not, is written as JSON escapes it
    replace_files(folder, {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()})


class RecordFile:
    """A folder open for writing by this process alone.

    The plan is written once, before the first record, and compared on every later opening. A record is one line,
    appended and forced to disk. A torn last line, left by a process that was killed, moves to ``records.torn``.

    Args:
        folder: made if it does not exist.
        settings: what the records depend on.
        schema: what the records must be, those that are there and those that come; only a format and a key if None.

    Raises:
        ResultsError: another process writes here; the folder holds another plan, or no plan but other files; a file is
            damaged, does not fit, or is no plain file; the disk is full. Nothing is overwritten.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RecordFile(folder, {"task": "none"}) as file:
        ...         file.append({"format": 1, "key": "a"})
        ...     list(read_records(folder)[0])
        ['a']
    """

    def __init__(self, folder: str | Path, settings: Mapping[str, Any], schema: Schema | None = None) -> None:
        self.folder, self.schema = as_folder(folder), schema
        self.notes: list[str] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        self._agrees(settings)  # before anything is made here, and again when nobody else can write
        read_records(self.folder, schema)
        with ExitStack() as opened:
            opened.callback(_lock(self.folder / LOCK).close)
            if not self._agrees(settings):
                replace_files(self.folder, {PLAN: (json.dumps(dict(settings), indent=1) + "\n").encode()})
            self._file = Appender(self.folder / RECORDS)
            opened.callback(self._file.close)
            self.records = self._repaired()
            self._opened = opened.pop_all()

    def __enter__(self) -> RecordFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the folder free."""
        self._opened.close()

    def append(self, record: Record) -> None:
        """Add a record of a new key, on disk when this returns.

        Raises:
            ResultsError: the key is there already, the record does not fit, or it cannot be written; then the file is
                as it was, and the same record can be appended when there is room.
        """
        if record["key"] in self.records:
            raise ResultsError("This run is recorded already.", {"key": record["key"], "folder": self.folder}, KEEP)
        try:
            line = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
            found = parse(line)  # what is written can be read
            if self.schema is not None:
                self.schema.check(found)
        except (TypeError, ValueError) as error:
            why = error.values if isinstance(error, Misfit) else {"reason": error}
            values = {"key": record["key"], **why}
            remedy = "Nothing was written. This is a fault of the task that was run, not of the folder."
            raise ResultsError("A run gave what no record can hold.", values, remedy) from error
        self._file.append(line + b"\n")
        self.records[record["key"]] = record

    def _agrees(self, settings: Mapping[str, Any]) -> bool:
        """Whether the folder holds this plan; False where it holds none yet."""
        names = survey(self.folder, OURS)
        if PLAN not in names:
            foreign = {name for name in names if name != LOCK and not name.startswith(BEFORE_A_PLAN)}
            if foreign:
                raise ResultsError(
                    "The folder is not empty and holds no plan, so it is not a results folder.",
                    {"folder": self.folder, "holds": ", ".join(shown(name) for name in sorted(foreign)[:5])},
                    KEEP,
                )
            return False
        found, wanted = _settings(self.folder), json.loads(json.dumps(dict(settings)))
        if found != wanted:
            both = set(found) | set(wanted) if isinstance(found, dict) else set()
            differing = [name for name in sorted(both) if found.get(name) != wanted.get(name)]
            values = {
                f"{shown(name)} there, here": f"{shown(found.get(name))}, {shown(wanted.get(name))}"
                for name in differing[:4]
            }
            raise ResultsError("The folder holds results of another plan.", {"folder": self.folder, **values}, KEEP)
        return True

    def _repaired(self) -> dict[str, Record]:
        """The records; an unfinished last line is moved aside, a missing newline added."""
        path = self.folder / RECORDS
        data = read_plain(path, RECORDS_LIMIT) or b""
        records, torn = _parsed(data, path, self.schema)
        if torn:
            aside = Appender(self.folder / TORN)
            try:
                aside.append(torn + b"\n")
            finally:
                aside.close()
            self._file.cut(len(data) - len(torn))
            self.notes.append(f"the last line was torn ({len(torn)} bytes, kept in {TORN}): that run is done again")
        elif data and not data.endswith(b"\n"):
            self._file.append(b"\n")
        return records


def _lock(path: Path) -> Appender:
    """The file, locked; the system releases it when this process ends, however it ends."""
    file = Appender(path)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        taken = isinstance(error, (BlockingIOError, PermissionError))
        rule = "Another process is writing to this folder." if taken else "The folder cannot be locked."
        values = {"folder": path.parent, "reason": error}
        raise ResultsError(rule, values, "Wait for it, or give another --out.") from error
    return file
