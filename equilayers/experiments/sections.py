"""Sections of the report that are the same for every kind of task, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from equilayers.experiments import plots
from equilayers.experiments.html import Markup, fill
from equilayers.experiments.summary import Summary

__all__ = ["against_steps", "cost_section", "equivariance_figure", "figure", "method_section", "plots_section"]


def figure(svg: Markup, caption: str, note: str) -> Markup:
    """A plot under its caption."""
    template = "<figure><figcaption><b>{{ caption }}</b> {{ note }}</figcaption>{{ svg }}</figure>"
    return fill(template, svg=svg, caption=caption, note=note)


def plots_section(arms: Iterable[str], figures: Sequence[Markup]) -> Markup:
    """The figures under a legend of the arms; nothing where there are none."""
    if not figures:
        return Markup()
    template = (
        '<section><h2>Plots</h2><ul class="legend">{% for key, arm in legend %}<li>{{ key }}{{ arm }}</li>{% endfor %}'
        '</ul><div class="plots">{% for figure in figures %}{{ figure }}{% endfor %}</div></section>'
    )
    return fill(template, legend=[(plots.key(arm), arm) for arm in arms], figures=figures)


def against_steps(summary: Summary, svg: Markup, caption: str, what: str) -> Markup:
    """The long runs; ``what`` they were trained on."""
    return figure(svg, caption, f"One long run of each arm on {summary.curves[0].n} {what}, one seed: no interval.")


def equivariance_figure(summary: Summary, what: str, other: str) -> Markup:
    """The errors of the meter against ``what`` arms were trained on; nothing where none is defined.

    Args:
        summary: with at least one error that is defined.
        what: "training images".
        other: whose output 1 stands for, "another picture's".
    """
    if all(e.error is None for e in summary.equivariance):
        return Markup()
    note = f"1, the dotted line: no nearer to the law than {other} output. Bars span the seeds' intervals."
    note += " An exact 0 lies on the lower edge." if any(e.error == 0 for e in summary.equivariance) else ""
    return figure(plots.equivariance(summary, what), "Equivariance error", note)


def cost_section(title: str, note: str, drawn: Iterable[Markup]) -> Markup:
    """Small plots side by side under a note."""
    template = (
        '<section><h2>{{ title }}</h2><p class="note">{{ note }}</p><div class="costs">'
        "{% for svg in drawn %}<figure>{{ svg }}</figure>{% endfor %}</div></section>"
    )
    return fill(template, title=title, note=note, drawn=drawn)


def method_section(text: str) -> Markup:
    """How the numbers came about."""
    return fill('<section class="method"><h2>How to read it</h2><p>{{ text }}</p></section>', text=text)
