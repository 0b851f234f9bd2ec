"""The report's plots, each one inline SVG whose letters are the page's own."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from equilayers.experiments.html import Markup, fill
from equilayers.experiments.summary import PRIMARY, Contrast, Summary
from equilayers.experiments.words import SUPERSCRIPTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "EVERY",
    "INK",
    "STYLES",
    "Style",
    "accuracy",
    "cost",
    "difference_lines",
    "differences",
    "dodge",
    "draw",
    "equivariance",
    "key",
    "line",
    "number",
    "power",
    "size_axis",
    "step_ticks",
    "steps",
    "style",
]  # fmt: skip

INK, FAINT, RULE = "#1d1f21", "#5c6166", "#d9dcdf"

# The colours of Okabe and Ito, told apart by every kind of colour vision; shapes and dashes say the same once more.
GREY, BLUE, VERMILION, GREEN, PURPLE, SKY = "#6f7479", "#0072b2", "#d55e00", "#009e73", "#b25a8e", "#56b4e9"


@dataclass(frozen=True)
class Style:
    """How an arm is drawn: colour, marker, whether it is filled, and dashes (on, off)."""

    colour: str
    marker: str = "o"
    filled: bool = True
    dashes: tuple[float, ...] = ()


STYLES = {
    "plain-P": Style(GREY, "s", False, (4, 2)),
    "plain-F": Style(GREY, "s"),
    "augmented-P": Style(VERMILION, "^", False, (4, 2)),
    "augmented-F": Style(VERMILION, "^"),
    "canonicalised": Style(GREEN, "D"),
    "C4": Style(BLUE, "o"),
    "wrong group": Style(PURPLE, "v"),
    "plain-P + TTA": Style(GREY, "s", False, (1, 2)),
    "wrong group, permuted": Style(SKY, "v", False, (4, 2)),
    "plain-P, permuted": Style(SKY, "s", False, (1, 2)),
}


EVERY = {  # and the arms of tasks on vectors
    **STYLES,
    "built-in": Style(BLUE, "o"),
    "scalars": Style(BLUE, "s", False, (4, 2)),
    "Deep Sets": Style(SKY, "o", False),
    "Set Transformer": Style(SKY, "D", False, (4, 2)),
    "built-in + plain": Style(SKY, "D"),
    "ODE plain": Style(GREY, "s", False, (4, 2)),
    "ODE augmented": Style(VERMILION, "^", False, (4, 2)),
    "ODE built-in": Style(BLUE, "o", False, (4, 2)),
    "HNN plain": Style(GREY, "s"),
    "HNN augmented": Style(VERMILION, "^"),
    "HNN built-in": Style(BLUE, "o"),
    "HNN scalars": Style(GREEN, "D"),
    "HNN wrong axis": Style(PURPLE, "v"),
}
LEARNING = ("augmented-F", "augmented-P", "canonicalised")  # arms that learn the symmetry from data


def style(arm: str) -> Style:
    """The style of an arm; arms without one of their own are drawn in ink."""
    return EVERY.get(arm, Style(INK, "o", False, (1, 1)))


KEY = (
    '<svg class="key" viewBox="0 0 28 14" width="28" height="14" aria-hidden="true">{% if style %}'
    '<line x1="0" y1="7" x2="28" y2="7" stroke="{{ style.colour }}" stroke-width="1.7"'
    """{% if style.dashes %} stroke-dasharray="{{ style.dashes|join(' ') }}"{% endif %}/>"""
    '<{{ shape }} fill="{{ style.colour if style.filled else "#fff" }}" stroke="{{ style.colour }}" stroke-width="1.3"'
    "/>{% endif %}</svg>"
)
SHAPES = {
    "o": Markup('circle cx="14" cy="7" r="3.6"'),
    "s": Markup('rect x="10.6" y="3.6" width="6.8" height="6.8"'),
    "^": Markup('path d="M14 2.6 18.2 10.4H9.8Z"'),
    "v": Markup('path d="M14 11.4 18.2 3.6H9.8Z"'),
    "D": Markup('path d="M14 2.4 18.6 7 14 11.6 9.4 7Z"'),
}


def key(arm: str) -> Markup:
    """A sample of an arm's line and marker, as SVG, for legend and tables; blank for an arm that no plot draws."""
    known = EVERY.get(arm)
    return fill(KEY, style=known, shape=SHAPES[known.marker] if known else "")


def draw(name: str, title: str, paint: Callable[[Axes], None], size: tuple[float, float] = (4.7, 3.3)) -> Markup:
    """One plot as an ``svg`` element with an accessible title; the same bytes for the same numbers."""
    from matplotlib import style as styles
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "font.family": "sans-serif",
        "font.size": 9.5,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": INK,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "axes.grid": True,
        "grid.color": RULE,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
    }
    with styles.context(["default", settings], after_reset=True):  # no matplotlibrc of the working directory
        figure: Figure = Figure(figsize=size, layout="constrained")
        FigureCanvasSVG(figure)
        paint(figure.add_subplot())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _inline(text.getvalue(), name, title)


