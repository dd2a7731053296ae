"""Recognises directories that another program wrote: those of jug 2.x, which are left untouched."""

from __future__ import annotations

import os
import re
import sys

from ..errors import UserError
from ..internal import running

__all__ = ["PREFIX", "REST", "is_old_jugdir", "names_in", "refusal"]

#: Under jug 2.x a result is in a file named by the 40 digits of its key; the first two name the directory.
PREFIX = re.compile("[0-9a-f]{2}")
REST = re.compile("[0-9a-f]{38}")
_PARTS = {"locks", "packs", "tempfiles"}


def is_old_jugdir(path: str) -> bool:
    """Whether a directory holds what jug 2.x writes.

    Parameters
    ----------
    path : str
        The directory, which need not exist.

    Returns
    -------
    bool
        False also where there is no such directory.

    Raises
    ------
    OSError
        If the directory exists and cannot be read.
    """
    names = names_in(path)
    if os.path.lexists(os.path.join(path, "packs", "jugpack")):
        return True
    for name in filter(PREFIX.fullmatch, names):
        if any(map(REST.fullmatch, names_in(os.path.join(path, name)))):
            return True
    # Directories without results: everything was invalidated, or nothing finished.
    return bool(names) and all(name in _PARTS or PREFIX.fullmatch(name) for name in names)


def names_in(path: str) -> list[str]:
    """The names in a directory.

    Parameters
    ----------
    path : str
        The directory, which need not exist.

    Returns
    -------
    list of str
        Empty where there is no such directory.

    Raises
    ------
    OSError
        If the directory exists and cannot be read.
    """
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def refusal(path: str) -> UserError:
    """The error to raise where a jugdir is expected and one of jug 2.x is there.

    Parameters
    ----------
    path : str
        The directory.

    Returns
    -------
    UserError
        Its message names the command that takes the results over.
    """
    import shlex

    path = path.rstrip("/") or path
    jugfile = sys.argv[0] if running.is_command() else "JUGFILE"
    command = f"jug adopt {shlex.quote(jugfile)}"
    if path != jugfile.removesuffix(".py") + ".jugdata":
        command += f" --jugdir {shlex.quote(path.replace('%', '%%'))}"
    return UserError(
        f"{path} was written by jug 2.x and was left untouched. '{command}' takes its results over and keeps "
        f"it as {path}.old; another --jugdir starts from nothing"
    )
