"""Barriers: the jugfile goes on only when what stands before is done."""

from __future__ import annotations

from typing import Any

from . import _native, task
from .internal.short_repr import short
from .internal.task_origin import of_this_load

__all__ = ["BarrierError", "barrier", "bvalue"]


class BarrierError(Exception):
    """Raised by a barrier whose tasks have no results yet; it ends the loading of the jugfile."""


def barrier() -> None:
    """Stops loading the jugfile until every task created so far has a result.

    After it, ``value()`` of those tasks can be used freely.

    Raises
    ------
    BarrierError
        If a task has no result. It ends the loading of the jugfile.
    """
    # The module is asked each time: people rebind `jug.task.alltasks`. The last task is most likely to be
    # missing, so the search starts there. Another jugfile that a notebook has open does not count here.
    origin = of_this_load()
    for t in reversed(task.alltasks):
        if origin is not None and t._origin is not origin:
            continue
        if not t.can_load():
            raise BarrierError(f"task {t.name} has no result yet; {_WHAT_NEXT}")


def bvalue(t: Any) -> Any:
    """The value of a task, which stops the loading of the jugfile until it exists.

    Parameters
    ----------
    t : object
        A task or tasklet, or a container of them, as ``jug.value`` takes it. Only these must have results,
        not all tasks.

    Returns
    -------
    any
        What ``jug.value(t)`` returns.

    Raises
    ------
    BarrierError
        If a task in `t` has no result. It ends the loading of the jugfile.
    """
    missing = _first_missing(t)
    if missing is not None:
        what = f"task {missing.name}" if isinstance(missing, task.Task) else short(missing)
        raise BarrierError(f"{what} has no result yet; {_WHAT_NEXT}")
    return task.value(t)


#: What the user of a notebook or a script can do, where no loading goes on that a barrier could end.
_WHAT_NEXT = "run it (`jug execute`, or jug.jug.execution_loop), then ask once more"


def _first_missing(obj: Any) -> Any:
    """Something in `obj` that has no result yet; None if everything has one."""
    from .io import NoLoad

    stack = [obj]
    visited: dict[int, Any] = {}
    while stack:
        elem = stack.pop()
        if isinstance(elem, NoLoad):
            continue  # Its value is itself and needs no result.
        if isinstance(elem, task.Task):
            if not elem.is_loaded() and not elem.can_load():
                return elem
        elif hasattr(elem, "__jug_dependencies__"):
            stack.extend(elem.__jug_dependencies__())
        elif hasattr(elem, "can_load"):
            if not elem.can_load():
                return elem
        elif id(elem) not in visited and (parts := _native.parts(elem)):
            visited[id(elem)] = elem
            stack.extend(parts)
    return None
