"""The command line: ``equilayers bench``, ``report``, ``show`` and ``check``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from equilayers import __version__
from equilayers.errors import BadInput, EquilayersError

__all__ = ["main"]

BENCH_NEEDS = {"rich": "rich", "matplotlib": "matplotlib", "sklearn": "scikit-learn"}
FAILED, REFUSED, INTERRUPTED = 1, 2, 130  # exit codes, beside 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``equilayers``; those of the process by default.

    Returns:
        The exit code: 0, 1 where a check failed, 2 where a command was refused, 130 where it was interrupted.

    Example:
        >>> main(["show", "C2"])
        C2
          order            2
          compact          yes
          elements         2 x 2 matrices
          generators       1 discrete
          defining action  dimension 2
        <BLANKLINE>
        irrep  dim  type
        0        1  real
        1        1  real
        <BLANKLINE>
        character table of C2, order 2
        class        1a  2a
        size          1   1
        -------------------
        0      real   1   1
        1      real   1  -1
        0
    """
    words = sys.argv[1:] if argv is None else argv
    # "-3m" is a group and no option: argparse takes a word with a blank for an argument
    arguments = _parser().parse_args([f" {w}" if w[:1] == "-" and w[1:2].isdigit() else w for w in words])
    try:
        return int(arguments.command(arguments))
    except EquilayersError as error:
        print(f"equilayers: {error}", file=sys.stderr)
        return REFUSED
    except BrokenPipeError:  # the reader, for example `head`, has seen enough
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    from equilayers.experiments.catalogue import TASK_NAMES

    parser = argparse.ArgumentParser(prog="equilayers", description="Equivariant layers for any symmetry group.")
    parser.add_argument("--version", action="version", version=f"equilayers {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    bench = commands.add_parser(
        "bench",
        help="compare built-in with learned equivariance",
        description="Compare built-in with learned equivariance. An interrupted benchmark continues where it stopped.",
    )
    bench.add_argument("--quick", action="store_true", help="a smaller plan that ends within a minute; wide intervals")
    bench.add_argument(
        "--task", choices=TASK_NAMES, default="digits", metavar="NAME", help=f"{', '.join(TASK_NAMES)} (digits)"
    )
    bench.add_argument("--data", type=Path, metavar="DIR", help="folder of mnist_train.npz and mnist_test.npz")
    bench.add_argument("--out", type=Path, metavar="FOLDER", help="results folder (results/TASK or results/TASK-quick)")
    bench.add_argument("--controls", choices=["roll", "all"], default="roll", help="wrong groups to run (roll)")
    bench.set_defaults(command=_bench)

    report = commands.add_parser("report", help="write the report of a results folder anew")
    report.add_argument("folder", type=Path, metavar="FOLDER")
    report.set_defaults(command=_report)

    show = commands.add_parser("show", help="print a group's facts, irreps and character table, or list all groups")
    name = 'its usual name: D4, S5, m-3m, "SO(3)", "SO(3) x S4"; without one, the catalogue is listed'
    show.add_argument("group", metavar="GROUP", nargs="?", help=name)
    show.add_argument("--level", type=int, default=2, help="tensor powers to look into, for an infinite group (2)")
    show.set_defaults(command=_show)

    check = commands.add_parser("check", help="run every law of a group on your own class")
    check.add_argument("target", metavar="PACKAGE.MODULE:NAME", help="a class without arguments, or a group")
    check.set_defaults(command=_check)
    return parser


def _require_bench() -> None:
    missing = [package for module, package in BENCH_NEEDS.items() if find_spec(module) is None]
    if missing:
        raise BadInput(
            "The benchmark needs packages that are not installed.",
            {"missing": ", ".join(missing)},
            'Run: pip install "equilayers[bench]"',
        )


def _bench(arguments: argparse.Namespace) -> int:
    _require_bench()
    from rich.console import Console

    from equilayers.experiments import default_folder, run_benchmark
    from equilayers.experiments.console import Watch

    console = Console()
    folder = arguments.out or default_folder(arguments.task, arguments.quick, arguments.controls)
    continuing = (folder / "records.jsonl").exists()
    console.print(f"{'Continuing in' if continuing else 'Results go to'} {folder}", highlight=False, soft_wrap=True)
    try:
        with Watch(console, arguments.task) as watch:
            a = arguments
            run_benchmark(a.task, a.quick, a.data, out=folder, controls=a.controls, progress=watch)
    except KeyboardInterrupt:
        console.print(
            f"Interrupted. What finished is kept in {folder}; the same command continues there,", soft_wrap=True
        )
        console.print(f"and this one reports on what is there: equilayers report {folder}", soft_wrap=True)
        return INTERRUPTED
    return _finish(console, folder)


def _finish(console: Any, folder: Path) -> int:
    """Summary, final table and report of whatever the folder holds."""
    from equilayers.experiments.console import final
    from equilayers.experiments.report import publish

    summary, report = publish(folder)
    final(console, summary)
    console.print(f"Report: {report}", highlight=False, soft_wrap=True)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    _require_bench()
    from rich.console import Console

    return _finish(Console(), arguments.folder)


def _show(arguments: argparse.Namespace) -> int:
    from equilayers.experiments.show import describe, listing
    from equilayers.groups import group

    print(listing() if arguments.group is None else describe(group(arguments.group), arguments.level))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from equilayers.measurement import check_group

    subject = _load(arguments.target)
    try:
        print(check_group(subject))
    except EquilayersError as error:  # a broken law, or a description from which no group can be derived
        print(error, file=sys.stderr)
        return FAILED
    return 0


def _load(target: str) -> Any:
    """The group that ``package.module:Name`` names, or one of that class; the working directory is looked in first."""
    from equilayers.groups import Group

    module, _, name = target.partition(":")
    if not module or not name:
        raise BadInput("A target is a module and a name.", {"given": target}, "Write package.module:ClassName.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise BadInput(
            "No such class can be imported.", {"given": target, "error": error}, "Check both names."
        ) from None
    if not (isinstance(found, Group) or (isinstance(found, type) and issubclass(found, Group))):
        raise BadInput(
            "check takes a group or a class of groups.",
            {"given": target, "found": repr(found)},
            "Subclass MatrixGroup, PermutationGroup or FiniteMatrixGroup of equilayers.groups.",
        )
    if not isinstance(found, type):
        return found
    try:
        return found()
    except TypeError as error:
        raise BadInput(
            "A class is checked by a group that it makes without arguments.",
            {"given": target, "error": error},
            "Name a group instead: a module's variable that holds one.",
        ) from None


if __name__ == "__main__":
    sys.exit(main())
