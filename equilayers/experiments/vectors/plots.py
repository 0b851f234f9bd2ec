"""Plots of tasks on vectors: scores against data and against cost, on axes that suit them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.html import Markup
from equilayers.experiments.plots import difference_lines, dodge, draw, line, number, power, size_axis, step_ticks
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import Contrast, Summary
from equilayers.experiments.vectors.words import factor

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["COSTS", "against_cost", "differences", "learning", "levels", "steps"]

SAMPLES = "training samples"
COSTS = {"parameters": "parameters", "macs": "multiply-accumulates per input", "seconds": "seconds of training"}
Ends = tuple[list[float], list[float], list[float]]


def _shown(intervals: Sequence[Interval], error: bool) -> Ends:
    """Means and ends as drawn: errors, or accuracies in per cent."""
    ends = [(i.mean, i.mean if i.low is None else i.low, i.mean if i.high is None else i.high) for i in intervals]
    drawn = [tuple(10.0 ** min(max(x, -300), 300) if error else 100 * x for x in e) for e in ends]
    return [e[0] for e in drawn], [e[1] for e in drawn], [e[2] for e in drawn]


def _score_axis(axes: Axes, error: bool, label: str, means: Sequence[float]) -> None:
    """Logarithmic for errors; wide intervals of few seeds do not set its range."""
    axes.set_ylabel(label)
    low, high = min(means), max(means)
    if not error:
        axes.set_ylim(max(0.0, low - 8), min(101.0, high + 8))
        return
    axes.set_yscale("log")
    margin = max((high / low) ** 0.12, 1.5)
    axes.set_ylim(low / margin, high * margin)
    _log_labels(axes)


def _cost_axis(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic, with at most a handful of ticks, also where all arms cost the same."""
    low, high = min(values) / 1.3, max(values) * 1.3
    steps = (1, 2, 5) if high / low < 50 else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    ticks = [s * 10.0**k for k in powers for s in steps if low <= s * 10.0**k <= high]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks(ticks, [number(t) for t in ticks])
    axes.set_xticks([], minor=True)


def _log_labels(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    if high / low > 300:
        axes.yaxis.set_major_formatter(FuncFormatter(power))
    else:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def levels(summary: Summary, error: bool, label: str) -> Markup:
    """Error or accuracy against the size of the training set, with intervals."""

    def paint(axes: Axes) -> None:
        means: list[float] = []
        for i, arm in enumerate(summary.arms):
            cells = [x for x in summary.levels if x.arm == arm]
            x = np.array([cell.n for cell in cells]) * dodge(i, len(summary.arms))
            ends = _shown([cell.score for cell in cells], error)
            line(axes, arm, x, *ends, gid=f"arm-{arm.replace(' ', '-')}")
            means += ends[0]
        size_axis(axes, summary.sizes, SAMPLES)
        _score_axis(axes, error, label, means)

    return draw("levels", f"{label} against data", paint)


def learning(summary: Summary) -> list[str]:
    """Arms that learn the symmetry from data or compute it: the named comparison first."""
    _, first, second = scheme_of(summary.dataset).primary
    others = [c.second for c in summary.contrasts if c.first == first]
    return [o for o in dict.fromkeys(others) if o == second or o.startswith(("augmented", "canonicalised", "scalars"))]


def differences(summary: Summary, error: bool) -> Markup:
    """How far the first arm of the named comparison is ahead of those that learn the symmetry."""
    _, first, _ = scheme_of(summary.dataset).primary
    chosen = learning(summary)
    found: dict[str, list[Contrast]] = {}
    for c in summary.contrasts:
        if c.first == first and c.second in chosen:
            found.setdefault(c.second, []).append(c)

    def paint(axes: Axes) -> None:
        scale = 1 if error else 100
        means = difference_lines(axes, found, scale, SAMPLES)
        room = max(max(means) - min(means), 0.2 * scale) * 0.7
        axes.set_ylim(min(0.0, *means) - room, max(0.0, *means) + room)
        if error:
            axes.yaxis.set_major_formatter(lambda v, _: factor(v) if v else "1")
        axes.set_ylabel(f"error of {first}, over the other" if error else f"{first} minus the other, points")

    return draw("differences", f"{first} against the arms that learn the symmetry, with intervals", paint)


def steps(summary: Summary, error: bool, label: str) -> Markup:
    """Scores along the long runs."""

    def paint(axes: Axes) -> None:
        means: list[float] = []
        for curve in summary.curves:
            y = [10.0**v if error else 100 * v for v in curve.scores]
            line(axes, curve.arm, curve.steps, y)
            means += y
        size_axis(axes, step_ticks(summary), "training steps")
        _score_axis(axes, error, label, means)

    return draw("steps", f"{label} against training steps", paint)


def against_cost(summary: Summary, what: str, error: bool, label: str) -> Markup:
    """The scores at the largest size over ``parameters``, ``macs`` or ``seconds`` of the arms."""
    n = max(summary.sizes)
    column = scheme_of(summary.dataset).primary[0]
    costs = {c.arm: getattr(c, what) for c in summary.costs if getattr(c, what)}
    arms = [arm for arm in summary.arms if arm in costs and summary.level(column, n, arm) is not None]

    def paint(axes: Axes) -> None:
        means: list[float] = []
        for arm in arms:
            found: Any = summary.level(column, n, arm)
            ends = _shown([found], error)
            line(axes, arm, [costs[arm]], *ends)
            means += ends[0]
        _cost_axis(axes, [float(costs[arm]) for arm in arms])
        axes.set_xlabel(COSTS[what])
        _score_axis(axes, error, label, means)

    return draw(f"cost-{what}", f"{label} against {COSTS[what]}", paint, (3.7, 3.0))
