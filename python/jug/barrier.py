"""Barriers: the jugfile goes on only when what stands before is done."""

from __future__ import annotations

from typing import Any, NamedTuple

from . import _native, task, task_results
from .backends.capabilities import LossCountingStore, counts_losses
from .internal.short_repr import short
from .internal.task_origin import LoadBefore, Origin, of_this_load

__all__ = ["BarrierError", "barrier", "bvalue"]


class BarrierError(Exception):
    """Raised by a barrier whose tasks have no results yet; it ends the loading of the jugfile."""


class _Passed(NamedTuple):
    """A barrier that held."""

    #: The load of the jugfile that it stands in.
    origin: Origin
    #: How many tasks there were, in which list, and the last of them.
    tasks: list[task.Task]
    length: int
    last: task.Task
    store: LossCountingStore
    losses: int
    #: Up to here they are those of the load before, which had results then.
    known: int
    #: The keys of the others, in the pieces in which they were asked for.
    parts: list[_native.Keys]


_passed: _Passed | None = None


def barrier() -> None:
    """Stops loading the jugfile until every task created so far has a result.

    After it, ``value()`` of those tasks can be used freely.

    Raises
    ------
    BarrierError
        If a task has no result. It ends the loading of the jugfile.
    """
    # The module is asked each time: people rebind `jug.task.alltasks`. Another jugfile that a notebook has
    # open does not count here.
    global _passed
    origin = of_this_load()
    store = _counting_store()
    if origin is None or task_results.before_lookup is not None or store is None:
        _look_at_each(task.alltasks, origin)
        return
    # Asked first: what goes while the others are looked at is noticed by the next barrier.
    losses = store.losses()
    tasks = task.alltasks
    begin = 0 if _passed is None else _looked_at(_passed, tasks, origin, store, losses)
    known, parts = (_passed.known, _passed.parts) if _passed and begin else (0, [])
    before = origin.before
    if before is not None:
        recalled = before.recall.recalled(tasks, begin=begin, origin=origin, class_=task.Task)
        held = min(recalled, before.held_in(store, losses))
        if held > begin:
            # No part comes before it: there each task was one of the load before.
            known = begin = held
    length = len(tasks)
    if begin < length:
        parts += _ask_for(tasks, begin, origin, store)
    if tasks:
        _passed = _Passed(origin, tasks, length, tasks[-1], store, losses, known, parts)


def _ask_for(
    tasks: list[task.Task], begin: int, origin: Origin, store: LossCountingStore
) -> list[_native.Keys]:
    """BarrierError if one of these has no result; their keys, if results alone say which tasks are done."""
    recall = None if origin.before is None else origin.before.recall
    new = _native.keys_of(tasks, begin=begin, origin=origin, recall=recall)
    if new.are_all_of(task.Task):
        absent = store.last_absent(new)
        if absent is not None:
            raise _missing(new.task(absent))
        return [new]
    # Some are of a class that may say so without one.
    _look_at_each(tasks[begin:], origin)
    return []


def note_what_held(tasks: list[task.Task], before: LoadBefore) -> None:
    """Notes how many of the first tasks of a load that has ended have results, because its barriers held.

    Parameters
    ----------
    tasks : list of Task
        All of that load.
    before : LoadBefore
        Where it is noted, for the next load.
    """
    global _passed
    if _passed is None:
        before.held = 0
        return
    held = min(before.held_in(_passed.store, _passed.losses), before.recall.kept)
    before.held = min(held, _passed.known)
    # By themselves, and not by their number: a jugfile may take tasks out of the list, or sort it.
    for part in _passed.parts if before.held == _passed.known else ():
        count = part.first_of(tasks, before.held)
        before.held += count
        if count < len(part):
            break
    before.store, before.losses = _passed.store, _passed.losses
    # It would keep the tasks.
    _passed = None


def _counting_store() -> LossCountingStore | None:
    """The store that is open, if it counts losses."""
    store: object = task.Task.store
    # To ask for its methods again would take longer than to look for its results.
    if _passed is not None and store is _passed.store:
        return _passed.store
    return store if counts_losses(store) else None


def _looked_at(
    passed: _Passed, tasks: list[task.Task], origin: Origin, store: LossCountingStore, losses: int
) -> int:
    """How many of the first of `tasks` are known to have results, because a barrier before them held."""
    is_the_same = passed.origin is origin and passed.store is store and passed.losses == losses
    is_longer = passed.tasks is tasks and len(tasks) >= passed.length
    return passed.length if is_the_same and is_longer and tasks[passed.length - 1] is passed.last else 0


def _look_at_each(tasks: list[task.Task], origin: Origin | None) -> None:
    """BarrierError if a task has no result."""
    # Most likely the last one has none.
    for t in reversed(tasks):
        if (origin is None or t._origin is origin) and not t.can_load():
            raise _missing(t)


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
        raise _missing(missing)
    if missing is not None:
        raise BarrierError(f"{short(missing)} has no result yet")
    return task.value(t)


def _missing(t: Any) -> BarrierError:
    what = f"task {t.name} has no result yet"
    # Where a jugfile is being loaded, nobody reads it.
    if of_this_load() is not None:
        return BarrierError(what)
    from .internal.advice import how_to_get_results

    return BarrierError(f"{what}; {how_to_get_results(t)}")


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
