"""The command line: what it prints, where, and with which exit code; whatever goes wrong, without a traceback."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import equilayers
from equilayers import cli, experiments
from equilayers.errors import ResultsError
from equilayers.experiments import make_plan

GROUPS = '''
import numpy as np
from equilayers.groups import FiniteMatrixGroup, Generators, MatrixGroup, PermutationGroup, group


class Heisenberg(MatrixGroup):
    """Upper unitriangular 3 x 3 matrices."""

    def generators(self):
        e = np.zeros((3, 3, 3))
        e[0, 0, 1] = e[1, 1, 2] = e[2, 0, 2] = 1
        return Generators(lie=e)


class Klein(PermutationGroup):
    def generators(self):
        return Generators(discrete=[[1, 0, 3, 2], [2, 3, 0, 1]])


class WrongOrder(Klein):
    order = 5


class NoGroup(MatrixGroup):
    def generators(self):
        e = np.zeros((2, 3, 3))
        e[0, 0, 1] = e[1, 1, 0] = 1
        return Generators(lie=e)


class Sized(Klein):
    def __init__(self, size):
        super().__init__()


d4 = group("D4")
number = 3
'''


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a module of groups; import state is put back afterwards."""
    name = f"groups_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(GROUPS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return tmp_path / f"{name}.py"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of one command, in this process."""
    code = cli.main(words)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out, captured.err


