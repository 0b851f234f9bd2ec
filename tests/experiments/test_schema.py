"""Records and plans of somebody else: what does not fit is named with file and line, and the folder stays as it is."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import folders
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equilayers.errors import ResultsError
from equilayers.experiments.catalogue import presentation_of
from equilayers.experiments.plan import Plan
from equilayers.experiments.records import RecordFile, read_records, read_results
from equilayers.experiments.schema import RecordSchema, parse
from equilayers.experiments.summarise import summarise

STORED = sorted((Path(__file__).parents[2] / "benchmarks" / "results").rglob("records.jsonl"))
PLANS = {"pictures": folders.pictures(), "vectors": folders.vectors()}
WRONG: dict[type, list[Any]] = {  # for a value of a type, what can never stand in its place
    int: ["1", None, True, float("nan"), float("inf"), 10**400, -(10**30), [1], {}, "<script>alert(1)</script>", 0.5],
    float: ["1", True, float("nan"), float("-inf"), 10**400, -(10**30), [1], {}, "<script>alert(1)</script>"],
    str: [0, None, True, [], {}, "<script>alert(1)</script>", "\x1b[31m", ""],
    bool: [0, 1, "true", None, []],
    dict: [0, None, [], "x"],
    list: [0, None, {}, "x"],
}
MAY_BE_NULL = {("equivariance", name) for name in ("error", "low", "high", "floor")}

Where = tuple[Any, ...]


def places(value: Any, where: Where = ()) -> Iterator[Where]:
    """Every place in a plain value."""
    if where:
        yield where
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in inner:
        yield from places(below, (*where, name))


def at(value: Any, where: Where) -> Any:
    for name in where:
        value = value[name]
    return value


def changed(value: Any, where: Where, new: Any) -> Any:
    made = copy.deepcopy(value)
    at(made, where[:-1])[where[-1]] = new
    return made


def without(value: Any, where: Where) -> Any:
    made = copy.deepcopy(value)
    del at(made, where[:-1])[where[-1]]
    return made


def refused(folder: Path, plan: Plan, line: int | None) -> None:
    """By the report and by the benchmark, with file and line, before anything is written."""
    before = folders.snapshot(folder)
    file = "records.jsonl" if line else "plan.json"
    attempts = [lambda: read_results(folder)]
    if line:
        attempts.append(lambda: RecordFile(folder, folders.settings_of(plan), RecordSchema(plan)))
    for attempt in attempts:
        with pytest.raises(ResultsError) as caught:
            attempt()
        text = str(caught.value)
        assert file in text and (not line or re.search(rf"line +{line}\b", text)), text
        assert "\x1b" not in text
        assert folders.snapshot(folder) == before


# What is right


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.parent.name)
def test_every_stored_folder_fits(path: Path) -> None:
    results = read_results(path.parent)
    assert len(results.records) == path.read_bytes().count(b"\n") >= 32
    assert len(STORED) == 10


@pytest.mark.parametrize("name", PLANS)
def test_a_whole_folder_fits_and_can_be_continued(name: str, tmp_path: Path) -> None:
    plan = PLANS[name]
    records = folders.records_of(plan)
    assert {r["kind"] for r in records} == ({"trial", "run", "long"} if name == "pictures" else {"run"})
    folder = folders.write(tmp_path / "whole", plan, folders.lines_of(records[:-2]))
    with RecordFile(folder, folders.settings_of(plan), RecordSchema(plan)) as file:
        for record in records[-2:]:
            file.append(record)
    assert list(read_results(folder).records.values()) == records


# One thing wrong


def cases(plan: Plan) -> Iterator[tuple[str, Any, int]]:
    """Records with one thing wrong, one of each kind of job, and their line."""
    records = folders.records_of(plan)
    firsts = {r["kind"]: i for i, r in reversed(list(enumerate(records)))}
    for kind, i in firsts.items():
        for where in places(records[i]):
            name = f"{kind} {'.'.join(map(str, where))}"
            yield f"{name} missing", without(records[i], where), i
            old = at(records[i], where)
            wrong = WRONG[type(old)] if old is not None else ["x", True, -1, []]
            for new in [*wrong, *([None] if isinstance(old, float) and where not in MAY_BE_NULL else [])]:
                yield f"{name} = {new!r:.20}", changed(records[i], where, new), i


@pytest.mark.parametrize("name", PLANS)
def test_every_field_of_a_record_is_held_to_its_kind(name: str, tmp_path: Path) -> None:
    plan, ran = PLANS[name], 0
    records, schema = folders.records_of(plan), RecordSchema(PLANS[name])
    for what, record, i in cases(plan):
        folder = folders.write(tmp_path, plan, folders.lines_of([records[-1 if i == 0 else 0], record]))
        with pytest.raises(ResultsError, match=r"line +2\b"):
            read_results(folder)
            pytest.fail(what)
        if ran % 97 == 0:
            refused(folder, plan, 2)
        ran += 1
    for record in records:
        schema.check(record)
    assert ran > (600 if name == "pictures" else 150)


def other(plan: Plan, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """One record in contradiction with itself, with its plan or with the others."""
    found = {
        "another arm": {"arm": next(a for a in plan.arms if a != record["arm"])},
        "another seed": {"seed": record["seed"] + 1},
        "another size": {"n": record["n"] + 1},
        "other steps": {"steps": record["steps"] - 1},
        "another kind": {"kind": "long" if record["kind"] == "run" else "run"},
        "another task": {"task": "upright"},
        "a foreign key": {"key": record["key"].replace("seed=", "seed=7")},
        "a key of nothing": {"key": "<a key of the plan>"},
        "another rate of the grid": {"rate": plan.rates[-1] if len(plan.rates) > 1 else 0.5},
        "a whole number written as another": {"n": float(record["n"])},
        "another format": {"format": 2},
        "a format that only looks like it": {"format": True},
    }
    partial = {"the key alone": {"format": 1, "key": record["key"]}, "no format": without(record, ("format",))}
    return {name: record | change for name, change in found.items()} | partial


@pytest.mark.parametrize("name", PLANS)
def test_a_record_that_contradicts_its_key_its_plan_or_the_others_is_refused(name: str, tmp_path: Path) -> None:
    plan = PLANS[name]
    records = folders.records_of(plan)
    i = next(i for i, r in enumerate(records) if r["kind"] == "run")
    cases = other(plan, records[i])
    for record in cases.values():
        folder = folders.write(tmp_path, plan, folders.lines_of([*records[:i], record, *records[i + 1 :]]))
        refused(folder, plan, i + 1)
        if record.get("format") == 1 and type(record["format"]) is int:
            assert len(read_records(folder)[0]) == len(records)  # without the plan nothing would be noticed
    assert len(cases) == 14


def test_scores_of_another_test_set_are_refused(tmp_path: Path) -> None:
    plan = PLANS["pictures"]
    records = folders.records_of(plan)
    found = records[-4]["evaluations"]["upright"]
    found["counts"] = found["counts"] * 2
    refused(folders.write(tmp_path, plan, folders.lines_of(records)), plan, len(records) - 3)


def test_a_level_that_is_not_the_mean_of_its_units_is_refused(tmp_path: Path) -> None:
    plan = PLANS["pictures"]
    records = folders.records_of(plan)
    records[-4]["evaluations"]["rotated"]["accuracy"] += 0.01
    refused(folders.write(tmp_path, plan, folders.lines_of(records)), plan, len(records) - 3)


@pytest.mark.parametrize(
    "line",
    [
        b'{"format":1,"key":NaN}', b'{"format":1,"format":1,"key":"a"}', b'{"format":1,"key":"\\ud800"}',
        b'{"format":1,"key":' + b"[" * 9999 + b"]" * 9999 + b"}", b"[" * 100_000, b"\xff\xfe{\x00}\x00",
        b"1" * 5000, b'"text"', b"null", b"\xef\xbb\xbf{}", b"{} {}", b"\x00" * 64,
    ],
    ids=lambda line: repr(line[:16]),
)  # fmt: skip
def test_what_is_no_json_of_the_standard_is_damage(line: bytes, tmp_path: Path) -> None:
    plan = PLANS["vectors"]
    whole = folders.lines_of(folders.records_of(plan)).split(b"\n")
    folder = folders.write(tmp_path, plan, b"\n".join([*whole[:2], line, *whole[2:]]))
    refused(folder, plan, 3)


# Plans


@pytest.mark.parametrize("name", PLANS)
def test_every_field_of_a_plan_is_held_to_its_kind(name: str, tmp_path: Path) -> None:
    plan, ran = PLANS[name], 0
    whole = folders.settings_of(plan)
    wrong: list[Any] = []
    for where in places(whole):
        if where[0] in ("format", "data", "versions"):
            continue
        if not isinstance(where[-1], int):
            wrong.append(without(whole, where))
        wrong += [changed(whole, where, new) for new in WRONG[type(at(whole, where))] if new != [1]]
    wrong += [changed(whole, ("format",), 2), changed(whole, ("data",), 3), changed(whole, ("versions",), ["2"])]
    wrong += [changed(whole, ("versions", "torch"), {"<b>": 1}), [], None, "plan", 3]
    wrong += [whole | {"arms": [*whole["arms"], "wrong group, of another version"]}, whole | {"sizes": [50, 50]}]
    wrong += [whole | {"sizes": list(range(1, 400)), "seeds": list(range(400))}]  # more jobs than any plan has
    folder = folders.write(tmp_path, plan)
    for settings_ in wrong:
        folders.put(folder / "plan.json", json.dumps(settings_).encode())
        refused(folder, plan, None)
        ran += 1
    assert ran > 150


def test_text_in_a_plan_that_may_be_anything_is_kept_as_text(tmp_path: Path) -> None:
    plan = PLANS["vectors"]
    folder = folders.write(tmp_path, plan)
    versions = {"<script>": "\x1b[31m & \u202e"}
    (folder / "plan.json").write_text(json.dumps(folders.settings_of(plan) | {"versions": versions}))
    assert read_results(folder).versions == versions


# Anything at all

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("<script>"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn, name: str) -> bytes:
    """The lines of a folder after one to three drawn injuries, some of which do no harm."""
    records = copy.deepcopy(folders.records_of(PLANS[name]))
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(records) - 1))
        where = draw(st.sampled_from(list(places(records[i])) or [()]))
        injury = draw(st.sampled_from(["value", "missing", "twice", "gone", "swapped", "copied", "more"]))
        if injury == "value" and where:
            at(records[i], where[:-1])[where[-1]] = draw(JSON)
        elif injury == "missing" and where:
            del at(records[i], where[:-1])[where[-1]]
        elif injury == "twice":
            records.append(records[i])
        elif injury == "gone" and len(records) > 2:
            del records[i]
        elif injury == "swapped":
            records[i], records[0] = records[0], records[i]
        elif injury == "copied" and where:
            j = draw(st.integers(0, len(records) - 1))
            if where[0] in records[j]:
                records[i][where[0]] = copy.deepcopy(records[j][where[0]])
        elif injury == "more":
            records[i][draw(st.text(max_size=5))] = draw(JSON)
    data = folders.lines_of(records)
    if draw(st.booleans()):
        cut = draw(st.integers(0, len(data)))
        data = data[:cut] + draw(st.binary(max_size=6)) + data[cut + draw(st.integers(0, 3)) :]
    return data


@pytest.mark.parametrize("name", PLANS)
@pytest.mark.parametrize("count", [80, pytest.param(2000, marks=pytest.mark.slow)])
def test_whatever_stands_in_a_folder_it_is_reported_or_refused(name: str, count: int, tmp_path: Path) -> None:
    plan, show = PLANS[name], presentation_of(PLANS[name].dataset)
    ran = {"refused": 0, "accepted": 0}

    @settings(max_examples=count)
    @given(data=damaged(name))
    def law(data: bytes) -> None:
        folder = folders.write(tmp_path, plan, data)
        before = folders.snapshot(folder)
        try:
            results = read_results(folder)
        except ResultsError as error:
            assert "records.jsonl" in str(error) and re.search(r"line +\d", str(error))
            with pytest.raises(ResultsError):
                RecordFile(folder, folders.settings_of(plan), RecordSchema(plan))
            assert folders.snapshot(folder) == before
            ran["refused"] += 1
            return
        summary = summarise(results.records.values(), plan.dataset, planned=99)
        words = {"says": show.says(summary), "not": show.unsaid(summary)}
        text = json.dumps({**summary.to_json(), **words}, allow_nan=False)
        assert "<script>" not in text and parse(text.encode())
        assert folders.snapshot(folder) == before
        ran["accepted"] += 1

    law()
    assert sum(ran.values()) >= count and min(ran.values()) >= count / 10, ran
