"""README and docs/ are executed: the blocks of a page in order, in one namespace, and what they print compared."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
import types
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.M | re.S)
EXECUTED = 24  # blocks at least; the documentation cannot lose its checks unnoticed


def blocks(text: str) -> list[tuple[str, str]]:
    return BLOCK.findall(text)


def run_page(text: str, where: str) -> int:
    """Run the ``python`` and ``console`` blocks; a ``text`` block states what the one before it prints."""
    page = sys.modules["page"] = types.ModuleType("page")  # a real module, so that a class of the page can be pickled
    executed, printed = 0, None
    for language, code in blocks(text):
        if language == "python":
            stream = io.StringIO()
            with contextlib.redirect_stdout(stream):
                exec(compile(code, where, "exec"), page.__dict__)
            printed, executed = stream.getvalue(), executed + 1
        elif language == "console":
            executed += 1
            check_console(code)
        elif language == "text" and printed is not None:
            assert printed.rstrip() == code.rstrip(), f"{where} prints\n{printed}"
            printed = None
    return executed


def check_console(code: str) -> None:
    from equilayers.cli import main

    command, _, expected = code.partition("\n")
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        status = main(shlex.split(command.removeprefix("$ equilayers ")))
    assert status in (0, None)
    got = [line.rstrip() for line in stream.getvalue().rstrip().splitlines()]
    assert got == [line.rstrip() for line in expected.rstrip().splitlines()], "\n".join(got)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_block_of_a_page_runs_and_prints_what_it_says(page):
    run_page(page.read_text(), page.name)


def test_enough_is_executed():
    kinds = [language for page in PAGES for language, _ in blocks(page.read_text())]
    assert sum(kind in ("python", "console") for kind in kinds) >= EXECUTED


def test_a_page_that_prints_something_else_is_noticed():
    with pytest.raises(AssertionError):
        run_page("```python\nprint(1)\n```\n\n```text\n2\n```\n", "twin")


def test_readme_is_short_and_holds_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert len(text.splitlines()) <= 130
    assert len(re.findall(r"^pip install -c tests/constraints.txt", text, re.M)) == 2


def test_links_between_pages_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
