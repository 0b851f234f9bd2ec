"""Sections of the report that are the same for every kind of task, as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from equilayers.experiments import plots
from equilayers.experiments.summary import Summary

__all__ = ["against_steps", "cost_section", "equivariance_figure", "figure", "method_section", "plots_section"]


def figure(svg: str, caption: str, note: str) -> str:
    """A plot under its caption."""
    return f"<figure><figcaption><b>{escape(caption)}</b> {escape(note)}</figcaption>{svg}</figure>"


def plots_section(arms: Iterable[str], figures: Sequence[str]) -> str:
    """The figures under a legend of the arms; nothing where there are none."""
    if not figures:
        return ""
    legend = "".join(f"<li>{plots.key(arm)}{escape(arm)}</li>" for arm in arms)
    return (
        f'<section><h2>Plots</h2><ul class="legend">{legend}</ul><div class="plots">{"".join(figures)}</div></section>'
    )


def against_steps(summary: Summary, svg: str, caption: str, what: str) -> str:
    """The long runs; ``what`` they were trained on."""
    return figure(svg, caption, f"One long run of each arm on {summary.curves[0].n} {what}, one seed: no interval.")


def equivariance_figure(summary: Summary, what: str, other: str) -> str:
    """The errors of the meter against ``what`` arms were trained on; nothing where none is defined.

    Args:
        summary: with at least one error that is defined.
        what: "training images".
        other: whose output 1 stands for, "another picture's".
    """
    if all(e.error is None for e in summary.equivariance):
        return ""
    note = f"1, the dotted line: no nearer to the law than {other} output. Bars span the seeds' intervals."
    note += " An exact 0 lies on the lower edge." if any(e.error == 0 for e in summary.equivariance) else ""
    return figure(plots.equivariance(summary, what), "Equivariance error", note)


def cost_section(title: str, note: str, drawn: Iterable[str]) -> str:
    """Small plots side by side under a note."""
    made = "".join(f"<figure>{svg}</figure>" for svg in drawn)
    return f'<section><h2>{title}</h2><p class="note">{escape(note)}</p><div class="costs">{made}</div></section>'


def method_section(text: str) -> str:
    """How the numbers came about."""
    return f'<section class="method"><h2>How to read it</h2><p>{escape(text)}</p></section>'
