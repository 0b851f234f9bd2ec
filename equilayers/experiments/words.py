"""Two paragraphs in plain words, made from the numbers: what they say, and what they do not say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from equilayers.experiments.catalogue import scheme_of
from equilayers.experiments.statistics import Interval
from equilayers.experiments.summary import Contrast, Curve, Summary

__all__ = [
    "NAMES", "SUPERSCRIPTS", "by_chance", "counted", "exactness", "flagged", "listed", "pick", "points", "small",
    "tuning", "turning", "unfinished", "unsaid", "verdicts", "what_it_says", "wrong_group",
]  # fmt: skip

NAMES = {
    "plain-P": "the plain network of equal parameters",
    "plain-F": "the plain network of equal compute",
    "plain-P + TTA": "the plain network averaged over the rotations at test time",
    "plain-F + TTA": "the larger plain network averaged over the rotations at test time",
    "augmented-P": "the augmented network of equal parameters",
    "augmented-F": "the augmented network of equal compute",
    "canonicalised": "the learned canonicaliser",
    "C4": "the network with C4 built in",
    "wrong group": "the same network with a wrong group",
    "wrong group, permuted": "the network with a permuted group",
    "plain-P, permuted": "the plain network on permuted pictures",
}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PICTURES = {"digits": "8x8 digits", "mnist-rot": "28x28 digits"}


def listed(items: Iterable[object]) -> str:
    """Items in a sentence.

    Example:
        >>> listed([50, 150, 450])
        '50, 150 and 450'
    """
    *most, last = [str(item) for item in items] or [""]
    return f"{', '.join(most)} and {last}" if most else last


def points(share: float) -> str:
    """A share as points of a hundred, with its sign.

    Example:
        >>> points(0.0123), points(-0.04)
        ('+1.2', '−4.0')
    """
    return f"{100 * share:+.1f}".replace("-", "−")


def small(value: float) -> str:
    """A number that may be tiny, to two digits, without a place to break a line.

    Example:
        >>> small(0.2134), small(1.26e-7), small(0.0)
        ('0.21', '1.3·10⁻⁷', '0')
    """
    if value == 0 or value >= 1e-3:
        return f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(SUPERSCRIPTS)}"


def _interval(i: Interval) -> str:
    if i.low is None or i.high is None:
        return points(i.mean)
    return f"{points(i.mean)}, interval {points(i.low)} to {points(i.high)}"


def what_it_says(summary: Summary) -> str:
    """The first paragraph.

    Example:
        >>> what_it_says(Summary("digits", runs=0, planned=160, steps=None, seeds=0, images=0))
        'No run has finished yet, so the numbers say nothing.'
    """
    if not summary.runs:
        return "No run has finished yet, so the numbers say nothing."
    sentences = [
        f"On {PICTURES.get(summary.dataset, summary.dataset)} turned by quarter turns, over "
        f"{counted(summary.seeds, 'seed')} and {summary.images} test images, one comparison was named beforehand: "
        "C4 built in, against a plain network of equal compute that learns the symmetry from augmented data.",
        _primary([c for c in summary.contrasts if c.primary]),
        _against(summary, "rotated", "C4", ("augmented-P", "plain-P", "plain-F")),
        _wrong(summary),
        _against(summary, "rotated", "C4", ("canonicalised", "plain-P + TTA")),
        _price(summary),
        _equivariance(summary),
    ]
    return " ".join(s for s in sentences if s)


def counted(number: int, what: str) -> str:
    """A number and what it counts, in the plural but for one."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _primary(contrasts: Sequence[Contrast]) -> str:
    if not contrasts:
        return "That comparison has no finished pair of runs yet."
    parts = []
    for verdict in ("ahead", "behind"):
        found = [c for c in contrasts if c.verdict == verdict]
        if found:
            parts.append(f"C4 is {verdict} at {listed(f'n = {c.n} ({_interval(c.difference)} points)' for c in found)}")
    undecided = [c for c in contrasts if c.verdict == "undecided"]
    if undecided:
        cells = listed(f"n = {c.n} ({_interval(c.difference)} points)" for c in undecided)
        one = len(undecided) == 1
        parts.append(
            f"it is undecided at {cells}, where the interval{'' if one else 's'} include{'s' if one else ''} zero"
        )
    without = [c for c in contrasts if c.verdict == "no interval"]
    if without:
        cells = listed(f"n = {c.n} ({points(c.difference.mean)} points)" for c in without)
        parts.append(f"one seed gives no interval and so no verdict at {cells}")
    sentence = "; ".join(parts)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _against(summary: Summary, column: str, first: str, others: Sequence[str]) -> str:
    """One clause for each of the others, in one sentence."""
    clauses = [c for c in (_clause(summary, column, first, second) for second in others) if c]
    return f"Against {'; against '.join(clauses)}." if clauses else ""


