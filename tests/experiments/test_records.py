"""A results folder is repaired where that is safe, and otherwise reported and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equilayers.errors import ResultsError
from equilayers.experiments.records import RecordFile, read_records

SETTINGS = {"task": "digits", "sizes": [50, 150], "versions": {"torch": "2"}}


def record(key: str) -> dict:
    return {"format": 1, "key": key, "text": "Ä\n" + key, "value": 0.1}


def filled(folder: Path, count: int = 3) -> bytes:
    with RecordFile(folder, SETTINGS) as file:
        for n in range(count):
            file.append(record(f"k{n}"))
    return (folder / "records.jsonl").read_bytes()


def snapshot(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


def test_what_was_appended_is_read_again(tmp_path):
    filled(tmp_path / "new" / "deep")
    records, notes = read_records(tmp_path / "new" / "deep")
    assert records == {f"k{n}": record(f"k{n}") for n in range(3)} and notes == []


def test_a_record_torn_at_any_byte_is_moved_aside_and_done_again(tmp_path):
    whole = filled(tmp_path)
    start = whole[:-1].rfind(b"\n") + 1
    for cut in range(start, len(whole)):
        (tmp_path / "records.jsonl").write_bytes(whole[:cut])
        records, notes = read_records(tmp_path)
        complete = cut == len(whole) - 1  # only the newline is missing
        assert len(records) == 2 + complete and len(notes) == (start < cut and not complete)
        with RecordFile(tmp_path, SETTINGS) as file:
            assert len(file.records) == 2 + complete and len(file.notes) == len(notes)
            if not complete:
                file.append(record("k2"))
        assert (tmp_path / "records.jsonl").read_bytes() == whole
    assert (tmp_path / "records.torn").exists()


@pytest.mark.parametrize("middle", [b"{]", b"", b"[1]", b'{"format":2,"key":"z"}', b'{"format":1}', b"\xff\xfe"])
def test_a_damaged_line_in_the_middle_is_reported_and_kept(tmp_path, middle):
    lines = filled(tmp_path).split(b"\n")
    lines[1] = middle
    (tmp_path / "records.jsonl").write_bytes(b"\n".join(lines))
    before = snapshot(tmp_path)
    for attempt in (read_records, lambda folder: RecordFile(folder, SETTINGS)):
        with pytest.raises(ResultsError, match=r"line +2"):
            attempt(tmp_path)
    assert snapshot(tmp_path) == before


def test_a_key_cannot_be_recorded_twice(tmp_path):
    whole = filled(tmp_path)
    with RecordFile(tmp_path, SETTINGS) as file, pytest.raises(ResultsError, match="recorded already"):
        file.append(record("k1"))
    (tmp_path / "records.jsonl").write_bytes(whole + whole.split(b"\n")[0] + b"\n")
    with pytest.raises(ResultsError, match="one key"):
        read_records(tmp_path)


def test_numbers_that_are_not_json_are_refused_before_anything_is_written(tmp_path):
    with RecordFile(tmp_path, SETTINGS) as file, pytest.raises(ValueError):
        file.append({**record("k"), "value": float("nan")})
    assert read_records(tmp_path)[0] == {}


def test_another_plan_is_refused_and_named(tmp_path):
    filled(tmp_path)
    before = snapshot(tmp_path)
    with pytest.raises(ResultsError, match=r"(?s)another plan.*sizes.*\[50, 150\], \[50\]"):
        RecordFile(tmp_path, {**SETTINGS, "sizes": [50]})
    assert snapshot(tmp_path) == before
    filled_again = RecordFile(tmp_path, SETTINGS)  # the refusal has released the lock
    filled_again.close()


@pytest.mark.parametrize("plan", [b"", b'{"task": "di', b"[]", b"\x00"])
def test_a_half_written_plan_is_reported_and_kept(tmp_path, plan):
    filled(tmp_path)
    (tmp_path / "plan.json").write_bytes(plan)
    before = snapshot(tmp_path)
    with pytest.raises(ResultsError):
        RecordFile(tmp_path, SETTINGS)
    assert snapshot(tmp_path) == before


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ResultsError, match=r"thesis\.tex"):
        RecordFile(tmp_path, SETTINGS)
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.tex"}


def test_a_folder_left_before_its_plan_was_written_is_started(tmp_path):
    (tmp_path / "lock").touch()
    (tmp_path / "plan.json.new").write_text('{"half')
    filled(tmp_path)
    assert json.loads((tmp_path / "plan.json").read_text()) == SETTINGS


def test_a_file_in_place_of_the_folder_is_reported(tmp_path):
    path = tmp_path / "results"
    path.write_text("a file")
    with pytest.raises(ResultsError, match="cannot be written"):
        RecordFile(path, SETTINGS)
    assert path.read_text() == "a file"


def test_a_second_writer_is_refused_and_the_lock_is_given_free(tmp_path):
    with RecordFile(tmp_path, SETTINGS), pytest.raises(ResultsError, match="Another process"):
        RecordFile(tmp_path, SETTINGS)
    RecordFile(tmp_path, SETTINGS).close()
