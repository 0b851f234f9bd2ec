"""Text of somebody else stays text: in the page, in a terminal, and in what is run."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import folders
import matplotlib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilayers.experiments import Progress, html
from equilayers.experiments.console import Screen, Watch, final
from equilayers.experiments.html import Markup, fill
from equilayers.experiments.plots import draw
from equilayers.experiments.pool import Pool
from equilayers.experiments.records import read_results, write_pages
from equilayers.experiments.report import page, publish, write_report
from equilayers.experiments.sections import figure, method_section, plots_section
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import Summary
from equilayers.experiments.tables import table
from equilayers.experiments.terminal import visible

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\x1b[31m\x00\ud800]]>{{ 7 * 7 }}</style></svg>"
TAGS = {"script", "img", "iframe", "object", "embed", "link", "base", "form", "foreignObject", "a", "animate", "set"}
Records = list[dict[str, Any]]


class _Tags(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.head: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {t.lower() for t in TAGS}:
            self.wrong.append(tag)
        self.wrong += [f"{tag} {name}" for name, _ in attrs if name.startswith("on")]
        self.wrong += [f"{tag} {n}={v}" for n, v in attrs if n in ("src", "href") and not (v or "").startswith("#")]
        if tag in ("meta", "style", "title"):
            self.head.append({"tag": tag, **dict(attrs)})


def harm(text: str) -> list[str]:
    """What is wrong with a page: elements and attributes that do something, or no well-formed XML."""
    tags = _Tags()
    tags.feed(text)
    try:
        ElementTree.fromstring(text.removeprefix("<!DOCTYPE html>"))
    except (ElementTree.ParseError, UnicodeEncodeError) as error:
        return [*tags.wrong, str(error)]
    return tags.wrong


def places(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every text in a dataclass of dataclasses and tuples."""
    if isinstance(value, str):
        yield where
    elif isinstance(value, tuple):
        for i, inner in enumerate(value):
            yield from places(inner, (*where, i))
    elif is_dataclass(value):
        for field in fields(value):
            yield from places(getattr(value, field.name), (*where, field.name))


def with_text(value: Any, where: tuple[Any, ...], text: str) -> Any:
    if not where:
        return text
    first, *rest = where
    if isinstance(value, tuple):
        return (*value[:first], with_text(value[first], tuple(rest), text), *value[first + 1 :])
    return replace(value, **{first: with_text(getattr(value, first), tuple(rest), text)})


@pytest.fixture(scope="module")
def summary(invented: Callable[..., Records]) -> Summary:
    """Of one seed and size, with a flagged run; every kind of row is there once or a few times."""
    records = invented(sizes=(150,), seeds=1)
    next(r for r in records if r["kind"] == "run")["flagged"] = True
    whole = summarise(records)
    return replace(whole, levels=whole.levels[:2], contrasts=whole.contrasts[:2], costs=whole.costs[:2])


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    folders.leave_out_plots(monkeypatch)


# The page


@pytest.mark.usefixtures("unpainted")
def test_every_text_of_a_summary_is_escaped(summary: Summary) -> None:
    ran, seen = 0, 0
    for where in places(summary):
        if where == ("dataset",) or where[0] == "curves":  # which are drawn
            continue
        changed = with_text(summary, where, HOSTILE)
        text = page(changed, {})
        assert harm(text) == [], where
        seen += "&lt;script&gt;" in text
        ran += 1
    assert ran > 25 and seen > 9


@pytest.mark.usefixtures("unpainted")
def test_names_of_the_data_and_versions_are_escaped(summary: Summary) -> None:
    for changed, made_with in (
        (replace(summary, dataset=HOSTILE), {}),
        (summary, {HOSTILE: "2"}),
        (summary, {"torch": HOSTILE}),
    ):
        text = page(changed, made_with)
        assert harm(text) == [] and "&lt;script&gt;" in text


def test_every_template_of_the_page_escapes_what_it_is_given() -> None:
    svg = Markup("<svg/>")
    made = [
        figure(svg, HOSTILE, HOSTILE),
        plots_section([HOSTILE], [svg]),
        method_section(HOSTILE),
        table([HOSTILE], [[HOSTILE, HOSTILE]], HOSTILE),
        fill("<p>{{ text }}</p>", text=HOSTILE),
    ]
    for text in made:
        assert harm(text) == [] and "&lt;script&gt;" in text


def test_the_law_notices_a_template_that_does_not_escape(monkeypatch: pytest.MonkeyPatch, summary: Summary) -> None:
    assert harm(f"<p>{HOSTILE}</p>") and harm("<p onclick='x'/>") and harm('<p><a href="javascript:x"/></p>')
    html._compiled.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(html.ENVIRONMENT, "autoescape", False)
        assert "script" in harm(str(fill("<p>{{ text }}</p>", text=HOSTILE)))
    html._compiled.cache_clear()


def test_the_plots_hold_no_text_of_a_record(tmp_path: Path) -> None:
    """Drawn for real: only arms with a style of their own are drawn, and matplotlib escapes."""
    text = str(draw("name", HOSTILE, lambda axes: axes.set_title("<script>alert(1)</script>&")))
    assert harm(text) == [] and text.count("&lt;script&gt;") >= 2


