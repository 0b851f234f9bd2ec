"""The report: one page with the words, the plots and the tables, that needs nothing but itself."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from html import escape
from pathlib import Path
from typing import Any

from equilayers.errors import ResultsError
from equilayers.experiments.catalogue import presentation_of
from equilayers.experiments.page import STYLE
from equilayers.experiments.plan import Plan
from equilayers.experiments.presentation import Presentation
from equilayers.experiments.records import read_records
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import Summary

__all__ = ["page", "publish", "write_report"]


def publish(folder: str | Path) -> tuple[Summary, Path]:
    """Summarise a results folder, whole or partial, and write its report.

    Returns:
        The summary, and the path of the report.

    Raises:
        ResultsError: no records, or a damaged file; nothing in the folder is changed.
    """
    path = Path(folder)
    records, _ = read_records(path)
    if not records:
        raise ResultsError("The folder holds no records.", {"folder": path}, "Run: equilayers bench --out FOLDER.")
    plan, made_with = _read_plan(path / "plan.json")
    runs = sum(job.kind == "run" for job in plan.unrated())
    summary = summarise(records.values(), plan.dataset, planned=runs)
    return summary, write_report(path, summary, made_with)


def _read_plan(path: Path) -> tuple[Plan, dict[str, str]]:
    """The plan that a results folder was begun with, and the versions it was begun with."""
    try:
        settings = json.loads(path.read_bytes())
        values: dict[str, Any] = {field.name: settings[field.name] for field in fields(Plan)}
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        plan = Plan(**values)
        return plan, {str(name): str(v) for name, v in settings.get("versions", {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(
            "The plan of a results folder cannot be read.",
            {"file": path, "reason": repr(error)},
            "The folder is left as it is: give another one, or move it away.",
        ) from error


def write_report(folder: Path, summary: Summary, made_with: Mapping[str, str]) -> Path:
    """Write ``summary.json`` and ``report.html`` into a results folder, each whole or not at all.

    Args:
        folder: the results folder.
        summary: what its records amount to.
        made_with: versions to print.

    Returns:
        The path of the report.
    """
    show = presentation_of(summary.dataset)
    values = {
        **summary.to_json(),
        "says": show.says(summary),
        "does_not_say": show.unsaid(summary),
        "versions": made_with,
    }
    _replace(folder / "summary.json", json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _replace(folder / "report.html", page(summary, made_with))
    return folder / "report.html"


def _replace(path: Path, text: str) -> None:
    """By rename, so that a reader never sees half of it and a kill leaves the old one."""
    draft = path.with_name(path.name + f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def page(summary: Summary, made_with: Mapping[str, str]) -> str:
    """The report as HTML that is also well-formed XML: no script, nothing loaded from elsewhere.

    Example:
        >>> page(Summary("digits", 0, 160, None, 0, 0), {}).splitlines()[0]
        '<!DOCTYPE html>'
    """
    show = presentation_of(summary.dataset)
    title = show.title(summary.dataset)
    sections = [_header(summary, title, show), _words(summary, show), *show.sections(summary)]
    body = "\n".join(section for section in sections if section)
    made = " · ".join(f"{escape(name)} {escape(value)}" for name, value in made_with.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{escape(title)} · equilayers</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
<footer>{made}</footer>
</body>
</html>
"""


def _header(summary: Summary, title: str, show: Presentation) -> str:
    planned = f" of {summary.planned}" if summary.planned and not summary.complete else ""
    facts = [
        f"{summary.runs}{planned} runs",
        f"{summary.seeds} seed" + ("" if summary.seeds == 1 else "s"),
        *show.facts(summary),
        *([f"{summary.steps} steps"] if summary.steps else []),
        "bars are 95 % intervals" + (", indicative" if summary.indicative else ""),
    ]
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    heading = f'<p class="kicker">equilayers bench</p><h1>{escape(title)}</h1>'
    return f'<header>{heading}<ul class="facts">{listed}</ul></header>'


def _words(summary: Summary, show: Presentation) -> str:
    return (
        '<section class="words">'
        f'<article id="says"><h2>What the numbers say</h2><p>{escape(show.says(summary))}</p></article>'
        f'<article id="does-not-say"><h2>What they do not say</h2><p>{escape(show.unsaid(summary))}</p></article>'
        "</section>"
    )
