"""The report is one well-formed page that needs nothing but itself, from whole and from partial folders."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from equilayers.experiments.plots import STYLES, equivariance
from equilayers.experiments.report import page, write_report
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import ORDER, Summary
from equilayers.experiments.words import unsaid, what_it_says

Records = list[dict[str, Any]]
PLOTS = {
    "accuracy-rotated", "differences", "steps", "equivariance", "cost-parameters", "cost-macs", "cost-seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def records(invented: Callable[..., Records]) -> Records:
    return invented()


@pytest.fixture(scope="module")
def html(records: Records) -> str:
    return page(summarise(records), {"torch": "2.13.0", "equilayers": "0.1.0"})


@pytest.fixture(scope="module")
def tree(html: str) -> ElementTree.Element:
    return ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def test_it_loads_nothing_from_elsewhere(html: str, tree: ElementTree.Element) -> None:
    assert not any(element.tag in ("script", "link", "iframe", "img", "image", "object") for element in tree.iter())
    for element in tree.iter():
        for name, value in element.attrib.items():
            if name in ("src", "href", "data", "action"):
                assert value.startswith("#"), (element.tag, name, value)
    assert not re.search(r"https?://|@import|url\((?!#)", html)


def test_every_identifier_is_unique_and_every_reference_is_found(html: str) -> None:
    identifiers = re.findall(r'\bid="([^"]+)"', html)
    assert len(identifiers) == len(set(identifiers))
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', html)
    assert references and {a or b for a, b in references} <= set(identifiers)


def test_every_plot_is_there_with_a_name_for_those_who_cannot_see_it(tree: ElementTree.Element) -> None:
    found = {e.get("id", "").removeprefix("plot-"): e for e in tree.iter("svg") if e.get("class") == "plot"}
    assert set(found) == PLOTS
    for plot in found.values():
        assert plot.get("aria-label") and plot.get("role") == "img" and plot.get("viewBox")
        assert plot.get("width") is None  # the page decides, so a phone gets the whole plot


def test_every_arm_is_drawn_at_every_size(tree: ElementTree.Element) -> None:
    plot = next(e for e in tree.iter("svg") if e.get("id") == "plot-accuracy-rotated")
    for arm in ("plain-P", "plain-F", "augmented-P", "augmented-F", "canonicalised", "C4", "wrong group"):
        line = next(e for e in plot.iter("g") if e.get("id", "").endswith(f"arm-{arm.replace(' ', '-')}"))
        assert len(list(line.iter("use"))) == 4


def test_axes_are_labelled_with_units(tree: ElementTree.Element) -> None:
    texts = {
        e.get("id"): [_text(t).strip() for t in e.iter("text")] for e in tree.iter("svg") if e.get("class") == "plot"
    }
    assert {"training images", "accuracy, %", "50", "1 400"} <= set(texts["plot-accuracy-rotated"])
    assert {"training images", "C4 minus the other, points"} <= set(texts["plot-differences"])
    assert {"training steps", "accuracy, %"} <= set(texts["plot-steps"])
    assert {"training images", "equivariance error", "floor", "1", "10⁻⁷"} <= set(texts["plot-equivariance"])
    assert {"parameters", "85.1 k", "21.3 k"} <= set(texts["plot-cost-parameters"])


def test_the_page_carries_both_paragraphs_the_versions_and_a_title(records: Records, tree: ElementTree.Element) -> None:
    summary = summarise(records)
    articles = {e.get("id"): _text(e) for e in tree.iter("article")}
    assert articles["says"].endswith(what_it_says(summary))
    assert articles["does-not-say"].endswith(unsaid(summary))
    assert "torch 2.13.0" in _text(next(tree.iter("footer")))
    assert "quarter turns" in _text(next(tree.iter("title")))
    assert any(e.get("name") == "viewport" for e in tree.iter("meta"))


def test_tables_hold_every_cell(records: Records, tree: ElementTree.Element) -> None:
    summary = summarise(records)
    tables = {e.get("id"): [[_text(c) for c in row] for row in e.iter("tr")] for e in tree.iter("table")}
    assert set(tables) == {
        "levels-rotated", "levels-upright-rotated", "levels-upright-upright", "differences", "arms", "flags",
    }  # fmt: skip
    head, *rows = tables["levels-rotated"]
    assert [row[0] for row in rows] == list(summary.arms) and len(head) == 5
    level = summary.level("rotated", 450, "C4")
    assert level is not None and level.half_width is not None
    cell = next(row for row in rows if row[0] == "C4")[head.index("n = 450")]
    assert [float(x) for x in re.findall(r"[\d.]+", cell)] == [
        round(100 * level.mean, 1), round(100 * level.half_width, 1),
    ]  # fmt: skip
    verdicts = [c.verdict for c in summary.contrasts]
    for word in ("ahead", "behind", "undecided"):
        assert sum(word in cell for row in tables["differences"] for cell in row) == verdicts.count(word)


def test_colours_and_shapes_tell_arms_apart() -> None:
    looks = {arm: (s.colour, s.marker, s.filled, s.dashes) for arm, s in STYLES.items()}
    assert len(set(looks.values())) == len(looks)
    without_colour = {looks[arm][1:] for arm in ("plain-F", "augmented-F", "canonicalised", "C4", "wrong group")}
    assert len(without_colour) == 5
    assert set(STYLES) <= set(ORDER)


@pytest.mark.parametrize("kept", [0, 28, 100])
def test_a_partial_folder_gives_a_whole_page(records: Records, kept: int) -> None:
    html = page(summarise(records[:kept], planned=160), {})
    ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    runs = sum(r["kind"] == "run" for r in records[:kept])
    assert f"{runs} of 160 runs" in html


def test_undefined_errors_and_missing_costs_leave_the_page_whole(records: Records) -> None:
    changed = json.loads(json.dumps(records))
    for r in changed:
        r["equivariance"] = {"error": None, "low": None, "high": None, "floor": None}
        r["macs"] = None
    html = page(summarise(changed), {})
    ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    assert "plot-equivariance" not in html and "plot-cost" not in html


@pytest.mark.parametrize("value", [0.0, 1e-16])
def test_a_vanishing_error_does_not_break_the_axis(records: Records, value: float) -> None:
    changed = json.loads(json.dumps(records))
    for r in changed:
        if r["arm"] in ("C4", "canonicalised") and r["kind"] == "run":
            r["equivariance"] = {"error": value, "low": value or None, "high": value or None, "floor": value}
    svg = equivariance(summarise(changed))
    labels = re.findall(r">(10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|1)</text>", svg)
    assert 2 <= len(labels) <= 10 and "1" in labels


def test_one_seed_and_one_size_are_enough_for_a_page(invented: Callable[..., Records]) -> None:
    html = page(summarise(invented(sizes=(150,), seeds=1, tuned=False, long=False)), {})
    tree = ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    assert "no interval" in _text(tree)


def test_names_are_escaped() -> None:
    html = page(Summary("<b>&", 0, None, None, 0, 0), {"<i>": "&"})
    ElementTree.fromstring(html.removeprefix("<!DOCTYPE html>"))
    assert "&lt;b&gt;&amp;" in html and "&lt;i&gt;" in html


def test_the_same_records_give_the_same_bytes(records: Records, html: str) -> None:
    again = page(summarise(list(reversed(records))), {"torch": "2.13.0", "equilayers": "0.1.0"})
    assert again == html


def test_files_are_replaced_whole(records: Records, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("old")
    report = write_report(tmp_path, summarise(records[:40]), {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "summary.json"]
    assert report.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    values = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert values["format"] == 1 and values["says"] and values["does_not_say"]