def test_a_policy_forbids_what_the_page_does_not_need(summary: Summary) -> None:
    tags = _Tags()
    tags.feed(page(replace(summary, curves=(), equivariance=()), {}))
    policy = next(i for i, meta in enumerate(tags.head) if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy <= 1 and tags.head[0].get("charset") == "utf-8"  # before anything that it could forbid
    rules = dict(rule.split(" ", 1) for rule in (tags.head[policy]["content"] or "").split("; "))
    assert rules["default-src"] == "'none'" and rules["style-src"] == "'unsafe-inline'"
    assert {"base-uri", "form-action"} <= set(rules) and not {"script-src", "img-src", "connect-src"} & set(rules)


@pytest.mark.usefixtures("unpainted")
def test_a_folder_of_somebody_else_gives_a_harmless_page(tmp_path: Path) -> None:
    """Versions are the only text of a folder that may be anything; a task that may not be is refused."""
    plan = folders.pictures()
    folder = folders.write(tmp_path, plan)
    settings = folders.settings_of(plan) | {"versions": {"<script>alert(1)</script>": "\x1b]0;x\x07</footer>"}}
    folders.put(folder / "plan.json", json.dumps(settings).encode())
    _, report = publish(folder)
    text = report.read_text(encoding="utf-8")
    assert harm(text) == [] and "&lt;script&gt;" in text and "\x1b" not in text
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["versions"] == settings["versions"]
    results = read_results(folder)
    changed = [r | {"task": "<script>alert(1)</script>"} if r["flagged"] else r for r in results.records.values()]
    write_report(folder, summarise(changed), results.versions)
    assert harm(report.read_text(encoding="utf-8")) == []


@pytest.mark.usefixtures("unpainted")
def test_half_characters_can_be_written(tmp_path: Path, summary: Summary) -> None:
    write_report(tmp_path, summary, {"a \ud800": "b \udcff"})
    assert json.loads((tmp_path / "summary.json").read_bytes())["versions"] == {"a \ud800": "b \udcff"}
    write_pages(tmp_path, "{}", "<html/>")


def test_settings_of_matplotlib_in_the_working_directory_change_nothing() -> None:
    def drawn() -> str:
        return draw("name", "title", lambda axes: axes.plot([1, 2], [3, 4], label="text"))

    usual = drawn()
    with matplotlib.rc_context({"text.usetex": True, "lines.linewidth": 9, "font.size": 40, "axes.facecolor": "red"}):
        assert drawn() == usual


# The terminal


@given(st.text() | st.text(st.characters(categories=("Cc", "Cf", "Cs", "Zl"))))
def test_a_terminal_obeys_nothing(text: str) -> None:
    for encoding in ("utf-8", "ascii", "latin-1", None):
        shown = visible(text, encoding)
        assert not [c for c in shown if unicodedata.category(c)[0] == "C" and c not in "\n\t"]
        shown.encode(encoding or "utf-8")
        assert shown.count("\n") == text.count("\n")


MARKED = "[/x] [bold red]:fire:[link=http://x]\x1b]0;title\x07\x1b[2J\x9b31m\u202e\ud800"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_screen_shows_every_text_as_it_is(terminal: bool, summary: Summary, invented: Callable[..., Records]) -> None:
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=terminal, width=400, color_system=None)
    records = invented(sizes=(150,), seeds=1, tuned=False, long=False)
    seen = {str(i): r | {"arm": f"{r['arm']} {MARKED}"} for i, r in enumerate(records)}
    state = Progress(9, 3, 1.0, 2.0, seen, seen["0"] | {"kind": MARKED}, notes=[f"note {MARKED}"])
    with Watch(screen) as watch:
        watch(state)
        screen.print(watch._view())
    levels = tuple(replace(level, arm=f"{level.arm} {MARKED}") for level in summary.levels)
    final(screen, replace(summary, levels=levels))
    screen.say(f"folder {MARKED}")
    text = file.getvalue()
    for words in ("note [/x]", "folder [/x]", "C4 [/x]", "[bold red]:fire:[link=http://x]\\x1b]0;title\\x07\\x1b[2J"):
        assert words in text
    assert not set("\x07\x9b\u202e\ud800") & set(text) and "\x1b]" not in text and "\x1b[2J" not in text
    assert terminal or "\x1b" not in text


# What is run

DECOYS = (
    "torch", "numpy", "json", "re", "sitecustomize", "usercustomize", "equilayers", "queue", "signal", "statistics",
)  # fmt: skip


def test_workers_run_nothing_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Path(__file__).parent
    work = tmp_path / "work"
    work.mkdir()
    for name in DECOYS:
        (work / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}{here}")  # an empty entry is the working directory
    with Pool("stub_work:Sleeper", {"log": str(tmp_path / "log")}, 1) as pool:
        pool.give({"number": 7, "rate": 1.0})
        record = None
        while record is None:
            record = pool.wait(20)
    assert record["value"] == 49 and not (tmp_path / "ran").exists()
    subprocess.run([sys.executable, "-c", "import queue"], check=False)  # the decoys do work
    assert (tmp_path / "ran").read_text()
