"""The words follow the signs of the intervals, whatever the numbers are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equilayers.experiments.statistics import Interval
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import CONTRASTS, PRIMARY, Contrast, Curve, Flag, Rate, Summary
from equilayers.experiments.words import points, unsaid, what_it_says

SIZES = (50, 150, 450, 1400)


def _summary(intervals: dict[int, tuple[float, float]], **more: Any) -> Summary:
    contrasts = tuple(
        Contrast(*PRIMARY[:1], n, *PRIMARY[1:], Interval((low + high) / 2, low, high, 5, 397), True)
        for n, (low, high) in intervals.items()
    )
    settings = {"dataset": "digits", "runs": 160, "planned": 160, "steps": 400, "seeds": 5, "images": 397}
    return Summary(**{**settings, "contrasts": contrasts, **more})


ends = st.tuples(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2)).map(lambda pair: (min(pair), max(pair)))


def _clauses(text: str) -> dict[str, set[int]]:
    """Sizes named after each verdict, in the sentence about the primary comparison."""
    sentence = text.split("augmented data. ")[1]
    found = {}
    for clause in sentence.split("; "):
        verdict = re.search("ahead|behind|undecided|no interval", clause)
        assert verdict is not None
        found[verdict[0]] = {int(n) for n in re.findall(r"n = (\d+)", clause)}
    return found


@given(st.fixed_dictionaries(dict.fromkeys(SIZES, ends)))
def test_each_size_stands_under_the_verdict_of_its_interval(intervals: dict[int, tuple[float, float]]) -> None:
    expected: dict[str, set[int]] = {}
    for n, (low, high) in intervals.items():
        expected.setdefault("ahead" if low > 0 else "behind" if high < 0 else "undecided", set()).add(n)
    assert _clauses(what_it_says(_summary(intervals))) == expected


@given(st.sampled_from([c for c in CONTRASTS if c[1] == "C4" and c != PRIMARY and c[2] != "plain-P, permuted"]), ends)
def test_other_comparisons_use_the_same_words(which: tuple[str, str, str], interval: tuple[float, float]) -> None:
    column, first, second = which
    low, high = interval
    contrast = Contrast(column, 50, first, second, Interval((low + high) / 2, low, high, 5, 397), False)
    text = what_it_says(_summary({}, contrasts=(contrast,)))
    words = {word for word in ("ahead", "behind", "undecided") if f"C4 is {word} at n = 50" in text}
    if column == "upright->rotated":
        assert words == set()  # stands in the table alone
    else:
        assert words == {"ahead" if low > 0 else "behind" if high < 0 else "undecided"}


def test_the_right_symmetry_is_credited_only_where_the_wrong_one_does_not_help() -> None:
    def text(right: tuple[float, float], none: tuple[float, float]) -> str:
        pairs = [("C4", "wrong group", right), ("wrong group", "plain-F", none)]
        contrasts = [Contrast("rotated", 50, a, b, Interval(sum(i) / 2, *i, 5, 397), False) for a, b, i in pairs]
        return what_it_says(_summary({}, contrasts=tuple(contrasts)))

    credit = "it is the right symmetry that helps"
    assert credit in text((0.1, 0.2), (-0.2, -0.1)) and credit in text((0.1, 0.2), (-0.1, 0.1))
    assert credit not in text((0.1, 0.2), (0.01, 0.1)) and credit not in text((-0.1, 0.2), (-0.2, -0.1))


@given(st.fixed_dictionaries(dict.fromkeys(SIZES, ends)))
def test_it_never_claims_to_settle_the_general_question(intervals: dict[int, tuple[float, float]]) -> None:
    text = unsaid(_summary(intervals))
    assert text.endswith("cannot settle whether equivariance is better built in or learned at scale.")
    assert "4 intervals stand in the table" in text and "by chance" in text


def test_it_counts_the_intervals_that_stand_in_the_table(invented: Callable[..., Any]) -> None:
    text = unsaid(summarise(invented()))
    assert (
        "44 intervals stand in the table" in text
        and "one in twenty would leave zero by chance, about 2 of these" in text
    )
    assert "read the others as hints" in text


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((0.8, 0.9), (0.7, 0.95), "changes hands"),
        ((0.8, 0.96), (0.7, 0.95), "C4 is never behind"),
        ((0.6, 0.95), (0.7, 0.95), "augmentation is never behind"),
        ((0.7, 0.95), (0.7, 0.95), "never differ"),
    ],
)
def test_the_long_runs_tell_whether_steps_turn_the_verdict(first: Any, second: Any, words: str) -> None:
    curves = (Curve("C4", 1400, (100, 1600), first), Curve("augmented-F", 1400, (100, 1600), second))
    assert words in unsaid(_summary({}, curves=curves))


def test_partial_untuned_flagged_and_few_seeds_are_said() -> None:
    untuned = Rate("C4", 0.01, (), "")
    flag = Flag("wrong group", "rotated", 1400, 1, 0.22)
    text = unsaid(_summary({}, runs=12, seeds=4, rates=(untuned,), flags=(flag,)))
    for words in ("12 of 160 runs", "4 seeds the intervals are wide and only indicative", "not tuned", "did not fit"):
        assert words in text
    edge = Rate("C4", 0.03, (0.003, 0.01, 0.03), "highest")
    assert "at the end of that grid for 1 of 1 arms" in unsaid(_summary({}, rates=(edge,)))


def test_both_paragraphs_of_a_whole_benchmark_are_whole_sentences(invented: Callable[..., Any]) -> None:
    for seeds in (1, 2, 5):
        summary = summarise(invented(seeds=seeds))
        for text in (what_it_says(summary), unsaid(summary)):
            assert text.endswith(".") and ".." not in text and "  " not in text and "None" not in text
            assert all(s[0].isupper() or s[0].isdigit() for s in re.split(r"(?<=[a-z)]\.) ", text))


def test_a_number_carries_its_sign() -> None:
    assert [points(x) for x in (0.0, 0.05, -0.05)] == ["+0.0", "+5.0", "−5.0"]