def _clause(summary: Summary, column: str, first: str, second: str) -> str:
    found = pick(summary, column, first, second)
    if not found:
        return ""
    subject = "C4" if first == "C4" else NAMES[first]
    return f"{NAMES[second]} {subject} is {verdicts(found)}"


def pick(summary: Summary, column: str, first: str, second: str) -> list[Contrast]:
    """The contrasts of a pair that have an interval; the others say nothing."""
    pair = (column, first, second)
    return [c for c in summary.contrasts if (c.column, c.first, c.second) == pair and c.difference.sign is not None]


def verdicts(contrasts: Sequence[Contrast], span: Callable[[Sequence[Contrast]], str] | None = None) -> str:
    """ "ahead at every size (+2.0 to +5.0 points)", or size by size where verdicts differ."""
    span = span or _range
    found_verdicts = {c.verdict for c in contrasts}
    if len(found_verdicts) == 1:
        where = f"at n = {contrasts[0].n}" if len(contrasts) == 1 else "at every size"
        return f"{found_verdicts.pop()} {where} ({span(contrasts)})"
    parts = []
    for verdict in ("ahead", "behind", "undecided"):
        found = [c for c in contrasts if c.verdict == verdict]
        if found:
            parts.append(f"{verdict} at n = {listed(c.n for c in found)} ({span(found)})")
    return listed(parts)


def _range(contrasts: Sequence[Contrast]) -> str:
    means = [c.difference.mean for c in contrasts]
    low, high = points(min(means)), points(max(means))
    return f"{low} points" if low == high else f"{low} to {high} points"


def _wrong(summary: Summary) -> str:
    right, none = pick(summary, "rotated", "C4", "wrong group"), pick(summary, "rotated", "wrong group", "plain-F")
    return wrong_group(right, none, ("C4", NAMES["wrong group"], NAMES["plain-F"]))


def wrong_group(
    right: Sequence[Contrast],
    none: Sequence[Contrast],
    names: tuple[str, str, str],
    span: Callable[[Sequence[Contrast]], str] | None = None,
) -> str:
    """Whether it is the right symmetry that helps.

    Args:
        right: contrasts of the right against the wrong group.
        none: contrasts of the wrong group against a network without one.
        names: of the three.
        span: how the range of several differences is written; in points if None.
    """
    if not right:
        return ""
    text = f"Against {names[1]}, of the same size and cost, {names[0]} is {verdicts(right, span)}"
    if none:
        text += f"; that network is {verdicts(none, span)} against {names[2]}"
    if none and all(c.verdict == "ahead" for c in right) and not any(c.verdict == "ahead" for c in none):
        text += ", so it is the right symmetry that helps and not shared weights as such"
    return text + "."


def _price(summary: Summary) -> str:
    found = pick(summary, "upright->upright", "C4", "plain-P")
    if not found:
        return ""
    how = f"C4 is {verdicts(found)} against {NAMES['plain-P']}"
    return f"Where rotation is no symmetry, trained and tested upright, {how}."


def _equivariance(summary: Summary) -> str:
    largest = {e.arm: e for e in sorted(summary.equivariance, key=lambda e: e.n) if e.error is not None}
    learned = largest.get("augmented-F")
    text = exactness(summary, "C4")
    if not text or learned is None or learned.error is None:
        return ""
    return text + (
        f"; augmentation leaves {small(learned.error)}"
        + (f" and a plain network {small(largest['plain-F'].error or 0.0)}" if "plain-F" in largest else "")
        + ", where 1 means no nearer to the law than another picture's output."
    )


def exactness(summary: Summary, arm: str) -> str:
    """The equivariance error of an arm at the largest size, and whether it is rounding; no full stop."""
    found = [e for e in sorted(summary.equivariance, key=lambda e: e.n) if e.arm == arm and e.error is not None]
    if not found:
        return ""
    last = found[-1]
    assert last.error is not None
    text = f"The equivariance error of {arm} at n = {last.n} is {small(last.error)}"
    if last.floor is None:
        return text
    return text + (", which is rounding" if last.error <= 2 * last.floor else f" (floor {small(last.floor)})")


