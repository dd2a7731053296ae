"""Conditions under which `jug execute` ends early, with exit status 0, between two tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import Leave, UserError
from ..internal import supervision
from ..internal.console import say
from .register import add_hook, register_hook_once

if TYPE_CHECKING:
    from .. import _native

__all__ = [
    "exit_after_n_tasks",
    "exit_after_time",
    "exit_env_vars",
    "exit_if_file_exists",
    "exit_when_true",
    "stop_files",
]


def exit_if_file_exists(fname: str | os.PathLike[str]) -> None:
    """Ends the worker before its next task once a file exists.

    Parameters
    ----------
    fname : str or path
        The file. A relative path is looked up in the working directory of the moment.
    """

    check = _StopFile(os.fsdecode(fname))
    register_hook_once("execute.task-pre-execute", ("exit_if_file_exists", os.fspath(fname)), check)


class _StopFile:
    """A hook that ends the worker once a file exists."""

    def __init__(self, path: str) -> None:
        self.path = path
        #: Whether a file can have that name.
        self.can_exist = True
        try:
            os.access(path, os.F_OK)
        except ValueError:
            self.can_exist = False

    def __call__(self, _task: object) -> None:
        # Asked before each task: `os.path.exists` makes an exception of "no", which takes ten times as long.
        if self.can_exist and os.access(self.path, os.F_OK):
            _leave(f", because the file {self.path} is there")


def stop_files(hooks: Sequence[Callable[..., object]]) -> list[str] | None:
    """The files for which these hooks look, if that is all they do; None if one of them does anything else.

    Parameters
    ----------
    hooks : sequence of callable
        What is registered for a moment.

    Returns
    -------
    list of str or None
        Paths.
    """
    checks = [hook for hook in hooks if isinstance(hook, _StopFile)]
    return [check.path for check in checks if check.can_exist] if len(checks) == len(hooks) else None


def exit_when_true(f: Callable[..., Any], function_takes_Task: bool = False) -> None:
    """Ends the worker after a task if a condition is true.

    Parameters
    ----------
    f : callable
        Called after every task that was executed; the worker ends if what it returns is true.
    function_takes_Task : bool, default False
        Whether `f` is called with the task instead of without arguments.
    """

    def check(task: object) -> None:
        if f(task) if function_takes_Task else f():
            _leave(f", because {getattr(f, '__name__', 'a condition of the jugfile')} is true")

    add_hook("execute.task-executed1", check, origin=f)


def exit_after_n_tasks(n: int) -> None:
    """Ends the worker after a number of tasks.

    Parameters
    ----------
    n : int
        How many tasks the worker executes; those that it loads from the store do not count. The worker
        executes one task even if `n` is less than 1. Where a supervisor started several workers
        (``jug execute -n``), it is how many all of them execute together.
    """
    if (supervised := supervision.current()) is not None:
        _exit_after_n_tasks_of_all(n, supervised.slot)
        return
    executed = 0

    def check(_task: object) -> None:
        nonlocal executed
        executed += 1
        if executed >= n:
            _leave_after(executed)

    register_hook_once("execute.task-executed1", ("exit_after_n_tasks", n), check)


def _exit_after_n_tasks_of_all(n: int, slot: _native.WorkerSlot) -> None:
    """The same where a supervisor has several workers: all of them together execute as many."""
    #: Which of all tasks this one is, from 0; one that fails leaves its place to the next.
    place: int | None = None

    def begin(_task: object) -> None:
        nonlocal place
        if place is None:
            place = slot.count_begun()
        if place >= max(n, 1):
            raise Leave(0)

    def end(_task: object) -> None:
        nonlocal place
        if place == max(n, 1) - 1:
            _leave_after(n)
        place = None

    register_hook_once("execute.task-pre-execute", ("exit_after_n_tasks", n), begin)
    register_hook_once("execute.task-executed1", ("exit_after_n_tasks", n), end)


def _leave_after(executed: int) -> NoReturn:
    tasks = "1 task" if executed == 1 else f"{executed} tasks"
    _leave(f" after {tasks}, as JUG_MAX_TASKS or exit_after_n_tasks says")


def exit_after_time(hours: float = 0, minutes: float = 0, seconds: float = 0) -> None:
    """Ends the worker after the first task that finishes when this much time has passed since the call.

    Parameters
    ----------
    hours, minutes, seconds : float, default 0
        How long; the three are added. For a worker that a supervisor started, the time counts from the
        start of the supervisor.
    """
    import time

    limit = hours * 3600 + minutes * 60 + seconds
    supervised = supervision.current()
    deadline = (time.monotonic() if supervised is None else supervised.mail["began"]) + limit

    def check(_task: object) -> None:
        if time.monotonic() >= deadline:
            _leave(f" after {limit:g} seconds, as JUG_MAX_SECONDS (and the like) or exit_after_time says")

    register_hook_once("execute.task-executed1", ("exit_after_time", limit), check)


def exit_env_vars(environ: Mapping[str, str] | None = None) -> None:
    """Registers the limits that environment variables set.

    JUG_MAX_TASKS, JUG_MAX_HOURS, JUG_MAX_MINUTES and JUG_MAX_SECONDS (integers; the times add up, and no
    time at all is no limit), JUG_EXIT_IF_FILE_EXISTS (a path).

    Parameters
    ----------
    environ : mapping of str to str, optional
        The variables. Default: ``os.environ``.

    Raises
    ------
    UserError
        Where a variable that should be an integer is not.
    """
    env = os.environ if environ is None else environ
    if "JUG_MAX_TASKS" in env:
        exit_after_n_tasks(_integer(env, "JUG_MAX_TASKS"))
    units = {"JUG_MAX_HOURS": 3600, "JUG_MAX_MINUTES": 60, "JUG_MAX_SECONDS": 1}
    limits = [_integer(env, name) * unit for name, unit in units.items() if name in env]
    if any(limits):
        exit_after_time(seconds=sum(limits))
    if "JUG_EXIT_IF_FILE_EXISTS" in env:
        exit_if_file_exists(env["JUG_EXIT_IF_FILE_EXISTS"])


def _leave(why: str) -> NoReturn:
    if (mine := supervision.current()) is not None:
        mine.pauses()
    say(f"stopped{why}; 'jug execute' goes on")
    raise Leave(0)


def _integer(env: Mapping[str, str], name: str) -> int:
    try:
        return int(env[name])
    except ValueError:
        raise UserError(
            f"the environment variable {name} must be a whole number, not {env[name]!r}"
        ) from None
