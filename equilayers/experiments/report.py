"""The report: one page with the words, the plots and the tables, that needs nothing but itself."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import equilayers
from equilayers.experiments import plots
from equilayers.experiments.page import STYLE
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import COLUMNS, Contrast, Summary
from equilayers.experiments.words import points, unsaid, what_it_says

__all__ = ["page", "percent", "versions", "write_report"]

TITLES = {"digits": "8×8 digits", "mnist-rot": "28×28 digits"}
COLUMN_TITLES = {
    "rotated": "Trained on turned pictures, tested on all turns",
    "upright->rotated": "Trained upright, tested on all turns",
    "upright->upright": "Trained and tested upright, where rotation is no symmetry",
}


def write_report(folder: Path, summary: Summary, made_with: Mapping[str, str] | None = None) -> Path:
    """Write ``summary.json`` and ``report.html`` into a results folder, each whole or not at all.

    Args:
        folder: the results folder.
        summary: what its records amount to.
        made_with: versions to print; those of this process by default.

    Returns:
        The path of the report.
    """
    made_with = dict(versions() if made_with is None else made_with)
    values = {**summary.to_json(), "says": what_it_says(summary), "does_not_say": unsaid(summary), "versions": made_with}
    _replace(folder / "summary.json", json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _replace(folder / "report.html", page(summary, made_with))
    return folder / "report.html"


def _replace(path: Path, text: str) -> None:
    """By rename, so that a reader never sees half of it and a kill leaves the old one."""
    draft = path.with_name(path.name + f".{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on.

    Example:
        >>> "torch" in versions()
        True
    """
    found = {"equilayers": equilayers.__version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "scikit-learn"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return {**found, "machine": f"{platform.machine()}, {os.cpu_count()} cores"}


def page(summary: Summary, made_with: Mapping[str, str]) -> str:
    """The report as HTML that is also well-formed XML: no script, nothing loaded from elsewhere.

    Example:
        >>> page(Summary("digits", 0, 160, None, 0, 0), {}).splitlines()[0]
        '<!DOCTYPE html>'
    """
    title = f"Built in or learned: {TITLES.get(summary.dataset, summary.dataset)} under quarter turns"
    sections = [_header(summary, title), _words(summary), _plots(summary), _costs(summary), _tables(summary), _method(summary)]
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
        f"{summary.seeds} seeds",
        f"{summary.images} test images × 4 turns",
        *([f"{summary.steps} steps"] if summary.steps else []),
        "bars are 95 % intervals" + (", indicative" if summary.indicative else ""),
    ]
    listed = "".join(f"<li>{escape(fact)}</li>" for fact in facts)
    return f'<header><p class="kicker">equilayers bench</p><h1>{escape(title)}</h1><ul class="facts">{listed}</ul></header>'


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
    if any(c.first == "C4" and c.column == "rotated" for c in summary.contrasts):
        note = "Above zero C4 is ahead. The heavy bars are the comparison named beforehand; where a bar crosses zero it is undecided."
        figures.append(_figure(plots.differences(summary), "C4 minus each other arm", note))
    if summary.curves:
        note = f"One long run of each arm on {summary.curves[0].n} images, one seed: no interval."
        figures.append(_figure(plots.steps(summary), "Accuracy against steps", note))
    if any(e.error is not None for e in summary.equivariance):
        note = "1, the dotted line: no nearer to the law than another picture's output. Bars span the seeds' intervals."
        figures.append(_figure(plots.equivariance(summary), "Equivariance error", note))
    if not figures:
        return ""
    arms = [arm for arm in summary.arms if arm in plots.STYLES]
    legend = "".join(f"<li>{plots.key(arm)}{escape(arm)}</li>" for arm in arms)
    return f'<section><h2>Plots</h2><ul class="legend">{legend}</ul><div class="plots">{"".join(figures)}</div></section>'


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


def percent(interval: Interval | None) -> str:
    """ "66.8 ± 2.1" in per cent, without the half-width where there is none, a dash for an empty cell.

    Example:
        >>> percent(Interval(0.668, 0.647, 0.689, 5, 397)), percent(None)
        ('66.8 ± 2.1', '–')
    """
    if interval is None:
        return "–"
    half = interval.half_width
    return f"{100 * interval.mean:.1f}" + ("" if half is None else f" ± {100 * half:.1f}")


