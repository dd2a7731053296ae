"""Barriers: the jugfile goes on only when what stands before is done."""

from __future__ import annotations

from typing import Any

from . import task

__all__ = ["BarrierError", "barrier", "bvalue"]


class BarrierError(Exception):
    """Raised by a barrier that is not met; it ends the loading of the jugfile for this time."""


def barrier() -> None:
    """Stops loading the jugfile until every task created so far has a result.

    After it, ``value()`` of those tasks can be used freely.
    """
    # The module is asked each time: people rebind `jug.task.alltasks`. The last task is the likeliest to be
    # missing, so the search starts there.
    for t in reversed(task.alltasks):
        if not t.can_load():
            raise BarrierError


def bvalue(t: Any) -> Any:
    """The value of `t`, which stops the loading of the jugfile until it exists.

    Parameters
    ----------
    t : object
        A task or tasklet, or lists, tuples and dicts of them. Only these are waited for, not all tasks.
    """
    if not _all_loadable(t):
        raise BarrierError
    return task.value(t)


def _all_loadable(obj: Any) -> bool:
    from .io import NoLoad

    stack = [obj]
    while stack:
        elem = stack.pop()
        if isinstance(elem, NoLoad):
            continue  # Its value is itself and needs no result.
        if isinstance(elem, task.Task):
            if not elem.is_loaded() and not elem.can_load():
                return False
        elif hasattr(elem, "__jug_dependencies__"):
            stack.extend(elem.__jug_dependencies__())
        elif hasattr(elem, "can_load"):
            if not elem.can_load():
                return False
        elif isinstance(elem, (list, tuple)):
            stack.extend(elem)
        elif isinstance(elem, dict):
            stack.extend(elem.values())
    return True