def command(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """One command as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(Path(equilayers.__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "equilayers.cli", *words], cwd=folder, env=environment, capture_output=True, text=True
    )


# The process


def test_as_a_process_it_prints_its_version(tmp_path: Path) -> None:
    done = command("--version", folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"equilayers {equilayers.__version__}\n", "")


def test_as_a_process_it_refuses_without_a_traceback(tmp_path: Path) -> None:
    done = command("show", "D4x", folder=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("equilayers: No group has this name.") and "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [(), ("bench", "--task", "none"), ("nothing",), ("show", "--level", "x"), ("check",)])
def test_a_wrong_line_exits_with_2_and_a_hint(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        cli.main(words)
    assert exit.value.code == 2 and "usage: equilayers" in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert exit.value.code == 0
    assert all(re.search(rf"^ +{name} ", text, re.M) for name in ("bench", "report", "show", "check"))


# show


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        (
            "D4",
            [
                "order            8",
                "E1       2  real",
                "character table of D4, order 8",
                "A1     real   1   1   1   1   1",
            ],
        ),
        ("C3", ["order            3", "1        2  complex"]),
        ("S50", ["order            30414093201713378043612608166064768844377641568960512000000000000", "not listed"]),
        ("SO(3)", ["order            infinite", "dimension 3, semisimple", "2        5  real"]),
        ("SU(2)", ["1/2      4  quaternionic"]),
        ("C2 x C3", ["one of each factor, packed: C2, C3", "(1,1)    2  complex"]),
    ],
)
def test_show_prints_facts_and_irreps(name: str, facts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show", name)
    assert (code, err) == (0, "") and out.startswith(f"{name}\n")
    for fact in facts:
        assert fact in out
    assert ("character table" in out) == (name in ("D4", "C3", "C2 x C3"))


def test_show_lists_every_irrep_once_with_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("D6", "C7", "S4"):
        out = run(capsys, "show", name)[1]
        rows = [line.split() for line in out.split("irrep  ")[1].split("\n\n")[0].splitlines()[1:]]
        found = equilayers.irreps(equilayers.group(name))
        assert rows == [[i.label, str(i.dim), i.type] for i in found]


@pytest.mark.parametrize("name", ["m-3m", "-3m", "-1", "-42m", "D4h"])
def test_show_takes_the_names_of_point_groups(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    point = equilayers.groups.PointGroup(name)
    code, out, err = run(capsys, "show", name)
    assert (code, err) == (0, "") and out.startswith(f"{point.hermann_mauguin}\n")
    for facts in (f"order            {point.order}\n", "elements         3 x 3 matrices\n"):
        assert facts in out
    assert run(capsys, "show", "--level", "1", name)[1] == out


def test_show_without_a_name_lists_the_catalogue(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show")
    assert (code, err) == (0, "")
    rows = [re.split(r"  +", line.strip()) for line in out.splitlines() if line.startswith("  ")]
    assert [row[0] for row in rows] == [entry.name for entry in equilayers.groups.catalogue()]
    facts = {row[0]: row[1:] for row in rows}
    assert facts["m-3m"][:3] == ["48", "0", "yes"] and facts["SO(1,3)"][:3] == ["infinite", "6", "no"]
    assert facts["Rubik"][0] == "4.33e+19" and max(map(len, out.splitlines())) < 100


@pytest.mark.parametrize(("wrong", "near"), [("Rubick", "Rubik"), ("m3-m", "m-3m"), ("SO(3", "SO(3)")])
def test_show_suggests_names_that_are_spelled_alike(wrong: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "show", wrong)
    assert (code, out) == (2, "") and near in err.replace(wrong, "", 1)


def test_show_looks_deeper_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    assert "4        9  real" not in run(capsys, "show", "SO(3)")[1]
    assert "4        9  real" in run(capsys, "show", "SO(3)", "--level", "4")[1]


# check


@pytest.mark.parametrize("name", ["Heisenberg", "Klein", "d4"])
def test_check_accepts_a_group_of_ones_own(name: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", f"{here.stem}:{name}")
    assert (code, err) == (0, "")
    counted = re.search(r"(\d+) laws hold", out)
    assert counted is not None and int(counted[1]) > 10


@pytest.mark.parametrize(("name", "law"), [("WrongOrder", "order"), ("NoGroup", "bracket")])
def test_check_names_the_broken_law(name: str, law: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", f"{here.stem}:{name}")
    assert (code, out) == (1, "") and law in err


@pytest.mark.parametrize(
    "target", ["nothing", ":", "no_such_module:A", "{here}:Missing", "{here}:number", "{here}:Sized"]
)
def test_check_refuses_what_is_no_group(target: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "check", target.format(here=here.stem))
    assert (code, out) == (2, "") and err.startswith("equilayers: ")


# bench and report


def test_bench_names_the_packages_it_lacks(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name in ("rich", "sklearn") else find_spec(name))
    code, out, err = run(capsys, "bench", "--quick")
    assert (code, out) == (2, "")
    assert "rich, scikit-learn" in err and 'pip install "equilayers[bench]"' in err and "matplotlib" not in err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A results folder that was interrupted early: seven runs of a quick plan."""
    plan = make_plan("digits", quick=True)
    (tmp_path / "plan.json").write_text(json.dumps({**plan.settings(), "versions": {"torch": "2.13.0"}}))
    jobs = [job for job in plan.unrated() if job.task == "rotated"][:7]
    records = [_record(job, i) for i, job in enumerate(jobs)]
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return tmp_path


def _record(job: Any, i: int) -> dict[str, Any]:
    return {
        "format": 1, "key": job.key, "kind": "run", "task": job.task, "arm": job.arm, "n": job.n, "seed": job.seed,
        "steps": job.steps, "rate": 0.01, "parameters": 100, "macs": 1000, "seconds": 0.5, "final_loss": 0,
        "flagged": False, "evaluations": {name: _evaluation(name, i) for name in _evaluations(job.arm)},
        "equivariance": {"error": None, "low": None, "high": None, "floor": None},
    }  # fmt: skip


def _evaluations(arm: str) -> list[str]:
    return ["rotated", "upright"] + ["rotated_tta"] * arm.startswith(("plain", "augmented"))


def _evaluation(name: str, i: int) -> dict[str, Any]:
    positions = 1 if name == "upright" else 4
    counts = "".join(str((k * (i + 3)) % 5 * positions // 4) for k in range(40))
    return {"accuracy": sum(map(int, counts)) / (40 * positions), "counts": counts}


def test_report_summarises_what_is_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "records.jsonl").read_bytes()
    code, out, err = run(capsys, "report", str(folder))
    assert (code, err) == (0, "")
    assert "C4" in out and "n = 150" in out and f"Report: {folder / 'report.html'}" in out
    assert "7 of 64 runs" in (folder / "report.html").read_text(encoding="utf-8")
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["runs"] == 7
    assert (folder / "records.jsonl").read_bytes() == before


def test_bench_feeds_the_watch_and_ends_with_the_report(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the training replaced: lines for whoever is no terminal, then the table and the place of the report."""
    records, _ = experiments.read_records(folder)

    def replay(*_: object, progress: Any, **__: object) -> Path:
        for done in range(8):
            last = list(records.values())[done - 1] if done else None
            seen = dict(list(records.items())[:done])
            progress(experiments.Progress(7, done, 1.0 * done, 2.0 * (7 - done), seen, last, notes=["a note"]))
        return folder

    monkeypatch.setattr("equilayers.experiments.benchmark.run_benchmark", replay)
    code, out, err = run(capsys, "bench", "--quick", "--out", str(folder))
    assert (code, err) == (0, "")
    assert f"Continuing in {folder}" in out and out.count("Note: a note") == 1
    assert "[1/7] run plain-P, n = 150, rotated:" in out and "about 12 s left" in out and "; done" in out
    assert "Report: " in out and "\x1b" not in out


def test_bench_says_where_to_go_on_after_an_interruption(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("equilayers.experiments.benchmark.run_benchmark", interrupted)
    monkeypatch.chdir(tmp_path)
    code, out, _ = run(capsys, "bench", "--quick")
    assert code == 130 and "Results go to results/digits-quick" in out and "continues there" in out


@pytest.mark.parametrize("damage", ["middle line", "plan", "no plan", "another plan", "twice"])
def test_a_damaged_folder_is_reported_and_kept(folder: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    records, plan = folder / "records.jsonl", folder / "plan.json"
    lines = records.read_text().splitlines(keepends=True)
    if damage == "middle line":
        records.write_text("".join([*lines[:2], lines[2][:50] + "\n", *lines[3:]]))
    elif damage == "plan":
        plan.write_text('{"dataset": ')
    elif damage == "no plan":
        plan.unlink()
    elif damage == "another plan":
        plan.write_text(json.dumps({**json.loads(plan.read_text()), "steps": 17}))
    else:
        records.write_text("".join([*lines, lines[0]]))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    code, _, err = run(capsys, "bench", "--quick", "--out", str(folder))
    assert code == 2 and err.startswith("equilayers: ")
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}
    assert after == before


@pytest.mark.parametrize("content", [None, {}, {"records.jsonl": "not json\n"}])
def test_report_refuses_a_folder_without_records(
    tmp_path: Path, content: dict[str, str] | None, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "results"
    for name, text in (content or {}).items():
        target.mkdir(exist_ok=True)
        (target / name).write_text(text)
    code, out, err = run(capsys, "report", str(target))
    assert (code, out) == (2, "") and err.startswith("equilayers: ")
    assert not (target / "report.html").exists()


def test_mnist_needs_its_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "bench", "--task", "mnist-rot", "--out", str(tmp_path / "out"))
    assert code == 2 and "--data" in err
    assert issubclass(ResultsError, equilayers.EquilayersError)


@pytest.mark.slow
def test_a_quick_benchmark_as_a_process_ends_with_a_report(tmp_path: Path) -> None:
    done = command("bench", "--quick", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Results go to results/digits-quick" in done.stdout and "[64/64]" in done.stdout
    summary = json.loads((tmp_path / "results/digits-quick/summary.json").read_text(encoding="utf-8"))
    assert summary["complete"] and summary["indicative"]
    assert "Continuing in" in command("bench", "--quick", folder=tmp_path).stdout
