"""Compound tasks: functions that build a sub-graph, which is forgotten once its result is there."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from . import task
from .barrier import BarrierError

__all__ = ["CompoundTask", "CompoundTaskGenerator", "compound_task_execute", "expanded"]


def compound_task_execute(x: Any, h: bytes) -> Any:
    """The function of the last task of a compound task.

    Parameters
    ----------
    x : any
        The result of the inner task.
    h : bytes
        The hash of the compound task: 64 hexadecimal digits.

    Returns
    -------
    any
        `x`.
    """
    return x


class Whole(task.Task):
    """The call of a compound task as one task, finished where it was made: what runs is a `Carrier`."""

    #: Whether there are any in this process.
    are_made = False


class Carrier(task.Task):
    """Carries the result of the inner task over to the identity of the compound task.

    Attributes
    ----------
    whole : Task
        The call that it stands for.
    """

    whole: task.Task

    def _in_short(self) -> str:
        return f"{self.whole.name}(...)"


def CompoundTask(f: Callable[..., Any], *args: Any, **kwargs: Any) -> task.Task:
    """A task whose function returns a task, which may depend on others that it creates.

    While there is no result, `f` is called now and its tasks are ordinary tasks; a last one carries
    their result over to the identity of ``(f, args, kwargs)``. Once that is stored, the compound task
    is a single finished task and `f` is not called any more.

    Parameters
    ----------
    f : callable
        A named function that returns a task (or a tasklet, or a plain value).
    *args, **kwargs
        Its arguments.

    Returns
    -------
    Task
        The finished task, or the one that will have its result.

    Raises
    ------
    ValueError
        If `f` is a lambda.
    RuntimeError
        If no jugdir is open, or another thread changes ``jug.task.alltasks`` meanwhile.
    """
    whole = Whole(f, *args, **kwargs)
    if not _expanding and whole.can_load():
        Whole.are_made = True
        return whole
    # It was only needed for its identity: what runs under it is the task that carries the inner result.
    if not task.alltasks or task.alltasks.pop() is not whole:
        raise RuntimeError("jug.task.alltasks was changed while a compound task was being created")
    return _expanded(whole) if _expanding else _carrier(whole, f(*args, **kwargs))


def _carrier(whole: task.Task, inner: Any) -> Carrier:
    carrier = Carrier(compound_task_execute, inner, whole.hash())
    carrier._set_key(whole.key())
    carrier.whole = whole
    return carrier


#: Whether finished compound tasks are taken for unfinished ones.
_expanding = False


def expanded(tasks: Iterable[task.Task]) -> list[task.Task]:
    """Replaces finished compound tasks by the tasks that ran inside them, which are stored nowhere as a list.

    Their functions are called once more, as they were when there was no result yet. What takes the place of a
    finished compound task must not be run.

    Parameters
    ----------
    tasks : iterable of Task
        Usually ``jug.task.alltasks``, which stays as it is.

    Returns
    -------
    list of Task
        The tasks, with those inside a compound task before the one that carries its result.
    """
    global _expanding
    found: list[task.Task] = []
    before = len(task.alltasks)
    _expanding = True
    try:
        for t in tuple(tasks):
            last = _expanded(t) if isinstance(t, Whole) else t
            found += [each for each in task.alltasks[before:] if each is not last]
            found.append(last)
            del task.alltasks[before:]
    finally:
        _expanding = False
        del task.alltasks[before:]
    return found


def _expanded(whole: Whole) -> Carrier:
    """What carries the results of all that the function of a compound task makes, and of its arguments."""
    inner: Any
    first = len(task.alltasks)
    try:
        inner = whole.f(*whole.args, **whole.kwargs)
    except BarrierError:
        # Something in it has no result any more. It may need all that it made so far.
        inner = task.alltasks[first:]
    carrier = _carrier(whole, (inner, whole.args, whole.kwargs))
    carrier.name = whole.name
    return carrier


def CompoundTaskGenerator(f: Callable[..., Any]) -> Callable[..., task.Task]:
    """Decorator: calling the function creates a compound task (see :func:`CompoundTask`).

    Parameters
    ----------
    f : callable
        A named function that returns a task.

    Returns
    -------
    callable
        Takes the arguments of `f` and returns a task. `f` stays reachable as its attribute ``f``.
    """

    @functools.wraps(f)
    def generator(*args: Any, **kwargs: Any) -> task.Task:
        return CompoundTask(f, *args, **kwargs)

    generator.f = f  # type: ignore[attr-defined]
    return generator
