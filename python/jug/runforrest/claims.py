"""Who runs which task of a folder: locks on bytes of a file, which end with the processes that hold them."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from hashlib import blake2b
from pathlib import Path

from ..internal.files import FILE_MODE

__all__ = ["claim", "claim_all"]

#: ``struct flock``: type, whence, start, length, process.
_FLOCK = "hhqqi4x"


def claim(path: Path, name: str) -> int | None:
    """Claims a task for this process and what it forks.

    Parameters
    ----------
    path : Path
        The file for claims in a folder.
    name : str
        The name of the task's file.

    Returns
    -------
    int or None
        A descriptor: the claim ends when every process has closed it. None if somebody else has the task.
    """
    place = int.from_bytes(blake2b(os.fsencode(name), digest_size=8).digest()) >> 2
    return _lock(path, place, 1)


def claim_all(path: Path) -> int | None:
    """The same for all tasks that there are; None if somebody else has one."""
    return _lock(path, 0, 0)


def _lock(path: Path, place: int, length: int) -> int | None:
    # It is that of the open file: who is forked for the task goes on having it when its parent dies.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    lock = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, place, length, 0)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, lock)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    return descriptor
