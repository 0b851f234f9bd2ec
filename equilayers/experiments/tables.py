"""The tables of the report, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from equilayers.experiments import plots
from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.html import Markup, fill
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import COLUMNS, Contrast, Summary
from equilayers.experiments.words import points, small

__all__ = ["arms_table", "differences_table", "flags_table", "named", "percent", "table", "tables"]

COLUMN_TITLES = {
    "rotated": "Trained on turned pictures, tested on all turns",
    "upright->rotated": "Trained upright, tested on all turns",
    "upright->upright": "Trained and tested upright, where rotation is no symmetry",
}


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


def tables(summary: Summary) -> Markup:
    """Levels in each column, differences, and what each arm is; nothing without runs."""
    if not summary.levels:
        return Markup()
    return fill(
        "<section><h2>Accuracy, %</h2>{% for part in levels %}{{ part }}{% endfor %}</section>"
        "<section><h2>Differences, points</h2>{{ differences }}</section>"
        "<section><h2>Arms</h2>{{ arms }}{{ flags }}</section>",
        levels=[_levels(summary, c) for c in COLUMNS if any(x.column == c for x in summary.levels)],
        differences=differences_table(summary, "−", points),
        arms=arms_table(summary),
        flags=flags_table(summary),
    )


TABLE = (
    '<div class="wide"><table id="{{ name }}"><thead><tr>'
    '{% for cell in head %}<th scope="col">{{ cell }}</th>{% endfor %}'
    "</tr></thead><tbody>{% for first, rest in rows %}"
    '<tr><th scope="row">{{ first }}</th>{% for cell in rest %}<td>{{ cell }}</td>{% endfor %}</tr>'
    "{% endfor %}</tbody></table></div>"
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], name: str) -> Markup:
    """A table. Cells are text, or HTML that a template made; the first column is a heading."""
    return fill(TABLE, head=head, rows=[(row[0], row[1:]) for row in rows], name=name)


def _levels(summary: Summary, column: str) -> Markup:
    arms = [arm for arm in summary.arms if any((x.column, x.arm) == (column, arm) for x in summary.levels)]
    rows = [
        [named(arm), *(percent(summary.level(column, n, arm)).replace(" ", "\u202f") for n in summary.sizes)]
        for arm in arms
    ]
    made = table(["arm", *(f"n = {n}" for n in summary.sizes)], rows, f"levels-{column.replace('->', '-')}")
    return fill("<h3>{{ title }}</h3>{{ table }}", title=COLUMN_TITLES[column], table=made)


def named(arm: str) -> Markup:
    """An arm after a sample of its line."""
    return fill("{{ key }}{{ arm }}", key=plots.key(arm), arm=arm)


def differences_table(summary: Summary, between: str, shown: Callable[[float], str]) -> Markup:
    """Contrasts pair by pair; in bold the one that was named first.

    Args:
        summary: what is shown.
        between: the sign between the two arms.
        shown: one difference as text.
    """
    usual = scheme_of(summary.dataset).primary[0]
    pairs: dict[tuple[str, str, str], dict[int, Contrast]] = {}
    for c in summary.contrasts:
        pairs.setdefault((c.column, c.first, c.second), {})[c.n] = c
    rows = []
    for (column, first, second), cells in pairs.items():
        name = fill(
            "{% if primary %}<b>{{ pair }}</b>{% else %}{{ pair }}{% endif %}"
            "{% if where %} <small>{{ where }}</small>{% endif %}",
            primary=next(iter(cells.values())).primary,
            pair=f"{first} {between} {second}",
            where="" if column == usual else column.replace("->", " → "),
        )
        rows.append([name, *(_cell(cells.get(n), shown) for n in summary.sizes)])
    return table(["pair", *(f"n = {n}" for n in summary.sizes)], rows, "differences")


def _cell(contrast: Contrast | None, shown: Callable[[float], str]) -> str:
    if contrast is None:
        return "–"
    i, verdict = contrast.difference, contrast.verdict
    return fill(
        '<span class="{{ kind }}">{{ mean }} {{ verdict }}</span>{% if ends %}<small>{{ ends }}</small>{% endif %}',
        kind=verdict.replace(" ", "-"),
        mean=shown(i.mean),
        verdict=verdict,
        ends="" if i.low is None or i.high is None else f"{shown(i.low)} to {shown(i.high)}",
    )


def arms_table(summary: Summary, each: str = "image") -> Markup:
    """Costs, learning rates and equivariance errors; ``each`` is what one input is."""
    costs, rates = {c.arm: c for c in summary.costs}, {r.arm: r for r in summary.rates}
    errors = {e.arm: e for e in sorted(summary.equivariance, key=lambda e: e.n)}
    rows = []
    for arm in [arm for arm in summary.arms if arm in costs or arm in rates]:
        cost, rate, error = costs.get(arm), rates.get(arm), errors.get(arm)
        chosen = "–" if rate is None else f"{rate.rate:g}"
        if rate is not None and rate.edge:
            chosen = fill("{{ rate }} <small>{{ edge }} tried</small>", rate=chosen, edge=rate.edge)
        measured = "–" if error is None else "undefined" if error.error is None else small(error.error)
        floor = "–" if error is None or error.floor is None else small(error.floor)
        size = ["–", "–", "–"] if cost is None else [
            f"{cost.parameters:,}".replace(",", "\u202f"), f"{cost.macs:,}".replace(",", "\u202f"),
            "–" if cost.seconds is None else f"{cost.seconds:.2f}",
        ]  # fmt: skip
        rows.append([named(arm), *size, chosen, measured, floor])
    head = ["arm", "parameters", f"MAC per {each}", "seconds", "learning rate", "equivariance error", "floor"]
    return table(head, rows, "arms")


def flags_table(summary: Summary) -> Markup:
    """Runs that did not fit their training set; nothing where all did."""
    if not summary.flags:
        return Markup()
    rows = [[f.arm, f.task, str(f.n), str(f.seed), f"{f.loss:.2f}"] for f in summary.flags]
    made = table(["arm", "trained on", "n", "seed", "training loss"], rows, "flags")
    return fill("<h3>Runs that did not fit their training set</h3>{{ table }}", table=made)
