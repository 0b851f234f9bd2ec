"""The one place from which the command line prints: text is shown as it is, and a terminal obeys none of it."""

from __future__ import annotations

import errno
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

__all__ = ["deliver", "one_line", "say", "settle", "shown", "visible", "writing"]

UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # control, direction, half and unknown characters, line separators
LONGEST = 400


def visible(text: str, encoding: str | None = "utf-8") -> str:
    """Text in which every character that a terminal would obey, or could not show, is written out; lines stay lines.

    Args:
        text: perhaps from a file of somebody else.
        encoding: of the terminal.

    Example:
        >>> print(visible("red: \\x1b[31m, title: \\x1b]0;x\\x07, folder: \\udcff"))
        red: \\x1b[31m, title: \\x1b]0;x\\x07, folder: \\udcff
    """
    shown = "".join(
        c if c in "\n\t" or unicodedata.category(c) not in UNSEEN else c.encode("unicode_escape").decode() for c in text
    )
    return shown.encode(encoding or "utf-8", "backslashreplace").decode(encoding or "utf-8")


def shown(value: object) -> str:
    """A value of somebody else on one line: shortened, without anything that a terminal would obey.

    Example:
        >>> shown("two\\nlines"), shown([1, 2]), len(shown("x" * 1000))
        ("'two\\\\nlines'", '[1, 2]', 60)
    """
    try:
        text = repr(value)
    except Exception:  # a whole number of thousands of digits has no decimal form, an object may have no words
        text = f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:59]}…"


def one_line(error: BaseException) -> str:
    """An exception on one line: its type, and what it says where it can be asked.

    Example:
        >>> one_line(KeyError("a\\nb")), one_line(ValueError())
        ("KeyError: 'a\\\\nb'", 'ValueError')
    """
    try:
        words = " ".join(str(error).split())
    except Exception:  # written by whoever raised it
        words = ""
    text = type(error).__name__ + (f": {words}" if words else "")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def say(text: str, stream: TextIO | None) -> None:
    """Print text and a line end; errors are said as far as anybody listens.

    Args:
        text: lines.
        stream: standard output or standard error, None where it is closed.

    Raises:
        OSError: standard output cannot be written.
    """
    if stream is None:
        return
    try:
        with writing():
            stream.write(visible(text, getattr(stream, "encoding", None)) + "\n")
            stream.flush()
    except OSError:
        if stream is not sys.stderr:
            raise


def deliver(stream: TextIO | None) -> None:
    """Write what waits in the buffer of a stream.

    Raises:
        OSError: it cannot be written.
    """
    if stream is not None:
        with writing():
            stream.flush()


@contextmanager
def writing() -> Iterator[None]:
    """Turn Python's word for a stream that somebody has closed, a ValueError, into an OSError like all others."""
    try:
        yield
    except ValueError as error:
        raise OSError(errno.EBADF, "the output is closed") from error


def settle(stream: TextIO | None) -> None:
    """Let what a broken stream still holds go nowhere, so that the interpreter does not fail on it at its end."""
    try:
        deliver(stream)
    except OSError:
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, stream.fileno())  # type: ignore[union-attr]
            finally:
                os.close(nowhere)
