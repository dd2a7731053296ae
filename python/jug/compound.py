"""Compound tasks: functions that build a sub-graph, which is forgotten once its result is there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from . import task

__all__ = ["CompoundTask", "CompoundTaskGenerator", "compound_task_execute"]


def compound_task_execute(x: Any, h: bytes) -> Any:
    """Returns `x`, the result of the inner task; `h` is the identity of the compound task."""
    return x


class Carrier(task.Task):
    """Carries the result of the inner task over to the identity of the compound task.

    Attributes
    ----------
    whole : Task
        The call that it stands for.
    """

    whole: task.Task


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
    """
    whole = task.Task(f, *args, **kwargs)
    if whole.can_load():
        return whole
    # It was only needed for its identity: what runs under it is the task that carries the inner result.
    if not task.alltasks or task.alltasks.pop() is not whole:
        raise RuntimeError("jug.task.alltasks was changed while a compound task was being created")
    carrier = Carrier(compound_task_execute, f(*args, **kwargs), whole.hash())
    carrier._set_key(whole.key())
    carrier.whole = whole
    return carrier


def CompoundTaskGenerator(f: Callable[..., Any]) -> Callable[..., task.Task]:
    """Decorator: calling the function creates a compound task (see :func:`CompoundTask`)."""

    @functools.wraps(f)
    def generator(*args: Any, **kwargs: Any) -> task.Task:
        return CompoundTask(f, *args, **kwargs)

    generator.f = f  # type: ignore[attr-defined]
    return generator
