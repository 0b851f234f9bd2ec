"""Reports on tasks on vectors, and what a terminal sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.html import Markup, fill
from equilayers.experiments.presentation import Presentation
from equilayers.experiments.sections import (
    against_steps,
    cost_section,
    equivariance_figure,
    figure,
    method_section,
    plots_section,
)
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import Contrast, Summary
from equilayers.experiments.tables import arms_table, differences_table, flags_table, named, percent, table
from equilayers.experiments.vectors import plots as drawn
from equilayers.experiments.vectors.texts import TEXTS
from equilayers.experiments.vectors.words import Words, factor, level
from equilayers.experiments.words import points

__all__ = ["ACCURACIES", "ERRORS"]


def _title(name: str) -> str:
    return f"Built in or learned: {TEXTS[name].title}"


def _facts(summary: Summary) -> list[str]:
    return [f"{TEXTS[summary.dataset].symmetry}", f"{summary.images} test units"]


def _label(summary: Summary, error: bool) -> str:
    if not error:
        return "accuracy, %"
    return "relative error of roll-outs" if summary.dataset == "pendulum" else TEXTS[summary.dataset].metric


def _sections(summary: Summary, words: Words) -> list[Markup]:
    return [
        _plots(summary, words.error),
        _costs(summary, words.error),
        _tables(summary, words),
        _method(summary, words),
    ]


def _plots(summary: Summary, error: bool) -> Markup:
    if not summary.levels:
        return Markup()
    label = _label(summary, error)
    what = "Mean error over seeds and test units, geometric over seeds." if error else "Mean over seeds and test units."
    caption = f"{label[0].upper()}{label[1:]} against data".replace(", %", "")
    figures = [figure(drawn.levels(summary, error, label), caption, what)]
    if any(c.second in drawn.learning(summary) for c in summary.contrasts):
        _, first, _ = scheme_of(summary.dataset).primary
        note = f"Above the line {first} is ahead; where a bar crosses it, undecided. Heavy: the comparison named first."
        note += " The others learn the symmetry or compute it."
        if error:
            note += " ÷2: half the error."
        figures.append(
            figure(drawn.differences(summary, error), f"{first[0].upper()}{first[1:]} against other ways", note)
        )
    if summary.curves:
        figures.append(against_steps(summary, drawn.steps(summary, error, label), "Against training steps", "samples"))
    figures.append(equivariance_figure(summary, "training samples", "another input's"))
    return plots_section(summary.arms, [f for f in figures if f])


def _costs(summary: Summary, error: bool) -> Markup:
    if not summary.costs or not summary.levels:
        return Markup()
    kinds = [k for k in drawn.COSTS if any(getattr(c, k) for c in summary.costs)]
    label = _label(summary, error)
    note = f"Each arm on {max(summary.sizes)} samples. Seconds: one run, one thread of this machine."
    return cost_section("Against cost", note, [drawn.against_cost(summary, kind, error, label) for kind in kinds])


def _error_cell(interval: Interval | None) -> str:
    """ "0.50 (0.41 to 0.61)", the dash for an empty cell."""
    if interval is None:
        return "–"
    ends = (
        "" if interval.low is None or interval.high is None else f" ({level(interval.low)} to {level(interval.high)})"
    )
    return level(interval.mean) + ends


def _tables(summary: Summary, words: Words) -> Markup:
    if not summary.levels:
        return Markup()
    column = scheme_of(summary.dataset).primary[0]
    cell = _error_cell if words.error else percent
    head = [f"n = {n}" for n in summary.sizes]
    rows = [[named(arm), *(cell(summary.level(column, n, arm)) for n in summary.sizes)] for arm in summary.arms]
    label = _label(summary, words.error)
    made = table(["arm", *head], rows, "levels-drawn")
    ratio = "Differences: how many times smaller the error of the first" if words.error else "Differences, points"
    pairs = differences_table(summary, *("/", factor) if words.error else ("−", points))
    return fill(
        "<section><h2>{{ label }}</h2>{{ levels }}</section><section><h2>{{ ratio }}</h2>{{ pairs }}</section>"
        "<section><h2>Arms</h2>{{ arms }}{{ flags }}</section>",
        label=label[0].upper() + label[1:],
        levels=made,
        ratio=ratio,
        pairs=pairs,
        arms=arms_table(summary, "input"),
        flags=flags_table(summary),
    )


def _method(summary: Summary, words: Words) -> Markup:
    scale = "Errors are compared as logarithms, so a difference is a ratio; " if words.error else ""
    if scale and summary.dataset == "pendulum":
        scale += "each trajectory enters by the mean of its logarithms. "
    elif scale:
        scale += "the error of a run enters by its mean over the test set, that of a test unit to first order. "
    matched = "P means equal parameters with the built-in network, F equal multiply-accumulates. "
    matched = matched if "plain-P" in scheme_of(summary.dataset).order else ""
    text = (
        "Every arm sees the same training samples for a seed, and all arms one test set, so differences are paired by "
        "seed and test unit, a block of samples or a trajectory. An interval allows for both: Student's t "
        "over seeds and "
        f"the normal law over units. {scale}Samples for judging learning rates are of neither set. {matched}"
        "The wrong group is "
        f"{TEXTS[summary.dataset].wrong}: same parameters, cost and orbits, another symmetry. The "
        "equivariance error is "
        "the distance of an output from what the law demands, in units of its distance from other inputs' outputs."
    )
    return method_section(text)


def _score(record: Mapping[str, Any]) -> float:
    return record["evaluations"]["test"]["score"]


def _mean(found: list[float]) -> float:
    return sum(found) / len(found)


def _presentation(error: bool) -> Presentation:
    words = Words(error)

    def verdict(contrast: Contrast) -> str:
        i = contrast.difference
        if i.low is None or i.high is None:
            return words.shown(i.mean)
        if error:
            return f"{words.shown(i.mean)} ({words.shown(i.low)} to {words.shown(i.high)})"
        return f"{points(i.mean)} ± {100 * (i.high - i.low) / 2:.1f}"

    return Presentation(
        title=_title,
        facts=_facts,
        says=words.says,
        unsaid=words.unsaid,
        sections=lambda summary: [s for s in _sections(summary, words) if s],
        heading="test error (÷: how many times smaller that of the first)" if error else "accuracy, %",
        spread="with 95 % intervals" if error else "± half of a 95 % interval",
        cell=_error_cell if error else percent,
        verdict=verdict,
        running_title="test error so far" if error else "accuracy so far, %",
        running=_score,
        mean=lambda found: level(_mean(found)) if error else f"{100 * _mean(found):.1f}",
        line=lambda record: level(_score(record)) if error else f"{100 * _score(record):.1f} %",
    )


ERRORS, ACCURACIES = _presentation(True), _presentation(False)
