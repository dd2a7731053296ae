"""Files as arguments and in results: known by what is in them, and noticed when that changes."""

from __future__ import annotations

import os
import sys
from typing import Any

from .errors import UserError
from .internal import file_uses
from .internal.file_digests import Unusable, digest_of
from .task import Task

__all__ = ["File"]


class File(os.PathLike[str]):
    """A file as an argument of a task, or in its result: known by its content, and not by its path.

    It is read when it is made. Where it is an argument, a task whose file has another content is another
    task, and before and after the task runs it is looked at again: a file that has changed in between is a
    failure of the task, and nothing is stored. Where it is in a result, a file that is not there any more, or
    has changed, makes the task run again when its result is loaded.

    The function receives it as it is, and uses it as a path: ``open(file)``, ``pandas.read_csv(file)``.

    Parameters
    ----------
    path : str or path
        A regular file, or a symbolic link to one.

    Raises
    ------
    TypeError
        If that is no path.
    UserError
        If it is no file that can be read, or is changed while it is read.
    """

    __slots__ = ("_digest", "_path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        try:
            given = os.fsdecode(path)
        except TypeError:
            raise TypeError(
                f"File takes the path of a file, not {type(path).__name__}; a file that a task writes is an "
                "argument of others where that task returns a File"
            ) from None
        self._path = _absolute(given)
        try:
            self._digest = digest_of(self._path)
        except Unusable as why:
            raise UserError(f"{_place()}the file {given!r} {why}; it is read when File is called") from None
        file_uses.note_made(self)

    @property
    def path(self) -> str:
        """Its absolute path. A task that asks for it uses the file."""
        file_uses.use_in_task(self)
        return self._path

    @property
    def digest(self) -> str:
        """The BLAKE2b digest of its content, of 256 bits, as 64 hexadecimal digits."""
        return self._digest

    def problem(self, since: str = "it was read") -> str:
        """What is the matter with the file now.

        Parameters
        ----------
        since : str, optional
            When it was what it is to be, in words.

        Returns
        -------
        str
            Such as "is not there" or "has changed since it was read"; empty if it is what it was.
        """
        try:
            return "" if digest_of(self._path) == self._digest else f"has changed since {since}"
        except Unusable as why:
            return str(why)

    def is_out_of_reach(self) -> bool:
        """Whether nobody knows here and now if the file is what it was: it, or its directory, cannot be read.

        Returns
        -------
        bool
            False for a file that is not there while its directory is.
        """
        try:
            digest_of(self._path)
        except Unusable as why:
            return why.is_out_of_reach
        return False

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other: object) -> bool:
        return self._digest == other._digest if isinstance(other, File) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"File({self._path!r})"

    def __copy__(self) -> File:
        return self

    def __deepcopy__(self, memo: Any) -> File:
        return self

    def __reduce__(self) -> Any:
        file_uses.note_stored(self)
        return _loaded, (self._path, self._digest)

    def __jug_hash__(self) -> bytes:
        file_uses.note_met(self)
        return f"jug.File {self._digest}".encode()

    def __jug_value__(self) -> File:
        file_uses.use(self)
        return self


def _loaded(path: str, digest: str) -> File:
    """A file as it comes out of a pickle: it is what it was then."""
    file = File.__new__(File)
    file._path, file._digest = path, digest
    file_uses.note_loaded(file)
    return file


def _absolute(path: str) -> str:
    """The same file, wherever this process goes: where `a` is a link, ``a/..`` is not where `a` stands."""
    return os.path.join(os.getcwd(), path) if ".." in path.split(os.sep) else os.path.abspath(path)


def _place() -> str:
    """Where in the user's code a file is made: "jugfile.py, line 3: "."""
    frame = sys._getframe(2)
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}: "


file_uses.track(File)
# From now on, also of the task that runs, if it is one that has this module imported.
Task._execute = Task._execute_with_files  # type: ignore[method-assign]
