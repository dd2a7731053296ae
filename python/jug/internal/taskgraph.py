"""Walks over tasks and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..task import Task

__all__ = ["describe", "recursive_dependencies", "topological_sort"]


def topological_sort(tasks: list[Task]) -> None:
    """Sorts a list of tasks in place so that each stands after all that it depends on.

    Parameters
    ----------
    tasks : list of Task
        Only dependencies among them count.
    """
    ordered: list[Task] = []
    waiting = {id(t): t for t in tasks}
    while waiting:
        _, root = waiting.popitem()
        stack = [(root, iter(root.dependencies()))]
        while stack:
            t, deps = stack[-1]
            for dep in deps:
                if waiting.pop(id(dep), None) is not None:
                    stack.append((dep, iter(dep.dependencies())))
                    break
            else:
                ordered.append(t)
                stack.pop()
    tasks[:] = ordered


def recursive_dependencies(t: Any, max_level: int | None = -1) -> Iterator[Any]:
    """All that `t` depends on, directly or not, each once.

    Parameters
    ----------
    t : Task or Tasklet
    max_level : int or None, default -1
        How many steps to follow; negative or None for all.
    """
    limit = -1 if max_level is None else max_level
    seen: set[int] = set()
    # Breadth first: each dependency is met first on its shortest path, so that one visit is enough.
    level, frontier = 0, [t]
    while frontier and level != limit:
        following = []
        for node in frontier:
            for dep in node.dependencies():
                if id(dep) not in seen:
                    seen.add(id(dep))
                    following.append(dep)
                    yield dep
        level, frontier = level + 1, following


def describe(t: Any) -> Any:
    """The computation behind a value, as nested dicts and lists.

    Parameters
    ----------
    t : any
        A task, or what holds tasks. Anything else is returned as it is.

    Returns
    -------
    any
        For a task a dict with its ``name``, its ``args`` and ``kwargs`` (if it has any) described in the same
        way, and as ``meta`` what the store knows of its result: whether it was computed, when, how long
        that took.
    """
    from ..task import Task, Tasklet

    if isinstance(t, Task):
        description: dict[str, Any] = {"name": t.name}
        if t.args:
            description["args"] = [describe(a) for a in t.args]
        if t.kwargs:
            description["kwargs"] = {k: describe(v) for k, v in t.kwargs.items()}
        # A backend of the user's own need not know of metadata.
        store = t._own_store()
        meta = store.metadata(t) if hasattr(store, "metadata") else None
        if meta is not None:
            description["meta"] = meta
        return description
    if isinstance(t, Tasklet):
        return {"name": "tasklet", "operation": repr(t.f), "base": describe(t.base)}
    if isinstance(t, list):
        return [describe(element) for element in t]
    if isinstance(t, tuple):
        return tuple(describe(element) for element in t)
    if isinstance(t, dict):
        return {k: describe(v) for k, v in t.items()}
    return t
