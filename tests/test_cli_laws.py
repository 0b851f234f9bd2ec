"""Any input to any command: exit code 0, 1 or 2, words instead of a traceback, also where nothing can be printed."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import equilayers
from equilayers import cli
from equilayers.experiments.terminal import say, settle

sys.path.insert(0, str(Path(__file__).parent / "experiments"))
import folders

OURS = "a fault of this program"  # what is said where none of the rules below caught a mistake

HEAD = """
import sys
from equilayers.groups import Generators, MatrixGroup, PermutationGroup, group
class Klein(PermutationGroup):
    def generators(self):
        return Generators(discrete=[[1, 0, 3, 2], [2, 3, 0, 1]])
"""
IMPORTS = {  # modules whose import fails
    "exits": "import sys; sys.exit(3)",
    "exits well": "import sys; sys.exit(0)",
    "exits with words": "raise SystemExit('bye\\nbye')",
    "quits": "quit()",
    "prints and exits": "print('hello'); raise SystemExit(1)",
    "divides": "1 / 0",
    "says much": "raise ValueError('line one\\nline two\\n' * 500)",
    "says control": "raise ValueError('\\x1b[31m\\x07\\u202e\\ud800')",
    "cannot say": "class E(Exception):\n    def __str__(self): raise TypeError\nraise E",
    "base": "class E(BaseException): pass\nraise E('mine')",
    "generator exit": "raise GeneratorExit",
    "asserts": "assert False",
    "recurses": "def f(): f()\nf()",
    "memory": "raise MemoryError('7 TiB')",
    "os": "raise FileNotFoundError(2, 'No such file', '/nowhere')",
    "pipe": "raise BrokenPipeError(32, 'Broken pipe')",
    "missing": "import no_such_module_at_all",
    "missing name": "from json import no_such_name",
    "own error": "import equilayers as eq; eq.group('D4x')",
    "syntax": "def (",
    "indent": " x = 1\n  y = 2",
    "half": "x = '''",
    "empty": "",
    "attribute": "def __getattr__(name): raise RuntimeError(name)",
    "number": "Klein = 3",
    "text": "Klein = 'a\\nb' * 99",
    "module": "import json as Klein",
    "function": "def Klein(): pass",
    "other class": "class Klein: pass",
    "no words": "class N:\n    def __repr__(self): raise TypeError\nKlein = N()",
    "no class": "class N:\n    @property\n    def __class__(self): raise KeyError('x')\nKlein = N()",
    "meta": "class M(type):\n    def __subclasscheck__(c, s): raise KeyError\n    def __repr__(c): raise KeyError\n"
    "class Klein(metaclass=M): pass",
}
GROUPS = {  # classes that are found and cannot be checked
    "argument": "class Klein(Klein):\n    def __init__(self, n): super().__init__()",
    "raises": "class Klein(Klein):\n    def __init__(self): raise KeyError('no')",
    "exits": "class Klein(Klein):\n    def __init__(self): sys.exit(0)",
    "abstract": "class Klein(MatrixGroup): pass",
    "generators raise": "class Klein(Klein):\n    def generators(self): return 1 / 0",
    "generators exit": "class Klein(Klein):\n    def generators(self): sys.exit(5)",
    "generators give nothing": "class Klein(Klein):\n    def generators(self): pass",
    "generators give text": "class Klein(Klein):\n    def generators(self): return 'abc'",
    "no permutation": "class Klein(Klein):\n    def generators(self): return Generators(discrete=[[1, 1]])",
    "order raises": "class Klein(Klein):\n    @property\n    def order(self): raise OSError(5, 'mine')",
    "order is text": "class Klein(Klein):\n    order = 'four'",
    "name cannot be said": "class Klein(Klein):\n    def __repr__(self): raise TypeError\n    __str__ = __repr__",
    "compose exits": "class Klein(Klein):\n    def compose(self, a, b): raise SystemExit",
    "sample is wrong": "class Klein(Klein):\n    def sample(self, n=1, generator=None): return None",
}
TARGETS = (
    "", ":", "a", "a:", ":b", ".m:X", "..m:X", "a..b:X", "json:dumps.x", "json:dumps:x", "a b:c", "\0:x", "x:\0",
    "json:", "os:path", "json:dumps", "\x1b[31m:x", "json:\x1b[2J", "ä:ö", "json:" + "A" * 9999, "A" * 9999 + ":x",
    "\ud800:x", "json.:x", "/etc/passwd:x", "builtins:SystemExit", "builtins:exit", "builtins:object", "__main__:x",
    "-c:x",
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple]:
    """One command in an empty working directory: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())

    def once(*words: str) -> tuple[int, str, str]:
        try:
            code = cli.main(words)
        except SystemExit as exit:  # of argparse
            code = exit.code
        out, err = capsys.readouterr()
        assert code in (0, 1, 2) and type(code) is int
        for text in (out, err):
            assert "Traceback" not in text and OURS not in text
        assert not [c for c in err if unicodedata.category(c)[0] == "C" and c != "\n"]
        return code, out, err

    return once


