"""Reports on pictures: plots, costs, tables and method, and what a terminal sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equilayers.experiments import plots
from equilayers.experiments.html import Markup
from equilayers.experiments.presentation import Presentation
from equilayers.experiments.sections import (
    against_steps,
    cost_section,
    equivariance_figure,
    figure,
    method_section,
    plots_section,
)
from equilayers.experiments.summary import Contrast, Summary
from equilayers.experiments.tables import percent, tables
from equilayers.experiments.words import points, unsaid, what_it_says

__all__ = ["PRESENTATION"]

TITLES = {"digits": "8×8 digits", "mnist-rot": "28×28 digits"}


def _plots(summary: Summary) -> Markup:
    figures = []
    if summary.levels:
        figures.append(figure(plots.accuracy(summary), "Accuracy against data", "Mean over seeds and test images."))
    if any(c.first == "C4" and c.column == "rotated" and c.second in plots.LEARNING for c in summary.contrasts):
        note = (
            "Above zero C4 is ahead; where a bar crosses zero it is undecided. Heavy bars: the comparison named first."
        )
        figures.append(figure(plots.differences(summary), "C4 minus the arms that learn the symmetry", note))
    if summary.curves:
        figures.append(against_steps(summary, plots.steps(summary), "Accuracy against steps", "images"))
    figures.append(equivariance_figure(summary, "training images", "another picture's"))
    return plots_section([arm for arm in summary.arms if arm in plots.STYLES], [f for f in figures if f])


def _costs(summary: Summary) -> Markup:
    if not summary.costs:
        return Markup()
    kinds = [k for k in ("parameters", "macs", "seconds") if any(getattr(c, k) is not None for c in summary.costs)]
    note = "Averaging over the rotations (TTA) changes nothing in training and costs four passes for each test image. "
    note += f"Seconds: one run on {max(summary.sizes)} images, one thread."
    return cost_section("Cost", note, [plots.cost(summary, kind) for kind in kinds])


METHOD = (
    "Every arm sees the same training images for a seed, so differences are paired by seed and test image. An interval "
    "allows for both: Student's t over seeds and the normal law over images; the four turns of an image count as one. "
    "P means equal parameters with C4, F equal multiply-accumulates; TTA averages the probabilities of the four turns "
    "at test time. The wrong group is C4 conjugated by a roll of the picture: same parameters, cost and orbit "
    "size, another symmetry. The equivariance error is the distance of an output from what the law demands, in units "
    "of its distance from other images' outputs."
)


def _sections(summary: Summary) -> list[Markup]:
    return [_plots(summary), _costs(summary), tables(summary), method_section(METHOD)]


def _verdict(contrast: Contrast) -> str:
    half = contrast.difference.half_width
    return points(contrast.difference.mean) + ("" if half is None else f" ± {100 * half:.1f}")


def _accuracy(record: Mapping[str, Any]) -> float:
    return record["evaluations"]["rotated"]["accuracy"]


PRESENTATION = Presentation(
    title=lambda name: f"Built in or learned: {TITLES.get(name, name)} under quarter turns",
    facts=lambda summary: [f"{summary.images} test images × 4 turns"],
    says=what_it_says,
    unsaid=unsaid,
    sections=_sections,
    heading="accuracy on all turns, %",
    spread="± half of a 95 % interval",
    cell=percent,
    verdict=_verdict,
    running_title="accuracy on all turns so far, %",
    running=_accuracy,
    mean=lambda found: f"{100 * sum(found) / len(found):.1f}",
    line=lambda record: f"{100 * _accuracy(record):.1f} %",
)