def unsaid(summary: Summary) -> str:
    """The second paragraph: what a reader must not take from the numbers.

    Example:
        >>> unsaid(Summary("digits", 0, 160, None, 0, 0)).startswith("The plan is not finished: 0 of 160 runs")
        True
    """
    turns = turning(summary, ("C4", "augmentation"))
    sentences = [unfinished(summary), by_chance(summary), turns, tuning(summary), flagged(summary)]
    sentences.append(_cannot_settle(summary))
    return " ".join(s for s in sentences if s)


def unfinished(summary: Summary) -> str:
    """How much of the plan is here, and whether there are seeds enough."""
    text = ""
    if not summary.complete:
        text = f"The plan is not finished: {summary.runs} of {summary.planned} runs are here. "
    if summary.runs and summary.indicative:
        what = "there are no intervals" if summary.seeds < 2 else "the intervals are wide and only indicative"
        text += f"With {counted(summary.seeds, 'seed')} {what}."
    return text.strip()


def by_chance(summary: Summary) -> str:
    """How many intervals there are to be misled by, and which comparison was named beforehand."""
    count = sum(c.difference.sign is not None for c in summary.contrasts)
    if not count:
        return ""
    _, first, second = scheme_of(summary.dataset).primary
    text = "1 interval stands" if count == 1 else f"{count} intervals stand"
    text += (
        " in the table of differences; even if no arm differed from any other, one in twenty would leave zero by chance"
    )
    if count >= 20:
        text += f", about {round(0.05 * count)} of these"
    return f"{text}. Only the comparison {first} − {second} was named beforehand; read the others as hints."


def turning(summary: Summary, names: tuple[str, str] | None = None) -> str:
    """Whether the order of the primary pair changes along the long runs; ``names`` of the two, of the arms if None."""
    scheme = scheme_of(summary.dataset)
    _, one, other = scheme.primary
    curves = {curve.arm: curve for curve in summary.curves}
    if one not in curves or other not in curves:
        if not summary.steps:
            return ""
        return f"All of it holds for {summary.steps} training steps; more or fewer may turn a verdict."
    first, second = names or (one, other)
    seen = {scheme.sign * sign for sign in _signs(curves[one], curves[other])}
    if 1 in seen and -1 in seen:
        how = f"the lead between {first} and {second} changes hands"
    elif 1 in seen or -1 in seen:
        how = f"{first if 1 in seen else second} is never behind"
    else:
        how = "the two never differ"
    return (
        f"A verdict also depends on the number of steps ({summary.steps} here): along the long runs at "
        f"n = {curves[one].n}, of one seed and so without an interval, {how}."
    )


def _signs(first: Curve, second: Curve) -> set[int]:
    """Which of two curves is higher, over the steps that both have: 1, -1 and 0 as they occur."""
    other = dict(zip(second.steps, second.scores, strict=True))
    pairs = [(a, other[s]) for s, a in zip(first.steps, first.scores, strict=True) if s in other]
    return {(a > b) - (a < b) for a, b in pairs}


def tuning(summary: Summary) -> str:
    """How learning rates were chosen."""
    tuned = [rate for rate in summary.rates if rate.tried]
    if not summary.rates:
        return ""
    if not tuned:
        return "Learning rates were not tuned."
    edge = [rate for rate in tuned if rate.edge]
    text = f"Learning rates were chosen once for each arm among {listed(f'{r:g}' for r in tuned[0].tried)}"
    if edge:
        text += f"; the best was at the end of that grid for {len(edge)} of {len(tuned)} arms"
        text += ", so a better one may lie beyond"
    return text + "."


def flagged(summary: Summary) -> str:
    """Runs that did not fit their training set."""
    if not summary.flags:
        return ""
    were, are = ("run", "is") if len(summary.flags) == 1 else ("runs", "are")
    arms = listed(sorted({flag.arm for flag in summary.flags}))
    return f"{len(summary.flags)} {were} did not fit the training set ({arms}) and {are} counted all the same."


def _cannot_settle(summary: Summary) -> str:
    pictures = PICTURES.get(summary.dataset, summary.dataset)
    return (
        "Equal parameters and equal compute cannot both hold, so plain and augmented networks are shown at both. "
        "The test images are one fixed set, and quarter turns map the pixel grid to itself, which is the easiest case "
        "for a built-in symmetry. "
        f"Four rotations of {pictures} cannot settle whether equivariance is better built in or learned at scale."
    )