def is_one_line(err: str) -> bool:
    return err.startswith("equilayers: ") and err.count("\n") == 1 and err.endswith("\n") and len(err) < 1000


# check


@pytest.mark.parametrize("name", IMPORTS)
def test_check_says_on_one_line_what_a_module_did(name: str, run: Callable[..., tuple], tmp_path: Path) -> None:
    module = f"imported_{list(IMPORTS).index(name)}"
    (tmp_path / f"{module}.py").write_text(IMPORTS[name])
    code, out, err = run("check", f"{module}:Klein")
    assert code == 2 and is_one_line(err) and module in err
    assert out == ("hello\n" if name == "prints and exits" else "")


@pytest.mark.parametrize("source", [b"x = 1\0", b"x = '\xff'", b"# coding: nothing\n", b"\xef\xbb\xbf\xff"])
def test_check_says_what_is_no_text(source: bytes, run: Callable[..., tuple], tmp_path: Path) -> None:
    (tmp_path / "no_text.py").write_bytes(source)
    code, out, err = run("check", "no_text:Klein")
    assert (code, out) == (2, "") and is_one_line(err)


@pytest.mark.parametrize("name", GROUPS)
def test_check_says_what_a_class_did(name: str, run: Callable[..., tuple], tmp_path: Path) -> None:
    module = f"made_{list(GROUPS).index(name)}"
    (tmp_path / f"{module}.py").write_text(HEAD + GROUPS[name])
    code, out, err = run("check", f"{module}:Klein")
    assert out == "" and (code == 1 or (code == 2 and is_one_line(err)))


def test_check_refuses_whatever_is_no_target(run: Callable[..., tuple]) -> None:
    for target in TARGETS:
        code, out, err = run("check", *(["--"] if target.startswith("-") else []), target)
        assert (code, out) == (2, "") and is_one_line(err), target
    assert len(TARGETS) == 29


def test_check_says_beforehand_that_it_runs_the_module(run: Callable[..., tuple]) -> None:
    assert "imports and runs your module" in " ".join(run("--help")[1].split())
    assert "its code runs" in " ".join(run("check", "--help")[1].split())


def test_the_working_directory_may_be_gone(run: Callable[..., tuple], tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (("check", "a:b"), ("report", "folder"), ("bench", "--task", "o5", "--out", "here")):
        assert run(*words)[0] == 2, words


# report and bench


def test_report_and_bench_refuse_whatever_is_no_results_folder(run: Callable[..., tuple], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "[bold]:fire:[x]").mkdir()
    os.mkfifo(tmp_path / "pipe")
    paths = (
        "", ".", "nothing", "file", "file/x", "loop", "pipe", "a\0b", "x" * 5000, "/dev/null", "/dev/null/x", "\ud800",
        "\x1b[31m", "[bold]:fire:[x]", "[/]", "/proc/self/mem", "\udcff", "a\nb",
    )  # fmt: skip
    for path in paths:
        code, _, err = run("report", path)
        assert code == 2 and err.startswith("equilayers: "), path
    for path in ("file", "file/x", "loop", "pipe", "a\0b", "x" * 5000, "/dev/null", "/dev/null/x", ".", "/proc/x"):
        code, out, err = run("bench", "--task", "o5", "--quick", "--out", path)
        assert code == 2 and err.startswith("equilayers: "), path
    assert not [c for c in out if unicodedata.category(c)[0] == "C" and c != "\n"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["show", "report", "check", "bench"]) | st.text(max_size=12), max_size=4))
