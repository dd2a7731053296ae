"""Small tools for jugfiles, and the rules by which --name and --pattern select tasks."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from . import hash as hashing
from .errors import PatternError
from .internal.console import warn
from .internal.option_spec import OptionSpec, add_options
from .task import CachedFunction, Task, TaskGenerator, Tasklet, value

if TYPE_CHECKING:
    import argparse

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

Matcher = Callable[[str], Any]


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


# --- which tasks a command is about -------------------------------------------------------------


def prepare_name_matcher(name: str) -> Matcher:
    """A test for task names: the whole name, or its end after a dot; shell wildcards are allowed.

    Parameters
    ----------
    name : str
        The value of --name.

    Returns
    -------
    callable
        Takes the name of a task and returns whether it matches.
    """
    import fnmatch
    import re

    match = re.compile(r"(?s:.*\.)?" + fnmatch.translate(name)).match
    return lambda task_name: match(task_name) is not None


def prepare_task_matcher(pattern: str) -> Matcher:
    """A test for task names: `/REGEX/` is searched for, anything else is a plain substring.

    Parameters
    ----------
    pattern : str
        The value of --pattern.

    Returns
    -------
    callable
        Takes the name of a task and returns whether it matches.

    Raises
    ------
    PatternError
        A ValueError: if the pattern is empty or not a valid regular expression.
    """
    import re

    is_regex = len(pattern) >= 2 and pattern.startswith("/") and pattern.endswith("/")
    text = pattern[1:-1] if is_regex else pattern
    if not text:
        raise PatternError(f"the pattern {pattern!r} would match every task; write '/.*/' if that is meant")
    if not is_regex:
        return lambda task_name: text in task_name
    try:
        search = re.compile(text).search
    except re.error as error:
        raise PatternError(f"{pattern!r} is not a valid regular expression: {error}") from None
    return lambda task_name: search(task_name) is not None


def prepare_matcher_from_options(name: str | None = None, pattern: str | None = None) -> Matcher | None:
    """The test that --name and --pattern ask for.

    Both can be set where one comes from a configuration file; then a warning is printed and only
    tasks that pass both tests are selected.

    Parameters
    ----------
    name : str, optional
        The value of --name.
    pattern : str, optional
        The value of --pattern.

    Returns
    -------
    callable or None
        Takes the name of a task and returns whether it matches; None if neither is set.

    Raises
    ------
    PatternError
        A ValueError: if the pattern is empty or not a valid regular expression.
    """
    by_name = None if name is None else prepare_name_matcher(name)
    by_pattern = None if pattern is None else prepare_task_matcher(pattern)
    if by_name is None or by_pattern is None:
        return by_name or by_pattern
    warn(
        f"--name {name!r} and --pattern {pattern!r} are both set (one may come from a configuration file); "
        "only tasks that match both are selected"
    )
    first, second = by_name, by_pattern
    return lambda task_name: first(task_name) and second(task_name)


def _deprecated_target() -> Any:
    import argparse

    class DeprecatedTarget(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: Any,
            option_string: str | None = None,
        ) -> None:
            warn(
                f"{option_string} is deprecated and acts as --name; use --name for exact names "
                "('*' is a wildcard) or --pattern for a substring or /regex/"
            )
            setattr(namespace, self.dest, values)

    return DeprecatedTarget


def _pattern(text: str) -> str:
    import argparse

    try:
        prepare_task_matcher(text)
    except PatternError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def task_selection_specs(name_dest: str, pattern_dest: str, what: str) -> tuple[OptionSpec, ...]:
    """The options --name, --pattern and the deprecated --target/--invalid, of which only one may be given.

    Parameters
    ----------
    name_dest, pattern_dest : str
        The options that receive the values.
    what : str
        The verb in the help texts: "execute", "invalidate".

    Returns
    -------
    tuple of OptionSpec
        They exclude each other.
    """
    return (
        OptionSpec(
            name_dest,
            ("--name",),
            None,
            metavar="NAME",
            help=f"{what} the tasks of this name: the full one (module.function) or its end (function); "
            "shell wildcards are allowed",
            excludes="selection",
        ),
        OptionSpec(
            pattern_dest,
            ("--pattern",),
            None,
            metavar="PATTERN",
            type=_pattern,
            help=f"{what} the tasks whose name contains PATTERN or matches it if it is written as /regex/",
            excludes="selection",
        ),
        OptionSpec(
            name_dest,
            ("--target", "--invalid"),
            None,
            metavar="NAME",
            action=_deprecated_target(),
            help="deprecated: the same as --name",
            excludes="selection",
        ),
    )


def add_task_selection_options(
    parser: argparse.ArgumentParser, name_dest: str, pattern_dest: str, required: bool, what: str
) -> None:
    """Adds the options of :func:`task_selection_specs` to a parser or group.

    Parameters
    ----------
    parser : argparse.ArgumentParser or group
        Where to add them.
    name_dest, pattern_dest, what : str
        As there.
    required : bool
        Whether one of them must be given.
    """
    add_options(parser, task_selection_specs(name_dest, pattern_dest, what), required=required)
