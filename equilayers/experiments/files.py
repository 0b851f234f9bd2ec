"""Files of a results folder: read, appended and replaced without following links, each change whole or not made.

A results folder may come from somebody else. Each of its files must be a regular file with one name: a link in the
place of one would let whoever made the folder choose what is read or overwritten, and a pipe would never end.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from equilayers.errors import BadInput, ResultsError
from equilayers.experiments.terminal import shown

__all__ = ["KEEP", "Appender", "as_folder", "open_plain", "read_plain", "replace_files", "survey", "unwritable"]

KEEP = "The folder is left as it is: give another one, or move it away."
NO_TRAPS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"))
KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def as_folder(folder: object) -> Path:
    """A path, of what a caller gave for one.

    Raises:
        BadInput: no path at all.
    """
    if isinstance(folder, (str, os.PathLike)):
        text = os.fspath(folder)
        if isinstance(text, str) and _is_name(text):
            return Path(text)
    raise BadInput("A folder is given by its path.", {"given": shown(folder)}, "Give a string or a pathlib.Path.")


def _is_name(text: str) -> bool:
    """Whether the system could have a file of this name."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


def open_plain(path: Path, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a regular file with one name.

    Raises:
        FileNotFoundError: nothing there, and ``flags`` do not say to create it.
        ResultsError: a link, a second name of another file, a pipe, a device, a folder; or the system refuses.
    """
    try:
        with suppress(FileNotFoundError):
            _demand_plain(os.lstat(path), path)  # before it is opened: opening a device or a pipe may do something
        descriptor = os.open(path, flags | NO_TRAPS, 0o666)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ResultsError("A file of the results cannot be opened.", {"file": path, "reason": error}, KEEP) from error
    try:
        _demand_plain(os.fstat(descriptor), path)  # once more: it may have been exchanged in between
    except ResultsError:
        os.close(descriptor)
        raise
    return descriptor


def _demand_plain(found: os.stat_result, path: Path) -> None:
    kind = KINDS.get(stat.S_IFMT(found.st_mode), "")
    if not kind and found.st_nlink > 1:
        kind = f"a file with {found.st_nlink} names (hard links)"
    if kind:
        values = {"file": path, "found": kind}
        raise ResultsError("Every file of a results folder must be a regular file with one name.", values, KEEP)


def survey(folder: Path, names: frozenset[str]) -> set[str]:
    """What lies in a folder; refused where a file of the results, a draft of one among them, is not a plain file.

    Args:
        folder: the folder.
        names: of the files of the results; a draft of one begins with its name and a dot.

    Raises:
        ResultsError: such a file, or a folder that cannot be listed.
    """
    try:
        found = set(os.listdir(folder))
        for name in sorted(found):
            if any(name == ours or name.startswith(f"{ours}.") for ours in names):
                with suppress(FileNotFoundError):  # a draft that its writer has just renamed
                    _demand_plain(os.lstat(folder / name), folder / name)
    except OSError as error:
        values = {"folder": folder, "reason": error}
        raise ResultsError("The results folder cannot be read.", values, "Give a folder that is there.") from error
    return found


def read_plain(path: Path, limit: int) -> bytes | None:
    """The content of a regular file with one name, None where there is none.

    Raises:
        ResultsError: another kind of file, one of more than ``limit`` bytes, or the system refuses.
    """
    try:
        descriptor = open_plain(path)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if size > limit:
            values = {"file": path, "bytes": size, "limit": limit}
            raise ResultsError("A file of the results is too large.", values, KEEP)
        try:
            return file.read()
        except OSError as error:
            values = {"file": path, "reason": error}
            raise ResultsError("A file of the results cannot be read.", values, KEEP) from error


class Appender:
    """A file that only grows: what :meth:`append` adds is on disk when it returns, or the file is as long as before.

    Args:
        path: made if it does not exist.

    Raises:
        ResultsError: another kind of file, or the system refuses; from :meth:`append` and :meth:`cut` likewise.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.descriptor = open_plain(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except FileNotFoundError as error:  # the folder is gone
            raise unwritable(path, error) from error
        self.size = os.fstat(self.descriptor).st_size

    def append(self, data: bytes) -> None:
        """Add bytes at the end."""
        try:
            if os.fstat(self.descriptor).st_size != self.size:  # a part that an earlier failure could not take back
                os.ftruncate(self.descriptor, self.size)
            _write(self.descriptor, data)
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self.descriptor, self.size)
            raise unwritable(self.path, error) from error
        self.size += len(data)

    def cut(self, size: int) -> None:
        """Leave the first ``size`` bytes."""
        try:
            os.ftruncate(self.descriptor, size)
            os.fsync(self.descriptor)
        except OSError as error:
            raise unwritable(self.path, error) from error
        self.size = size

    def close(self) -> None:
        """Nothing is waiting to be written, so this cannot fail for lack of room."""
        with suppress(OSError):
            os.close(self.descriptor)


def replace_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files of a folder, each whole; where there is no room for all, none is changed and no draft is left.

    A draft is a new file of a random name in the same folder; when all are on the disk, each takes the place of the old
    file by renaming, which needs no room.

    Raises:
        ResultsError: the system refuses.
    """
    drafts: dict[Path, Path] = {}
    try:
        for name, data in contents.items():
            draft = folder / f"{name}.{secrets.token_hex(8)}.draft"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_TRAPS, 0o666)
            drafts[draft] = folder / name
            try:
                _write(descriptor, data)
            finally:
                os.close(descriptor)
        while drafts:
            draft, path = next(iter(drafts.items()))
            os.replace(draft, path)
            del drafts[draft]
    except OSError as error:
        raise unwritable(folder / name, error) from error
    finally:
        for draft in drafts:
            with suppress(OSError):
                os.unlink(draft)
    _sync(folder)


def _write(descriptor: int, data: bytes) -> None:
    """All of it, to the disk."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def _sync(folder: Path) -> None:
    """Make new names last through a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def unwritable(path: Path, error: OSError) -> ResultsError:
    """The error of a file that the system does not let be written."""
    values = {"file": path, "reason": error.strerror or error}
    remedy = "What was written before is kept: make room or give another folder, then give the same command again."
    return ResultsError("A file of the results cannot be written.", values, remedy)
