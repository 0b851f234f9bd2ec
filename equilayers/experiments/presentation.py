"""How results of a kind of task are shown: words, plots and tables of the report, and lines in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from equilayers.experiments.html import Markup
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import Contrast, Summary

__all__ = ["Presentation"]


@dataclass(frozen=True)
class Presentation:
    """What differs between the reports of different kinds of tasks.

    Attributes:
        title: of the page.
        facts: short facts under the title.
        says, unsaid: the two paragraphs, what the numbers say and what they do not say.
        sections: plots, costs, tables and method, as HTML in this order; empty ones are left out.
        heading: of the final table in a terminal.
        spread: what stands beside a level in that table.
        cell: a level in that table.
        verdict: a contrast in that table.
        running: a finished run's score in the table that is shown while the benchmark runs, in its own units.
        mean: of several such scores, as text; ``running_title`` stands above.
        line: a finished run's score in a log.
    """

    title: Callable[[str], str]
    facts: Callable[[Summary], list[str]]
    says: Callable[[Summary], str]
    unsaid: Callable[[Summary], str]
    sections: Callable[[Summary], list[Markup]]
    heading: str
    spread: str
    cell: Callable[[Interval | None], str]
    verdict: Callable[[Contrast], str]
    running_title: str
    running: Callable[[Mapping[str, Any]], float]
    mean: Callable[[list[float]], str]
    line: Callable[[Mapping[str, Any]], str]
