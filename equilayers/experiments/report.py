"""The report: one page with the words, the plots and the tables, that needs nothing but itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from equilayers.errors import ResultsError
from equilayers.experiments.catalogue import presentation_of
from equilayers.experiments.files import as_folder
from equilayers.experiments.html import Markup, fill
from equilayers.experiments.page import STYLE
from equilayers.experiments.presentation import Presentation
from equilayers.experiments.records import REPORT, read_results, write_pages
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import Summary

__all__ = ["page", "publish", "write_report"]


def publish(folder: str | Path) -> tuple[Summary, Path]:
    """Summarise a results folder, whole or partial, and write its report.

    Whose folder it is does not matter: nothing in it is run, followed or shown otherwise than as text.

    Returns:
        The summary, and the path of the report.

    Raises:
        ResultsError: no records, a damaged file, records that do not fit their plan, or no room for the report; nothing
            in the folder is changed.
    """
    path = as_folder(folder)
    results = read_results(path)
    if not results.records:
        raise ResultsError("The folder holds no records.", {"folder": path}, "Run: equilayers bench --out FOLDER.")
    runs = sum(job.kind == "run" for job in results.plan.unrated())
    summary = summarise(results.records.values(), results.plan.dataset, planned=runs)
    return summary, write_report(path, summary, results.versions)


def write_report(folder: str | Path, summary: Summary, made_with: Mapping[str, str]) -> Path:
    """Write ``summary.json`` and ``report.html`` into a results folder, each whole or not at all.

    Args:
        folder: the results folder.
        summary: what its records amount to.
        made_with: versions to print.

    Returns:
        The path of the report.

    Raises:
        ResultsError: they cannot be written; the old ones are still there.
    """
    path, show = as_folder(folder), presentation_of(summary.dataset)
    values = {
        **summary.to_json(),
        "says": show.says(summary),
        "does_not_say": show.unsaid(summary),
        "versions": made_with,
    }
    text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_pages(path, text, page(summary, made_with))
    return path / REPORT


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{{ policy }}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{{ title }} · equilayers</title>
<style>{{ style }}</style>
</head>
<body>
<main>
{{ header }}
{{ words }}
{% for section in sections %}{{ section }}
{% endfor %}</main>
<footer>{% for made in made_with %}{{ made }}{% if not loop.last %} · {% endif %}{% endfor %}</footer>
</body>
</html>
"""
# A browser runs no script and loads nothing, even from a page in which something was not escaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(summary: Summary, made_with: Mapping[str, str]) -> str:
    """The report as HTML that is also well-formed XML: no script, nothing loaded from elsewhere.

    Example:
        >>> page(Summary("digits", 0, 160, None, 0, 0), {}).splitlines()[0]
        '<!DOCTYPE html>'
    """
    show = presentation_of(summary.dataset)
    title = show.title(summary.dataset)
    made = fill(
        PAGE,
        policy=POLICY,
        title=title,
        style=Markup(STYLE),
        header=_header(summary, title, show),
        words=_words(summary, show),
        sections=[section for section in show.sections(summary) if section],
        made_with=[f"{name} {version}" for name, version in made_with.items()],
    )
    return str(made)


def _header(summary: Summary, title: str, show: Presentation) -> Markup:
    planned = f" of {summary.planned}" if summary.planned and not summary.complete else ""
    facts = [
        f"{summary.runs}{planned} runs",
        f"{summary.seeds} seed" + ("" if summary.seeds == 1 else "s"),
        *show.facts(summary),
        *([f"{summary.steps} steps"] if summary.steps else []),
        "bars are 95 % intervals" + (", indicative" if summary.indicative else ""),
    ]
    template = (
        '<header><p class="kicker">equilayers bench</p><h1>{{ title }}</h1>'
        '<ul class="facts">{% for fact in facts %}<li>{{ fact }}</li>{% endfor %}</ul></header>'
    )
    return fill(template, title=title, facts=facts)


def _words(summary: Summary, show: Presentation) -> Markup:
    return fill(
        '<section class="words">'
        '<article id="says"><h2>What the numbers say</h2><p>{{ says }}</p></article>'
        '<article id="does-not-say"><h2>What they do not say</h2><p>{{ unsaid }}</p></article>'
        "</section>",
        says=show.says(summary),
        unsaid=show.unsaid(summary),
    )