def test_drawn_lines(words: list[str]) -> None:
    """Names of groups hold digits and a cross: without them nothing is computed."""
    kept = ["".join(c for c in word if not c.isdigit() and c not in "x×") for word in words]
    kept += ["--task", "none"] if kept[:1] == ["bench"] else []
    out, err = io.StringIO(), io.StringIO()
    old = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err
    try:
        code = cli.main(kept)
    except SystemExit as exit:
        code = exit.code
    finally:
        sys.stdout, sys.stderr = old
    assert code in (0, 1, 2) and OURS not in err.getvalue() and "Traceback" not in err.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        ("show", "SO(99999999999999999999)"), ("show", "E(1000000)"), ("show", "C9" * 3000), ("show", "((((" * 3000),
        ("show", "D4", "--level", "-1"), ("show", "SO(3)", "--level", "-1"), ("show", "\x1b[31m"), ("\x1b[31m",),
        ("show", "C4", "\x1b[31m"), ("bench", "--task", "\x1b[31m"), ("bench", "--controls", "all", "--task", "o5"),
        ("bench", "--data"), ("bench", "--data", "\0", "--task", "mnist-rot"), ("bench", "--out", "\0"),
    ],
)  # fmt: skip
def test_words_that_mean_nothing(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main(words)
    except SystemExit as exit:
        code = exit.code
    out, err = capsys.readouterr()
    assert code in (0, 1, 2) and "Traceback" not in out + err and "\x1b" not in out + err
    assert code == 0 or err


# Nothing can be printed


class Closed(io.StringIO):
    """A stream that somebody has closed."""

    def __init__(self) -> None:
        super().__init__()
        self.close()


def commands(tmp_path: Path) -> dict[str, tuple[str, ...]]:
    results = folders.write(tmp_path / "results", folders.vectors())
    (tmp_path / "mine.py").write_text(HEAD)
    return {
        "show": ("show", "D4"), "list": ("show",), "help": ("--help",), "version": ("--version",),
        "check": ("check", "mine:Klein"), "report": ("report", str(results)), "refusal": ("show", "D4x"),
    }  # fmt: skip


@pytest.fixture
def quick_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    folders.leave_out_plots(monkeypatch)


@pytest.mark.usefixtures("quick_plots")
@pytest.mark.parametrize("where", ["full", "full errors too", "closed by somebody", "closed", "a closed pipe"])
def test_output_that_cannot_be_written(
    where: str, run: Callable[..., tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in commands(tmp_path).items():
        with monkeypatch.context() as patch:
            opened: list[io.TextIOBase] = []
            if where.startswith("full"):
                opened = [open("/dev/full", "w"), open("/dev/full", "w")]  # noqa: SIM115
            elif where == "a closed pipe":
                read, written = os.pipe()
                os.close(read)
                opened = [os.fdopen(written, "w")]
            stream = opened[0] if opened else None if where == "closed" else Closed()
            patch.setattr(sys, "stdout", stream)
            if where == "full errors too":
                patch.setattr(sys, "stderr", opened[1])
            code, _, err = run(*words)
            for file in opened:
                file.close()  # what it still held went nowhere
        assert code == (0 if where in ("closed", "a closed pipe") and name != "refusal" else 2), name
        if where != "full errors too" and code == 2:
            assert err.startswith("equilayers: ") and (name == "refusal" or is_one_line(err))
    assert (tmp_path / "results" / "report.html").exists() and not list((tmp_path / "results").glob("*.draft"))


def test_a_benchmark_whose_reader_has_left_says_where_it_stands(
    run: Callable[..., tuple], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("equilayers.experiments.benchmark.run_benchmark", broken)
    code, _, err = run("bench", "--quick", "--out", str(tmp_path / "out"))
    assert code == 2 and "closed before the end" in err and "same command continues" in err


def test_a_terminal_of_few_letters_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding in ("ascii", "latin-1", "cp437"):
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main(["show", "C3"]) == 0
        say("66.8 ± 2.1, ÷10, 10⁻⁷ \ud800", stream)
        assert raw.getvalue().decode(encoding)
        stream.detach()


def test_a_working_stream_is_left_as_it_is(tmp_path: Path) -> None:
    with open(tmp_path / "out", "w") as file:
        settle(file)
        settle(None)
        say("still here", file)
    assert (tmp_path / "out").read_text() == "still here\n"


@pytest.mark.slow
def test_processes_whose_output_is_full_or_closed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(HEAD)
    (tmp_path / "torch.py").write_text("raise SystemExit('the wrong torch')")
    environment = {**os.environ, "PYTHONPATH": str(Path(equilayers.__file__).parents[1])}
    program = f"{shlex.quote(sys.executable)} -m equilayers.cli"
    for line, code, lines in (
        ("show D4 >/dev/full", 2, 1), ("--help >/dev/full", 2, 1), ("check mine:Klein >/dev/full", 2, 1),
        ("show D4x 2>/dev/full", 2, 0), ("show D4 >/dev/full 2>/dev/full", 2, 0), ("show D4 >&-", 0, 0),
        ("show D4 >&- 2>&-", 0, 0), ("show | head -1; exit ${PIPESTATUS[0]}", 0, 0), ("check mine:Klein", 0, 0),
    ):  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", f"{program} {line}"], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr.count("\n")) == (code, lines), (line, done.stderr)
