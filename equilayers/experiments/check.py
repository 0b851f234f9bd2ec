"""A group of one's own, found by name and checked. This imports a module of the user, and so runs it."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from equilayers.errors import BadInput, EquilayersError
from equilayers.experiments.terminal import one_line, shown
from equilayers.groups import Group
from equilayers.measurement import check_group

__all__ = ["Unchecked", "check", "load"]


class Unchecked(BadInput):
    """There is no group to check, for a reason that fits on one line."""


def check(target: str) -> str:
    """Run every law on the group that ``target`` names.

    Args:
        target: "package.module:Name".

    Returns:
        What was checked, in words.

    Raises:
        Unchecked: there is no such group, or its own code raises or exits; on one line.
        EquilayersError: a broken law, or a description from which no group can be derived.
    """
    subject = load(target)
    with _told(target, "cannot be checked", let_pass=EquilayersError):
        try:
            return str(check_group(subject))
        except EquilayersError as error:
            str(error)  # its values are the group's own, whose words may raise
            raise


def load(target: str) -> Group:
    """The group that ``target`` names, or one of that class; the working directory is looked in first.

    Args:
        target: "package.module:Name".

    Raises:
        Unchecked: on one line: no such module or name, no group, or an import that raises or exits.
    """
    module, _, name = target.partition(":")
    if not module or not name:
        raise Unchecked(f"A target is a module and a name, as package.module:ClassName, and not {shown(target)}.")
    with _told(target, "cannot be imported"):
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)
        found = getattr(import_module(module), name)
    with _told(target, "cannot be asked what it is"):
        kind = "group" if isinstance(found, Group) else ""
        kind = "class" if isinstance(found, type) and issubclass(found, Group) else kind
    if not kind:
        raise Unchecked(f"{shown(target)} is {shown(found)}, and what is checked is a group or a class of groups.")
    if kind == "group":
        return found
    with _told(target, "makes no group without arguments; a variable that holds a group is checked as well"):
        return found()


@contextmanager
def _told(target: str, what: str, let_pass: tuple[type[Exception], ...] | type[Exception] = ()) -> Iterator[None]:
    """Whatever the user's code raises, an exit included, as one line with the place where it was raised."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except let_pass:
        raise
    except BaseException as error:
        raise Unchecked(f"{shown(target)} {what}: {one_line(error)}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """File and line of the innermost call; nothing where the error names its own."""
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    if not frames or isinstance(error, (ImportError, SyntaxError)):
        return ""
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
