"""Opening and creating files so that nobody who put something in their place is served by it."""

from __future__ import annotations

import errno
import os
import stat
from typing import IO

__all__ = ["DIR_MODE", "FILE_MODE", "create", "open_regular", "temporary_name"]

#: Permissions, of which the umask takes away more. Others may never write: a user who writes results can run
#: programs as those who read them.
FILE_MODE, DIR_MODE = 0o664, 0o775


def temporary_name(folder: str, prefix: str) -> str:
    """A path in `folder` that nobody can guess."""
    return os.path.join(folder, f"{prefix}{os.urandom(16).hex()}")


def create(path: str) -> IO[bytes]:
    """Creates a file that must not exist, not even as a symbolic link, for writing."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


def open_regular(path: str) -> IO[bytes]:
    """Opens a file for reading. OSError for anything else; it does not wait for the writer of a FIFO."""
    file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is not a file", path)
