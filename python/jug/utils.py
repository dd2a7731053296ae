"""Small tools for jugfiles. The rules by which --name and --pattern select tasks are passed on."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import Any

from . import hash as hashing
from .internal.task_selection import (
    add_task_selection_options,
    prepare_matcher_from_options,
    prepare_name_matcher,
    prepare_task_matcher,
    task_selection_specs,
)
from .task import CachedFunction, Task, TaskGenerator, Tasklet, value

__all__ = [
    "CustomHash",
    "add_task_selection_options",
    "cached_glob",
    "glob_sort",
    "hash_with_mtime_size",
    "identity",
    "jug_execute",
    "prepare_matcher_from_options",
    "prepare_name_matcher",
    "prepare_task_matcher",
    "sync_move",
    "task_selection_specs",
    "timed_path",
]


class CustomHash:
    """A value whose identity the user decides.

    Parameters
    ----------
    obj : any
        The value that tasks receive.
    hash_function : callable
        Takes `obj` and returns bytes. Equal bytes mean: the same as far as results are concerned.
    """

    def __init__(self, obj: Any, hash_function: Callable[[Any], bytes]) -> None:
        self.obj = obj
        self.hash_function = hash_function

    def __jug_hash__(self) -> bytes:
        digest = self.hash_function(self.obj)
        return digest.encode() if isinstance(digest, str) else digest

    def __jug_value__(self) -> Any:
        return value(self.obj)

    def __jug_dependencies__(self) -> list[Any]:
        return [self.obj]


def timed_path(path: str) -> CustomHash:
    """The path of a file, as an argument that differs from an earlier one whenever the file was changed.

    A change is recognised by modification time and size. Tasks receive the path as a string.

    Parameters
    ----------
    path : str
        The file. It must exist when the key of the task is computed.

    Returns
    -------
    CustomHash
        The argument for a task.
    """
    return CustomHash(path, hash_with_mtime_size)


def hash_with_mtime_size(path: str) -> bytes:
    """A digest of a file's path, modification time and size.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    bytes
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    status = os.stat(path)
    if hashing.other_rules is not None:
        # jug 2.x counts whole seconds.
        return hashing.hash_one((path, status[stat.ST_MTIME], status.st_size))
    named = ("jug.utils.hash_with_mtime_size", os.fspath(path), status.st_mtime_ns, status.st_size)
    return hashing.hash_one(named)


def glob_sort(pat: str) -> list[str]:
    """The paths that match a shell pattern.

    Parameters
    ----------
    pat : str
        The pattern, as in :func:`glob.glob`.

    Returns
    -------
    list of str
        The paths, sorted.
    """
    from glob import glob

    return sorted(glob(pat))


def cached_glob(pat: str) -> Any:
    """The paths that match a shell pattern when it is first used; the list is stored and used from then on.

    Parameters
    ----------
    pat : str
        The pattern, as in :func:`glob.glob`.

    Returns
    -------
    list of str
        The paths, sorted.
    """
    return CachedFunction(glob_sort, pat)


def _identity(x: Any) -> Any:
    return x


def identity(x: Any) -> Task | Tasklet:
    """A task named `identity` that returns its argument: a large value is then stored only once.

    The tasks that take it depend on its key instead of the value.

    Parameters
    ----------
    x : any
        The value.

    Returns
    -------
    Task or Tasklet
        The task; `x` itself if it is a task or tasklet already.
    """
    if isinstance(x, (Task, Tasklet)):
        return x
    task = Task(_identity, x)
    task.name = "identity"
    return task


@TaskGenerator
def jug_execute(
    args: Sequence[str], check_exit: bool = True, run_after: object = None, return_value: Any = None
) -> Any:
    """A task that runs a program.

    Parameters
    ----------
    args : sequence of str
        The program and its arguments.
    check_exit : bool, default True
        Whether an exit status other than 0 is an error.
    run_after : any, optional
        Not used; a task given here runs before.
    return_value : any, optional
        What the task returns, for those that depend on it.

    Returns
    -------
    Task
        A task whose result is `return_value`.

    Raises
    ------
    SystemError
        In the task: if the program ends with another status than 0, and `check_exit` is set.
    """
    import subprocess

    status = subprocess.call(args)
    if check_exit and status != 0:
        raise SystemError(f"the command {args!r} ended with exit status {status}")
    return return_value


def sync_move(src: str | os.PathLike[str], dst: str | os.PathLike[str]) -> None:
    """Moves a file within a filesystem so that, after a power cut, its new name is the whole file or absent.

    Parameters
    ----------
    src : str or path
        The file.
    dst : str or path
        Its new name; a file of this name is replaced.

    Raises
    ------
    OSError
        If the file cannot be moved.
    """
    _sync(src, os.O_RDONLY)
    os.rename(src, dst)
    _sync(os.path.dirname(os.fspath(dst)) or os.curdir, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: str | os.PathLike[str], flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
