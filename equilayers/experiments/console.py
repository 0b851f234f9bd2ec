"""What a benchmark says while it runs: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import rich.progress
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.table import Table
from rich.text import Text

from equilayers.experiments.catalogue import presentation_of, scheme_of
from equilayers.experiments.execution import Progress
from equilayers.experiments.presentation import Presentation
from equilayers.experiments.summary import Contrast, Summary, rank
from equilayers.experiments.terminal import visible, writing

__all__ = ["Screen", "Watch", "duration", "final"]

LINES = 20  # plain lines in a whole run that is not watched in a terminal
VERDICT_STYLES = {"ahead": "bold blue", "behind": "bold red", "undecided": "dim", "no interval": "dim"}


def duration(seconds: float) -> str:
    """A time to wait, in the unit one thinks in.

    Example:
        >>> duration(42), duration(194), duration(7300)
        ('42 s', '3 min 14 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Screen(Console):
    """A terminal or a file that shows every text as it is, in cells of tables too: no markup, nothing to obey."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False} | options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Text to be printed; all that is not a :class:`rich.text.Text` passes here."""
        return super().render_str(visible(text, self.encoding), **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """As rich prints; OSError where the output is full or closed."""
        with writing():
            super().print(*objects, **options)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more: said to the caller, who knows what that means, and not by leaving the program."""
        raise

    def say(self, text: str) -> None:
        """Print a line, however long."""
        self.print(text, soft_wrap=True)


class Watch:
    """Follows a benchmark: give it to ``run_benchmark(progress=)`` and keep it open as a context.

    Args:
        console: where to print, a :class:`Screen`; a terminal gets a live table, anything else plain lines.
        task: what is run, a name of the catalogue.
    """

    def __init__(self, console: Console, task: str = "digits") -> None:
        self.console = console
        self.show, self.scheme = presentation_of(task), scheme_of(task)
        self.state: Progress | None = None
        self.said = 0
        self.next_line = 0.0
        columns = (BarColumn(bar_width=36), MofNCompleteColumn(), TextColumn("runs  {task.description}"))
        self.bar = rich.progress.Progress(TextColumn(" "), *columns)
        self.task = self.bar.add_task("", total=None)
        self.live = (
            Live(console=console, refresh_per_second=4, transient=True, get_renderable=self._view)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Watch:
        if self.live is not None:
            self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live is not None:
            self.live.__exit__(kind, error, trace)

    def __call__(self, state: Progress) -> None:
        """Take the new state."""
        self.state = state
        for note in state.notes[self.said :]:
            self.console.print(f"Note: {note}", highlight=False, soft_wrap=True, markup=False)
        self.said = len(state.notes)
        self.bar.update(self.task, completed=state.done, total=state.total, description=_left(state))
        if self.live is None and state.last is not None and (state.done == state.total or state.done >= self.next_line):
            self.next_line = state.done + max(1.0, state.total / LINES)
            self.console.print(self._line(state, state.last), highlight=False, soft_wrap=True, markup=False)

    def _view(self) -> Group:
        scores = self._scores()
        sizes = sorted({n for _, n in scores})
        if not sizes:
            return Group(self.bar)
        table = Table(title=self.show.running_title, title_justify="left", title_style="dim", box=None)
        table.add_column("arm", overflow="fold")
        for n in sizes:
            table.add_column(f"n = {n}", justify="right")
        for arm in sorted({arm for arm, _ in scores}, key=lambda arm: rank(arm, self.scheme.order)):
            cells = (scores.get((arm, n), []) for n in sizes)
            table.add_row(arm, *(self.show.mean(cell) if cell else "" for cell in cells))
        return Group(table, Text(), self.bar)

    def _scores(self) -> dict[tuple[str, int], list[float]]:
        """Scores over the seeds so far, by arm and size."""
        found: dict[tuple[str, int], list[float]] = defaultdict(list)
        condition = self.scheme.columns[self.scheme.primary[0]][0]
        for record in self.state.records.values() if self.state is not None else ():
            if record["kind"] == "run" and record["task"] == condition:
                found[record["arm"], record["n"]].append(self.show.running(record))
        return found

    def _line(self, state: Progress, record: Mapping[str, Any]) -> str:
        width = len(str(state.total))
        text = f"[{state.done:>{width}}/{state.total}] {record['kind']} {record['arm']}, n = {record['n']}"
        if record["kind"] == "run":
            text += f", {record['task']}: {self.show.line(record)}"
        left = _left(state)
        return f"{text}; {left}" if left else text


def _left(state: Progress) -> str:
    if state.done >= state.total:
        return "done"
    return "" if state.remaining is None else f"about {duration(state.remaining)} left"


def final(console: Console, summary: Summary) -> None:
    """Print the table of levels and the comparison named beforehand."""
    if not summary.levels:
        return
    show, (column, first, second) = presentation_of(summary.dataset), scheme_of(summary.dataset).primary
    what = show.spread + (", indicative" if summary.indicative else "")
    table = Table(box=None)
    table.add_column("arm", overflow="fold")
    for n in summary.sizes:
        table.add_column(f"n = {n}", justify="right")
    for arm in summary.arms:
        cells = [summary.level(column, n, arm) for n in summary.sizes]
        if any(cell is not None for cell in cells):
            table.add_row(arm, *(show.cell(cell) for cell in cells))
    primary = {c.n: c for c in summary.contrasts if c.primary}
    if primary:
        table.add_row()
        pair = Text(f"{first} − {second}", style="bold")
        table.add_row(pair, *(_verdict(show, primary.get(n)) for n in summary.sizes))
    console.print()
    console.print(Text.assemble((show.heading, "bold"), f", {what}"), soft_wrap=True)
    console.print(table, highlight=False)
    console.print()


def _verdict(show: Presentation, contrast: Contrast | None) -> Text:
    if contrast is None:
        return Text("–")
    return Text(f"{show.verdict(contrast)}\n{contrast.verdict}", style=VERDICT_STYLES[contrast.verdict])
