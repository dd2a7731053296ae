"""Tasks of jug's in the files of deferred calls: other processes make them again."""

from __future__ import annotations

import io
from typing import Any

from .. import task
from ..errors import UserError
from ..internal.task_origin import keep_store
from ..tasklet import Tasklet
from .deferred import Task
from .evaluation import replaced
from .jug_tasks import result_of

__all__ = ["HandedOver", "handed_over"]


class HandedOver:
    """Tasks of jug's as a file holds them: another process makes them again when the call is made.

    Parameters
    ----------
    name : str
        What is known of them before.
    data : bytes
        As :func:`jug.engine.handover.write_tasks` writes them.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.__qualname__ = name
        self.data = data

    def __call__(self, part: Any = None) -> Any:
        """What the task stands for, or a part of it."""
        from ..engine.handover import read_tasks

        store, others = task.Task.store, list(task.alltasks)
        try:
            read_tasks(io.BytesIO(self.data))
            (wanted,) = task.alltasks
        finally:
            # A script that evaluates it has tasks and a store of its own; those made here keep theirs.
            if task.Task.store is not None:
                keep_store(task.Task.store)
            task.Task.store, task.alltasks[:] = store, others
        return result_of(wanted if part is None else part(wanted))


class _Steps:
    """From a task to a part of its result, as a tasklet goes.

    Parameters
    ----------
    steps : list of callable
        Those of the tasklets, the outermost first.
    """

    def __init__(self, steps: list[Any]) -> None:
        self.steps = steps

    def __call__(self, wanted: Any) -> Any:
        for step in reversed(self.steps):
            wanted = Tasklet(wanted, step)
        return wanted


def handed_over(order: list[Any]) -> list[Any]:
    """The same deferred calls with others in the place of jug's tasks, by which another process has those.

    Parameters
    ----------
    order : list
        All that is deferred in a task, each after what it needs, and the task itself in the end.

    Raises
    ------
    UserError
        If another process cannot have a task, or cannot open its store, or none is open.
    """
    return replaced(order, _of_jug)


def _of_jug(wanted: Any) -> Task:
    """The deferred call that makes a task of jug's, or a part of one, in another process."""
    from ..engine.handover import write_tasks
    from ..engine.task_graph import graph_of

    steps = []
    while isinstance(wanted, Tasklet):
        steps.append(wanted.f)
        wanted = wanted.base
    file = io.BytesIO()
    try:
        write_tasks(file, graph_of([wanted]), wanted._open_store())
    except RuntimeError as error:
        raise UserError(str(error)) from error
    return Task(HandedOver(wanted.name, file.getvalue()), [_Steps(steps)] if steps else [], {})