def _inline(svg: str, name: str, title: str) -> Markup:
    """Only the ``svg`` element, its size left to the page, its identifiers made the plot's own."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.S)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'href="#', f'href="#{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r' xmlns:xlink="[^"]*"| xmlns="[^"]*"', "", svg, count=2)
    svg = svg.replace("xlink:href", "href")
    template = '<svg class="plot" id="plot-{{ name }}" role="img" aria-label="{{ title }}"'
    return fill(template, name=name, title=title) + Markup(svg.removeprefix("<svg"))  # matplotlib escapes its texts


def line(axes: Axes, arm: str, x: Any, y: Any, low: Any = None, high: Any = None, **more: Any) -> None:
    """Points of an arm, joined, in its style, with bars from ``low`` to ``high``."""
    s = style(arm)
    dashes = (0, s.dashes) if s.dashes else "-"
    face = s.colour if s.filled else "white"
    axes.plot(
        x, y, color=s.colour, linestyle=dashes, linewidth=1.5, marker=s.marker, markersize=4.8, markerfacecolor=face,
        markeredgecolor=s.colour, markeredgewidth=1.1, **more,
    )  # fmt: skip
    if low is not None:
        axes.vlines(x, low, high, color=s.colour, linewidth=1.0, alpha=0.75)


def dodge(index: int, count: int) -> float:
    """A factor on the logarithmic axis that sets arms of one size side by side."""
    return float(1.045 ** (index - (count - 1) / 2))


def size_axis(axes: Axes, sizes: Sequence[int], what: str = "training images") -> None:
    """A logarithmic axis with a tick at every size."""
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{n:,}".replace(",", " ") for n in sizes])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(what)
    axes.set_xlim(min(sizes) / 1.35, max(sizes) * 1.35)
    axes.grid(axis="x", visible=False)


def accuracy(summary: Summary, column: str = "rotated") -> Markup:
    """Accuracy against data, with intervals."""
    arms = [arm for arm in summary.arms if arm in STYLES]
    arms = [arm for arm in arms if any((x.column, x.arm) == (column, arm) for x in summary.levels)]

    def paint(axes: Axes) -> None:
        for i, arm in enumerate(arms):
            cells = [x for x in summary.levels if (x.column, x.arm) == (column, arm)]
            x = np.array([cell.n for cell in cells]) * dodge(i, len(arms))
            line(axes, arm, x, *_ends([cell.score for cell in cells]), gid=f"arm-{arm.replace(' ', '-')}")
        size_axis(axes, sorted({x.n for x in summary.levels if x.column == column}))
        axes.set_ylabel("accuracy, %")
        bottom, top = axes.get_ylim()
        least = 100 * min(x.score.mean for x in summary.levels if x.column == column and x.arm in arms)
        axes.set_ylim(max(bottom, least - 12, 0), min(top, 101))  # intervals of two seeds may leave the scale

    return draw(f"accuracy-{column.replace('>', '')}", f"Accuracy against data, {column}", paint)


def _ends(intervals: Sequence[Any], scale: float = 100) -> tuple[list[float], list[float], list[float]]:
    """Means, lower and upper ends, as drawn."""
    means = [scale * i.mean for i in intervals]
    lows = [scale * (i.mean if i.low is None else i.low) for i in intervals]
    return means, lows, [scale * (i.mean if i.high is None else i.high) for i in intervals]


def differences(summary: Summary) -> Markup:
    """C4 minus each arm that learns the symmetry, with intervals and the line of no difference; the primary is heavier.

    The others are behind by so much on little data that they would flatten what is in question.
    """
    found: dict[str, list[Contrast]] = {}
    for c in summary.contrasts:
        if (c.column, c.first) == PRIMARY[:2] and c.second in LEARNING:
            found.setdefault(c.second, []).append(c)

    def paint(axes: Axes) -> None:
        difference_lines(axes, found)
        axes.set_ylabel("C4 minus the other, points")

    return draw("differences", "C4 minus the arms that learn the symmetry, with intervals", paint)


def difference_lines(
    axes: Axes, found: Mapping[str, Sequence[Contrast]], scale: float = 100, what: str = "training images"
) -> list[float]:
    """Contrasts with each arm over the size, the primary one heavier, and the line of no difference; their means."""
    axes.axhline(0, color=INK, linewidth=0.9)
    means: list[float] = []
    for i, (second, contrasts) in enumerate(found.items()):
        x = np.array([c.n for c in contrasts]) * dodge(i, len(found))
        mean, low, high = _ends([c.difference for c in contrasts], scale)
        if contrasts[0].primary:
            axes.vlines(x, low, high, color=style(second).colour, linewidth=3.4, alpha=0.9)
        line(axes, second, x, mean, low, high)
        means += mean
    size_axis(axes, sorted({c.n for contrasts in found.values() for c in contrasts}), what)
    return means


def steps(summary: Summary) -> Markup:
    """Accuracy against training steps, from the long runs."""

    def paint(axes: Axes) -> None:
        for curve in summary.curves:
            line(axes, curve.arm, curve.steps, 100 * np.array(curve.scores))
        axes.set_xscale("log")
        shown = step_ticks(summary)
        axes.set_xticks(shown, [f"{t:,}".replace(",", " ") for t in shown])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("training steps")
        axes.set_ylabel("accuracy, %")
        axes.grid(axis="x", visible=False)

    return draw("steps", "Accuracy against training steps", paint)


def step_ticks(summary: Summary) -> list[int]:
    """The steps of the long runs, without those that would crowd the axis."""
    ticks = sorted({step for curve in summary.curves for step in curve.steps})
    return [t for i, t in enumerate(ticks) if i == 0 or t >= 1.6 * ticks[i - 1] or t == ticks[-1]]


def equivariance(summary: Summary, what: str = "training images") -> Markup:
    """Equivariance error against data on a logarithmic scale, with the floor of rounding shaded."""
    defined = [e for e in summary.equivariance if e.error is not None]
    arms = list(dict.fromkeys(e.arm for e in defined))
    floors = [e.floor for e in summary.equivariance if e.floor]
    least = min([e.error for e in defined if e.error] + floors, default=1e-8)
    least = max(least / 10, 1e-30)  # an exact 0 is drawn here

    def paint(axes: Axes) -> None:
        for i, arm in enumerate(arms):
            cells = [e for e in defined if e.arm == arm]
            x = np.array([e.n for e in cells]) * dodge(i, len(arms))
            columns = ([e.error for e in cells], [e.low for e in cells], [e.high for e in cells])
            shown = [[max(v or e.error or 0.0, least) for e, v in zip(cells, c, strict=True)] for c in columns]
            line(axes, arm, x, *shown)
        if floors:
            axes.axhspan(least, max(floors), color="#eceff1", linewidth=0, zorder=0)
            middle = float(np.sqrt(least * max(floors) / 4))
            axes.text(0.98, middle, "floor", color=FAINT, ha="right", va="center", transform=axes.get_yaxis_transform())
        axes.axhline(1.0, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.set_yscale("log")
        axes.set_ylim(least, 4)
        lowest = int(np.ceil(np.log10(least)))
        axes.set_yticks([10.0**k for k in range(0, lowest - 1, -max(1, -lowest // 8))])
        axes.set_yticks([], minor=True)
        axes.yaxis.set_major_formatter(power)
        size_axis(axes, sorted({e.n for e in defined}), what)
        axes.set_ylabel("equivariance error")

    return draw("equivariance", "Equivariance error against data, with its floor", paint)


def power(value: float, position: float) -> str:
    """A power of ten as the label of a tick."""
    exponent = round(np.log10(value))
    return "1" if exponent == 0 else "10" + str(exponent).translate(SUPERSCRIPTS)


def cost(summary: Summary, what: str) -> Markup:
    """One bar for each arm: ``parameters``, ``macs`` or ``seconds``, with the number at its end."""
    labels = {"parameters": "parameters", "macs": "multiply-accumulates per image", "seconds": "seconds of training"}
    costs = [c for c in summary.costs if (c.arm in STYLES) and getattr(c, what) is not None]
    if what != "macs":
        costs = [c for c in costs if not c.arm.endswith("TTA")]

    def paint(axes: Axes) -> None:
        values = [float(getattr(c, what)) for c in costs]
        colours = [style(c.arm).colour for c in costs]
        filled = [style(c.arm).filled for c in costs]
        faces = [colour if full else "white" for colour, full in zip(colours, filled, strict=True)]
        rows = np.arange(len(costs))[::-1]
        axes.barh(rows, values, height=0.62, color=faces, edgecolor=colours, linewidth=1.3)
        for row, value in zip(rows, values, strict=True):
            axes.text(value + 0.02 * max(values), row, number(value), va="center", color=INK)
        axes.set_yticks(rows, [c.arm for c in costs])
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(0, 1.28 * max(values))
        axes.set_xticks([])
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(False)
        axes.set_title(labels[what], loc="left", fontsize=9.5, color=INK)

    return draw(f"cost-{what}", f"Cost: {labels[what]}", paint, (3.7, 0.55 + 0.26 * len(costs)))


def number(value: float) -> str:
    """Three digits and a unit of thousands."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {unit}"
    return f"{value:.2g}" if value < 1 else f"{value:.3g}"
