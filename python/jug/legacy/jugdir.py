"""A directory of results that jug 2.x wrote, to be read and never changed.

ab/cdef...       one result, under the 40 hexadecimal digits of its key
packs/jugpack    many small ones: a dict from keys to values, encoded like one value
locks/           who runs what; marks of failed tasks have the time of modification 1
tempfiles/       what was not finished
"""

from __future__ import annotations

import contextlib
import os
import pickle
import stat
from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any

from ..backends.base import copied
from ..backends.foreign import PREFIX, REST, is_old_jugdir, names_in
from ..errors import UserError
from .values import Unreadable, decompress, read_value

__all__ = ["OldJugdir", "active_locks"]

_FAILED_TIME = 1


def active_locks(path: str) -> int:
    """How many tasks look as if they were running under jug 2.x; killed workers leave such locks, too."""
    with contextlib.suppress(OSError), os.scandir(os.path.join(path, "locks")) as entries:
        return sum(int(entry.stat(follow_symlinks=False).st_mtime) != _FAILED_TIME for entry in entries)
    return 0


class OldJugdir:
    """The results of an old jugdir.

    Parameters
    ----------
    path : str
        The directory. Pickles are read from it and from nowhere else: symbolic links in it are not followed.

    Raises
    ------
    UserError
        If it is not a directory that jug 2.x wrote.
    """

    def __init__(self, path: str) -> None:
        if not os.path.isdir(path):
            what = "is not a directory" if os.path.exists(path) else "does not exist"
            raise UserError(
                f"{path} {what}; name the jugdir that jug 2.x wrote: jug adopt JUGFILE OLD_JUGDIR"
            )
        if not is_old_jugdir(path):
            raise UserError(f"{path} is not a jugdir of jug 2.x: it holds none of its results")
        self.path = path
        self._names: dict[str, frozenset[str]] = {}
        self._packed: dict[Any, Any] | None = None
        self._absent: set[str] = set()
        #: Why the pack cannot be read, if there is one and it cannot.
        self.pack_fault: str | None = None

    def __contains__(self, key: bytes) -> bool:
        return self._has_file(key.decode()) or key in self._pack()

    def __iter__(self) -> Iterator[bytes]:
        """The keys of all results."""
        for prefix in filter(PREFIX.fullmatch, sorted(os.listdir(self.path))):
            for rest in self._listed(prefix):
                yield (prefix + rest).encode()
        yield from (key for key in self._pack() if not self._has_file(key.decode()))

    def load(self, key: bytes) -> tuple[Any, float]:
        """A result and when it was stored, in seconds since 1970 (0: not known).

        Where a result is both in a file and in the pack, the file is the newer one.

        Raises
        ------
        KeyError
            If there is none.
        Unreadable
            If it cannot be read.
        """
        if not self._has_file(key.decode()):
            return self._load_packed(key), 0.0
        try:
            return self._load_file(key.decode())
        except Unreadable:
            if key not in self._pack():
                raise
            return self._load_packed(key), 0.0

    def forget_classes(self) -> None:
        """Reads the pack again at the next need if classes were missing that may be there now."""
        if self._absent:
            self._packed = None

    # --- files ---

    def _listed(self, prefix: str) -> frozenset[str]:
        names = self._names.get(prefix)
        if names is None:
            found = names_in(os.path.join(self.path, prefix))
            names = self._names[prefix] = frozenset(filter(REST.fullmatch, found))
        return names

    def _has_file(self, key: str) -> bool:
        return key[2:] in self._listed(key[:2])

    def _load_file(self, key: str) -> tuple[Any, float]:
        folder = os.path.join(self.path, key[:2])
        if os.path.islink(folder):
            raise Unreadable(f"{folder} is a symbolic link; name the directory that the results are in")
        with _opened(os.path.join(folder, key[2:])) as (file, status):
            return read_value(file, status.st_size), status.st_mtime

    # --- the pack ---

    def _pack(self) -> dict[Any, Any]:
        if self._packed is None:
            try:
                self._packed = self._read_pack()
            except Unreadable as error:
                self._packed, self.pack_fault = {}, str(error)
        return self._packed

    def _read_pack(self) -> dict[Any, Any]:
        folder = os.path.join(self.path, "packs")
        path = os.path.join(folder, "jugpack")
        if not os.path.lexists(path):
            return {}
        if os.path.islink(folder):
            raise Unreadable("its directory is a symbolic link")
        with _opened(path) as (file, _):
            contents = decompress(file.read())
        unpickler = _Tolerant(BytesIO(memoryview(contents)[1:]))
        try:
            packed = unpickler.load() if contents[:1] == b"P" else None
        except Exception as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error
        finally:
            self._absent = unpickler.absent
        if type(packed) is not dict or not all(type(key) is bytes for key in packed):
            raise Unreadable("it holds no results")
        return packed

    def _load_packed(self, key: bytes) -> Any:
        value = self._pack()[key]
        if self._absent:
            # Some value of the pack is of a class that is not there; this one need not be.
            try:
                pickle.dumps(value)
            except _Absent as error:
                raise Unreadable(str(error)) from None
            except Exception as error:
                raise Unreadable(f"{error} (not found: {', '.join(sorted(self._absent))})") from error
        # The jugfile may change what it gets.
        return copied(value)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], os.stat_result]]:
    """Opens a regular file for reading, and nothing else; its time of access stays where that is possible."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        try:
            descriptor = os.open(path, flags | getattr(os, "O_NOATIME", 0))
        except PermissionError:
            descriptor = os.open(path, flags)  # Only its owner may leave the time of access alone.
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise Unreadable("it is not a file")
            yield file, status
    except OSError as error:
        if os.path.islink(path):
            raise Unreadable("it is a symbolic link, which is not followed") from None
        raise Unreadable(error.strerror or str(error)) from error


class _Absent(Exception):
    """A value holds an object whose class was not found."""


class _Tolerant(pickle.Unpickler):
    """Reads on where a class is not found: a pack holds many values, of which the others need not suffer."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.absent: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except Exception as error:
            self.absent.add(f"{module}.{name}")
            return _stand_in(f"its class {module}.{name} is not found: {error}")


def _stand_in(why: str) -> type:
    """A class whose objects can be made of anything and pickled never."""

    def refuse(self: object, protocol: object) -> str:
        raise _Absent(why)

    def ignore(self: object, *args: object, **kwargs: object) -> None:
        pass

    def new(cls: type, *args: object, **kwargs: object) -> Any:
        return object.__new__(cls)

    methods = ("__init__", "__setstate__", "__setitem__", "append", "extend", "add", "update")
    return type("Absent", (), {"__new__": new, "__reduce_ex__": refuse} | dict.fromkeys(methods, ignore))
