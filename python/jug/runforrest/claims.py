"""Who runs which task of a folder: locks on bytes of a file, which end with the processes that hold them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from ..internal.files import FILE_MODE

__all__ = ["Claims", "all_claimed"]

#: ``struct flock``: type, whence, start, length, process.
_FLOCK = "hhqqi4x"


class Claims:
    """The tasks of a folder that this process has claimed, any number of them by one descriptor.

    A task has two bytes. The first is that of the process that has it run, until its files are where they
    belong. The second is that of its own process, which may outlive the other one for a moment.

    Parameters
    ----------
    path : Path
        The file for claims in the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = _opened(path)

    def fileno(self) -> int:
        """The descriptor with the first byte of each: no task may have it."""
        return self._descriptor

    def claim(self, name: str) -> int | None:
        """Claims a task.

        Parameters
        ----------
        name : str
            The name of its file.

        Returns
        -------
        int or None
            The descriptor for its process, which the caller closes as well when that has ended. None if
            somebody else has the task.
        """
        if not _lock(self._descriptor, _place(name), 1):
            return None
        its = None
        try:
            its = self.of_process(name)
        finally:
            if its is None:
                self.release(name)
        return its

    def of_process(self, name: str) -> int | None:
        """The descriptor for another process of a task that is claimed; None if a former one still lives."""
        its = _opened(self._path)
        if _lock(its, _place(name) + 1, 1):
            return its
        os.close(its)
        return None

    def release(self, name: str) -> None:
        """Ends the claim on a task."""
        _lock(self._descriptor, _place(name), 1, kind=fcntl.F_UNLCK)


@contextmanager
def all_claimed(path: Path) -> Iterator[bool]:
    """Claims all tasks of a folder while the context lasts; False if somebody has one."""
    descriptor = _opened(path)
    try:
        yield _lock(descriptor, 0, 0)
    finally:
        os.close(descriptor)


def _place(name: str) -> int:
    return (int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest()) >> 2) * 2


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)


def _lock(descriptor: int, place: int, length: int, kind: int = fcntl.F_WRLCK) -> bool:
    # It is that of the open file: who is forked for the task goes on having it when its parent dies.
    lock = struct.pack(_FLOCK, kind, os.SEEK_SET, place, length, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
