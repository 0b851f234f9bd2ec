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
from equilayers.experiments import plots
from equilayers.experiments.page import STYLE
from equilayers.experiments.plan import Plan
from equilayers.experiments.records import read_records
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import Summary
from equilayers.experiments.tables import tables
from equilayers.experiments.words import unsaid, what_it_says

__all__ = ["page", "publish", "write_report"]

TITLES = {"digits": "8×8 digits", "mnist-rot": "28×28 digits"}


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
    values = {
        **summary.to_json(),
        "says": what_it_says(summary),
        "does_not_say": unsaid(summary),
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
    title = f"Built in or learned: {TITLES.get(summary.dataset, summary.dataset)} under quarter turns"
    sections = [
        _header(summary, title),
        _words(summary),
        _plots(summary),
        _costs(summary),
        tables(summary),
        _method(summary),
    ]
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


def _header(summary: Summary, title: str) -> str:
    planned = f" of {summary.planned}" if summary.planned and not summary.complete else ""
    facts = [
        f"{summary.runs}{planned} runs",
        f"{summary.seeds} seed" + ("" if summary.seeds == 1 else "s"),
        f"{summary.images} test images × 4 turns",
        *([f"{summary.steps} steps"] if summary.steps else []),
        "bars are 95 % intervals" + (", indicative" if summary.indicative else ""),
    ]
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    heading = f'<p class="kicker">equilayers bench</p><h1>{escape(title)}</h1>'
    return f'<header>{heading}<ul class="facts">{listed}</ul></header>'


def _words(summary: Summary) -> str:
    return (
        '<section class="words">'
        f'<article id="says"><h2>What the numbers say</h2><p>{escape(what_it_says(summary))}</p></article>'
        f'<article id="does-not-say"><h2>What they do not say</h2><p>{escape(unsaid(summary))}</p></article></section>'
    )


def _plots(summary: Summary) -> str:
    figures = []
    if summary.levels:
        figures.append(_figure(plots.accuracy(summary), "Accuracy against data", "Mean over seeds and test images."))
    if any(c.first == "C4" and c.column == "rotated" and c.second in plots.LEARNING for c in summary.contrasts):
        note = (
            "Above zero C4 is ahead; where a bar crosses zero it is undecided. Heavy bars: the comparison named first."
        )
        figures.append(_figure(plots.differences(summary), "C4 minus the arms that learn the symmetry", note))
    if summary.curves:
        note = f"One long run of each arm on {summary.curves[0].n} images, one seed: no interval."
        figures.append(_figure(plots.steps(summary), "Accuracy against steps", note))
    if any(e.error is not None for e in summary.equivariance):
        note = "1, the dotted line: no nearer to the law than another picture's output. Bars span the seeds' intervals."
        note += " An exact 0 lies on the lower edge." if any(e.error == 0 for e in summary.equivariance) else ""
        figures.append(_figure(plots.equivariance(summary), "Equivariance error", note))
    if not figures:
        return ""
    arms = [arm for arm in summary.arms if arm in plots.STYLES]
    legend = "".join(f"<li>{plots.key(arm)}{escape(arm)}</li>" for arm in arms)
    return (
        f'<section><h2>Plots</h2><ul class="legend">{legend}</ul><div class="plots">{"".join(figures)}</div></section>'
    )


def _figure(svg: str, caption: str, note: str) -> str:
    return f"<figure><figcaption><b>{escape(caption)}</b> {escape(note)}</figcaption>{svg}</figure>"


def _costs(summary: Summary) -> str:
    if not summary.costs:
        return ""
    kinds = [k for k in ("parameters", "macs", "seconds") if any(getattr(c, k) is not None for c in summary.costs)]
    drawn = "".join(f"<figure>{plots.cost(summary, kind)}</figure>" for kind in kinds)
    note = "Averaging over the rotations (TTA) changes nothing in training and costs four passes for each test image. "
    note += f"Seconds: one run on {max(summary.sizes)} images, one thread."
    return f'<section><h2>Cost</h2><p class="note">{escape(note)}</p><div class="costs">{drawn}</div></section>'


def _method(summary: Summary) -> str:
    return f"""<section class="method"><h2>How to read it</h2><p>{escape(METHOD)}</p></section>"""


METHOD = (
    "Every arm sees the same training images for a seed, so differences are paired by seed and test image. An interval "
    "allows for both: Student's t over seeds and the normal law over images; the four turns of an image count as one. "
    "P means equal parameters with C4, F equal multiply-accumulates; TTA averages the probabilities of the four turns "
    "at test time. The wrong group is C4 conjugated by a roll of the picture: same parameters, cost and orbit "
    "size, another symmetry. The equivariance error is the distance of an output from what the law demands, in units "
    "of its distance from other images' outputs."
)
