"""Two paragraphs in plain words about a task on vectors, made from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import Contrast, Summary
from equilayers.experiments.vectors.texts import TEXTS
from equilayers.experiments.words import (
    SUPERSCRIPTS,
    by_chance,
    counted,
    exactness,
    flagged,
    listed,
    pick,
    points,
    small,
    tuning,
    turning,
    unfinished,
    verdicts,
    wrong_group,
)

__all__ = ["Words", "factor", "level"]


def factor(logarithm: float) -> str:
    """How many times smaller an error is, from the decimal logarithm of the ratio.

    Example:
        >>> factor(1.0), factor(-0.30103), factor(0.0), factor(0.01)
        ('÷10', '×2.0', '÷1.0', '÷1.02')
    """
    sign, size = ("÷", logarithm) if logarithm >= 0 else ("×", -logarithm)
    if size >= 4:
        return f"{sign}10{str(round(size)).translate(SUPERSCRIPTS)}"
    value = 10.0**size
    digits = 0 if value >= 9.95 else 1 if value >= 1.095 or value == 1 else 2  # an end near 1 lies on one side of it
    return f"{sign}{value:.{digits}f}"


def level(logarithm: float) -> str:
    """An error to two digits, from its decimal logarithm.

    Example:
        >>> level(-0.30103), level(1.6), level(-6.0)
        ('0.50', '40', '1.0·10⁻⁶')
    """
    if logarithm >= 300:  # an end of an interval may lie beyond what a float holds
        return f"1e+{round(logarithm)}"
    value = 10.0**logarithm
    if value >= 1000:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 1 else _fraction(value)


def _fraction(value: float) -> str:
    return small(value) if value < 1e-3 else f"{value:.2f}" if value >= 0.0995 else f"{value:.2g}"


@dataclass(frozen=True)
class Words:
    """The two paragraphs; ``error`` says whether scores are logarithms of errors, or accuracies."""

    error: bool

    def shown(self, difference: float) -> str:
        """One difference."""
        return factor(difference) if self.error else f"{points(difference)} points"

    def _span(self, contrasts: Sequence[Contrast]) -> str:
        means = [c.difference.mean for c in contrasts]
        low, high = self.shown(min(means)), self.shown(max(means))
        return low if low == high else f"{low} to {high}"

    def _interval(self, i: Interval) -> str:
        if i.low is None or i.high is None:
            return self.shown(i.mean)
        return f"{self.shown(i.mean)}, interval {self.shown(i.low)} to {self.shown(i.high)}"

    def says(self, summary: Summary) -> str:
        """What the numbers say."""
        if not summary.runs:
            return "No run has finished yet, so the numbers say nothing."
        text, (_, first, second) = TEXTS[summary.dataset], scheme_of(summary.dataset).primary
        what = "the ratio of two errors" if self.error else "a difference of accuracies"
        sentences = [
            f"On {text.law}; built in: {text.symmetry}. Scored by {text.metric} on fresh samples, over "
            f"{counted(summary.seeds, 'seed')}, each with a training set of its own, and {summary.images} units of the "
            f"test set. One comparison was named beforehand: {first} against {second}"
            + (f"; it is {what}, where ÷2 means that the error of {first} is half as large." if self.error else "."),
            self._primary([c for c in summary.contrasts if c.primary], first),
            self._others(summary, first, second),
            self._wrong(summary, text.wrong),
            _equivariance(summary, first, second),
        ]
        return " ".join(s for s in sentences if s)

    def _primary(self, contrasts: Sequence[Contrast], first: str) -> str:
        if not contrasts:
            return "That comparison has no finished pair of runs yet."
        parts = []
        for verdict in ("ahead", "behind", "undecided", "no interval"):
            found = [c for c in contrasts if c.verdict == verdict]
            if found:
                cells = listed(f"n = {c.n} ({self._interval(c.difference)})" for c in found)
                word = "without a verdict, for one seed gives no interval," if verdict == "no interval" else verdict
                parts.append(f"{word} at {cells}")
        return f"{first[0].upper()}{first[1:]} is {'; it is '.join(parts)}."

    def _others(self, summary: Summary, first: str, second: str) -> str:
        wrong = {b for _, _, b in scheme_of(summary.dataset).contrasts if b.startswith(("wrong", "HNN wrong"))}
        clauses = []
        for other in dict.fromkeys(c.second for c in summary.contrasts if c.first == first):
            found = self._pick(summary, first, other)
            if found and other != second and other not in wrong:
                clauses.append(f"{other} it is {verdicts(found, self._span)}")
        return f"Against {'; against '.join(clauses)}." if clauses else ""

    def _pick(self, summary: Summary, first: str, second: str) -> list[Contrast]:
        return pick(summary, scheme_of(summary.dataset).primary[0], first, second)

    def _wrong(self, summary: Summary, what: str) -> str:
        pairs = [(a, b) for _, a, b in scheme_of(summary.dataset).contrasts]
        pair = next(((a, b) for a, b in pairs if "wrong" in b), None)
        free = next(((a, b) for a, b in pairs if "wrong" in a), None)
        if pair is None or free is None:
            return ""
        names = (pair[0], f"{pair[1]} ({what})", free[1])
        return wrong_group(self._pick(summary, *pair), self._pick(summary, *free), names, self._span)

    def unsaid(self, summary: Summary) -> str:
        """What a reader must not take from the numbers."""
        text = TEXTS[summary.dataset]
        sentences = [unfinished(summary), by_chance(summary), turning(summary), tuning(summary), flagged(summary)]
        sentences += [text.absent, _matching(summary), text.scope]
        sentences.append(
            "Networks of one size and one kind each, on samples of a law without noise, cannot settle whether "
            "equivariance is better built in or learned at scale."
        )
        return " ".join(s for s in sentences if s)



def _matching(summary: Summary) -> str:
    if "plain-P" not in summary.arms:
        return "Plain and augmented networks have as many multiply-accumulates as the built-in one."
    return (
        "Equal parameters and equal compute cannot both hold, so plain and augmented networks are shown at both; equal "
        "multiply-accumulates are not equal seconds, which the plots show beside them."
    )


def _equivariance(summary: Summary, first: str, second: str) -> str:
    largest = {e.arm: e.error for e in sorted(summary.equivariance, key=lambda e: e.n) if e.error is not None}
    text = exactness(summary, first)
    if not text or second not in largest:
        return ""
    learned = small(largest[second])
    return f"{text}; {second} has {learned}, where 1 means no nearer to the law than another input's output."