def _tables(summary: Summary) -> str:
    if not summary.levels:
        return ""
    parts = [_levels(summary, column) for column in COLUMNS if any(x.column == column for x in summary.levels)]
    return (
        f"<section><h2>Accuracy, %</h2>{''.join(parts)}</section>"
        f"<section><h2>Differences, points</h2>{_differences(summary)}</section>"
        f"<section><h2>Arms</h2>{_arms(summary)}{_flags(summary)}</section>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> str:
    """Cells are HTML already; the first column is a heading."""
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>' for first, *rest in rows
    )
    return f'<div class="wide"><table id="{name}"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _levels(summary: Summary, column: str) -> str:
    arms = [arm for arm in summary.arms if any((x.column, x.arm) == (column, arm) for x in summary.levels)]
    rows = [
        [_named(arm), *(percent(summary.level(column, n, arm)).replace(" ", "\u202f") for n in summary.sizes)] for arm in arms
    ]
    table = _table(["arm", *(f"n = {n}" for n in summary.sizes)], rows, f"levels-{column.replace('->', '-')}")
    return f"<h3>{escape(COLUMN_TITLES[column])}</h3>{table}"


def _named(arm: str) -> str:
    return f"{plots.key(arm)}{escape(arm)}" if arm in plots.STYLES else escape(arm)


def _differences(summary: Summary) -> str:
    pairs: dict[tuple[str, str, str], dict[int, Contrast]] = {}
    for c in summary.contrasts:
        pairs.setdefault((c.column, c.first, c.second), {})[c.n] = c
    rows = []
    for (column, first, second), cells in pairs.items():
        primary = next(iter(cells.values())).primary
        name = f"{escape(first)} − {escape(second)}"
        where = "" if column == "rotated" else f" <small>{escape(column.replace('->', ' → '))}</small>"
        rows.append([(f"<b>{name}</b>" if primary else name) + where, *(_cell(cells.get(n)) for n in summary.sizes)])
    return _table(["pair", *(f"n = {n}" for n in summary.sizes)], rows, "differences")


def _cell(contrast: Contrast | None) -> str:
    if contrast is None:
        return "–"
    i = contrast.difference
    ends = "" if i.low is None or i.high is None else f"<small>{points(i.low)} to {points(i.high)}</small>"
    return f'<span class="{contrast.verdict.replace(" ", "-")}">{points(i.mean)} {contrast.verdict}</span>{ends}'


def _arms(summary: Summary) -> str:
    costs, rates = {c.arm: c for c in summary.costs}, {r.arm: r for r in summary.rates}
    errors = {e.arm: e for e in sorted(summary.equivariance, key=lambda e: e.n)}
    rows = []
    for arm in [arm for arm in summary.arms if arm in costs or arm in rates]:
        cost, rate, error = costs.get(arm), rates.get(arm), errors.get(arm)
        chosen = "–" if rate is None else f"{rate.rate:g}" + (f" <small>{rate.edge} tried</small>" if rate.edge else "")
        measured = "–" if error is None else "undefined" if error.error is None else f"{error.error:.2g}"
        floor = "–" if error is None or error.floor is None else f"{error.floor:.1g}"
        size = ["–", "–", "–"] if cost is None else [
            f"{cost.parameters:,}".replace(",", "\u202f"), f"{cost.macs:,}".replace(",", "\u202f"),
            "–" if cost.seconds is None else f"{cost.seconds:.2f}",
        ]  # fmt: skip
        rows.append([_named(arm), *size, chosen, measured, floor])
    head = ["arm", "parameters", "MAC per image", "seconds", "learning rate", "equivariance error", "floor"]
    return _table(head, rows, "arms")


def _flags(summary: Summary) -> str:
    if not summary.flags:
        return ""
    rows = [[escape(f.arm), f.task, str(f.n), str(f.seed), f"{f.loss:.2f}"] for f in summary.flags]
    table = _table(["arm", "trained on", "n", "seed", "training loss"], rows, "flags")
    return f"<h3>Runs that did not fit their training set</h3>{table}"


def _method(summary: Summary) -> str:
    return f"""<section class="method"><h2>How to read it</h2><p>{escape(METHOD)}</p></section>"""


METHOD = (
    "Every arm sees the same training images for a seed, so differences are paired by seed and test image. An interval "
    "allows for both: Student's t over seeds and the normal law over images; the four turns of an image count as one. "
    "P means equal parameters with C4, F equal multiply-accumulates; TTA averages the probabilities over the four turns at "
    "test time. The wrong group is C4 conjugated by a roll of the picture: the same parameters, cost and orbit size, another "
    "symmetry. The equivariance error is the distance of an output from what the law demands, in units of its distance "
    "from other images' outputs."
)
