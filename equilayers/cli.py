"""The command line: ``equilayers bench``, ``report``, ``show`` and ``check``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from importlib.util import find_spec
from os.path import exists  # which never raises
from pathlib import Path
from typing import Any

from equilayers import __version__
from equilayers.errors import BadInput, EquilayersError
from equilayers.experiments.terminal import deliver, one_line, say, settle

__all__ = ["main"]

BENCH_NEEDS = {"rich": "rich", "matplotlib": "matplotlib", "jinja2": "jinja2", "sklearn": "scikit-learn"}
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
    try:
        try:
            code = _run(words)
        except SystemExit:  # of argparse, which has printed help, the version, or what is wrong
            deliver(sys.stdout)
            raise
        deliver(sys.stdout)
        return code
    except BrokenPipeError:  # the reader, for example `head`, has seen enough
        return 0
    except KeyboardInterrupt:
        say("equilayers: interrupted", sys.stderr)
        return INTERRUPTED
    except Exception as error:
        say(f"equilayers: {_told(error)}", sys.stderr)
        return REFUSED
    finally:
        settle(sys.stdout)
        settle(sys.stderr)


def _run(words: Sequence[str]) -> int:
    # "-3m" is a group and no option: argparse takes a word with a blank for an argument
    arguments = _parser().parse_args([f" {w}" if w[:1] == "-" and w[1:2].isdigit() else w for w in words])
    return int(arguments.command(arguments))


def _told(error: Exception) -> str:
    """What went wrong; a fault of this package on one line, with the place, so that it can be reported."""
    if isinstance(error, EquilayersError):
        return str(error)
    if isinstance(error, OSError):
        return f"the system refuses: {error.strerror or error}" + (f": {error.filename}" if error.filename else "")
    if isinstance(error, MemoryError):
        return f"too large for the memory of this machine: {one_line(error)}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"a fault of this program, please report it: {one_line(error)} ({frame.filename}, line {frame.lineno})"


class _Parser(argparse.ArgumentParser):
    """Prints as everything else is printed; argparse itself ignores that an output is full."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if message:
            say(message.rstrip("\n"), file or sys.stderr)


def _parser() -> argparse.ArgumentParser:
    from equilayers.experiments.catalogue import TASK_NAMES

    parser = _Parser(prog="equilayers", description="Equivariant layers for any symmetry group.")
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

    check = commands.add_parser(
        "check",
        help="run every law of a group on your own class; this imports and runs your module",
        description="Run every law of a group on a class of your own. PACKAGE.MODULE is imported, from the working "
        "directory if it is there, so its code runs: check only what you would run.",
    )
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
    from equilayers.experiments import default_folder, run_benchmark
    from equilayers.experiments.console import Screen, Watch
    from equilayers.experiments.files import as_folder

    screen = Screen()
    folder = as_folder(arguments.out or default_folder(arguments.task, arguments.quick, arguments.controls))
    screen.say(f"{'Continuing in' if exists(folder / 'records.jsonl') else 'Results go to'} {folder}")
    try:
        with Watch(screen, arguments.task) as watch:
            a = arguments
            run_benchmark(a.task, a.quick, a.data, out=folder, controls=a.controls, progress=watch)
    except KeyboardInterrupt:
        screen.say(f"Interrupted. What finished is kept in {folder}; the same command continues there,")
        screen.say(f"and this one reports on what is there: equilayers report {folder}")
        return INTERRUPTED
    except BrokenPipeError as error:
        values = {"kept in": folder}
        raise BadInput("The output was closed before the end.", values, "The same command continues there.") from error
    return _finish(screen, folder)


def _finish(screen: Any, folder: Path) -> int:
    """Summary, final table and report of whatever the folder holds."""
    from equilayers.experiments.console import final
    from equilayers.experiments.report import publish

    summary, report = publish(folder)
    final(screen, summary)
    screen.say(f"Report: {report}")
    return 0


def _report(arguments: argparse.Namespace) -> int:
    _require_bench()
    from equilayers.experiments.console import Screen

    return _finish(Screen(), arguments.folder)


def _show(arguments: argparse.Namespace) -> int:
    from equilayers.experiments.show import describe, listing
    from equilayers.groups import group

    say(listing() if arguments.group is None else describe(group(arguments.group), arguments.level), sys.stdout)
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from equilayers.experiments.check import Unchecked, check

    try:
        say(check(arguments.target), sys.stdout)
    except Unchecked:
        raise
    except EquilayersError as error:  # a broken law, or a description from which no group can be derived
        say(str(error), sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # `python -m` puts the working directory there: a torch.py in it is not to be run
    sys.exit(main())
