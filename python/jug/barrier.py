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
            raise _missing(f"task {t.name}", t)


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
    if isinstance(missing, task.Task):
        raise _missing(f"task {missing.name}", missing)
    if missing is not None:
        raise BarrierError(f"{short(missing)} has no result yet")
    return task.value(t)


def _missing(what: str, t: task.Task) -> BarrierError:
    # Where a jugfile is being loaded, nobody reads it.
    if of_this_load() is not None:
        return BarrierError(f"{what} has no result yet")
    from .internal.advice import how_to_get_results

    return BarrierError(f"{what} has no result yet; {how_to_get_results(t)}")


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
