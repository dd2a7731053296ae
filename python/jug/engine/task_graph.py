"""From the tasks of a jugfile to their graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .. import _native
from ..errors import UserError
from ..task import Task
from . import name_clash

if TYPE_CHECKING:
    from ..backends.base import base_store

__all__ = ["begins_like", "graph_of", "keys_of", "note_load", "tasks_by_store"]


def graph_of(
    tasks: Sequence[Task], recall: _native.Recall | None = None, *, compared: bool = True
) -> _native.Graph:
    """The graph of `tasks`, grown from that of the last load where `recall` knows it.

    Raises
    ------
    UserError
        If a task has no identity; the message names the task and the argument. Or if its name is no text. Or,
        if they are to be `compared`, if different functions share a name and have equal arguments.
    """
    try:
        graph = _native.Graph(tasks, recall)
    except (TypeError, UnicodeEncodeError) as error:
        raise _without_identity(error) from error
    if compared:
        name_clash.check(graph)
    return graph


def tasks_by_store(tasks: Iterable[Task]) -> list[tuple[base_store, list[Task]]]:
    """The tasks of each store that they were made for. RuntimeError if no store is open."""
    by_store: dict[int, tuple[base_store, list[Task]]] = {}
    for t in tasks:
        store = t._open_store()
        by_store.setdefault(id(store), (store, []))[1].append(t)
    return list(by_store.values())


def note_load(tasks: list[Task], graph: _native.Graph | None, recall: _native.Recall) -> None:
    """Has `recall` know the tasks of a load that has ended, and their graph, if they have one.

    Raises
    ------
    UserError
        As :func:`graph_of` does.
    """
    try:
        if graph is None:
            recall.note(tasks)
        else:
            graph.note(tasks, recall)
    except (TypeError, UnicodeEncodeError) as error:
        raise _without_identity(error) from error


def begins_like(tasks: list[Task], recall: _native.Recall) -> bool:
    """Whether all tasks of the load before are the first ones of this load.

    Raises
    ------
    UserError
        As :func:`graph_of` does.
    """
    try:
        return recall.recalled(tasks) == len(recall)
    except (TypeError, UnicodeEncodeError) as error:
        raise _without_identity(error) from error


def keys_of(tasks: list[Task]) -> _native.Keys:
    """The 32-byte key of each task.

    Raises
    ------
    UserError
        As :func:`graph_of` does.
    """
    try:
        return _native.keys_of(tasks)
    except (TypeError, UnicodeEncodeError) as error:
        raise _without_identity(error) from error


def _without_identity(error: TypeError | UnicodeEncodeError) -> UserError:
    if isinstance(error, UnicodeEncodeError):
        return UserError(f"{error.object!r} cannot name a task: UTF-8 cannot hold it; choose another name")
    return UserError(str(error))
