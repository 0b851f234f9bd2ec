"""What a terminal and a log file see of a benchmark."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from equilayers.experiments import Progress
from equilayers.experiments.arms import ARMS
from equilayers.experiments.console import Watch, duration, final
from equilayers.experiments.plots import STYLES
from equilayers.experiments.summarise import summarise
from equilayers.experiments.summary import BLIND_TO_TURNS, CONTRASTS, ORDER

Records = list[dict[str, Any]]


@pytest.fixture
def records(invented: Callable[..., Records]) -> Records:
    return invented()


def _console(terminal: bool, width: int = 100) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, width=width, color_system=None), file


def _state(records: Records, done: int, remaining: float | None) -> Progress:
    seen = {r["key"]: r for r in records[:done]}
    return Progress(len(records), done, 1.0, remaining, seen, records[done - 1] if done else None)


def test_a_log_file_gets_a_score_of_plain_lines_and_the_last_one(records: Records) -> None:
    console, file = _console(terminal=False)
    with Watch(console) as watch:
        for done in range(len(records) + 1):
            watch(_state(records, done, 2.0 * (len(records) - done)))
    lines = file.getvalue().splitlines()
    assert 15 <= len(lines) <= 25
    assert lines[-1].startswith(f"[{len(records)}/{len(records)}] run plain-P, n = 1400, upright: ")
    assert lines[-1].endswith("done") and all("\x1b" not in line for line in lines)


def test_a_terminal_sees_the_running_means_the_bar_and_the_time_left(records: Records) -> None:
    console, file = _console(terminal=True)
    with Watch(console) as watch:
        watch(_state(records, 100, 194.0))
        console.print(watch._view())
    text = file.getvalue()
    runs = [r for r in records[:100] if (r["kind"], r["arm"], r["n"], r["task"]) == ("run", "C4", 50, "rotated")]
    mean = sum(r["evaluations"]["rotated"]["accuracy"] for r in runs) / len(runs)
    assert f"{100 * mean:.1f}" in next(line for line in text.splitlines() if line.strip().startswith("C4"))
    assert f"100/{len(records)}" in text and "about 3 min 14 s left" in text


@pytest.mark.parametrize("width", [80, 120])
def test_the_final_table_names_every_arm_and_the_verdicts(records: Records, width: int) -> None:
    console, file = _console(terminal=False, width=width)
    summary = summarise(records)
    final(console, summary)
    text = file.getvalue()
    for arm in summary.arms:
        assert f" {arm} " in text
    for contrast in summary.contrasts:
        if contrast.primary:
            assert contrast.verdict in text
    assert max(map(len, text.splitlines())) <= width


def test_an_empty_folder_prints_no_table() -> None:
    console, file = _console(terminal=False)
    final(console, summarise([]))
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (59.6, "1 min 0 s"), (3599, "59 min 59 s"), (3600, "1 h 0 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_every_arm_of_the_benchmark_has_a_place_a_style_and_known_pairs() -> None:
    assert set(ARMS) <= set(ORDER) and set(ARMS) <= set(STYLES)
    averaged = {f"{name} + TTA" for name, arm in ARMS.items() if arm.averaged}
    assert set(ORDER) == set(ARMS) | averaged
    assert {arm for _, *pair in CONTRASTS for arm in pair} <= set(ORDER)


def test_a_run_is_shared_between_columns_only_where_it_is_not_run_again() -> None:
    assert not any(ARMS[name].upright for name in BLIND_TO_TURNS)
    assert all(ARMS[name].augmented or name in ("canonicalised", "C4") for name in BLIND_TO_TURNS)
