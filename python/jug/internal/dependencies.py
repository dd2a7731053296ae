"""Walks over tasks and what they depend on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

from .. import _native

__all__ = ["recursive_dependencies", "tasks_in", "topological_sort"]


#: In what is of these types nothing is held; a list may have many of them.
_PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))


class _Dependent(Protocol):
    def dependencies(self) -> Iterator[Any]: ...


_Task = TypeVar("_Task", bound=_Dependent)


def topological_sort(tasks: list[_Task]) -> None:
    """Sorts a list of tasks in place so that each stands after all that it depends on.

    Parameters
    ----------
    tasks : list of Task
        Only dependencies among them count.
    """
    ordered: list[_Task] = []
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


def tasks_in(thing: Any) -> list[Any]:
    """The tasks that an object holds, as ``jug.value`` finds them: each once, in their order there.

    Parameters
    ----------
    thing : any
        A task, a tasklet, or a container of them. What has no task in it has none.
    """
    found: dict[int, Any] = {}
    visited: dict[int, Any] = {}
    stack = [thing]
    while stack:
        element = stack.pop()
        if isinstance(element, _native.TaskCore):
            found.setdefault(id(element), element)
        elif id(element) not in visited:
            visited[id(element)] = element
            needs = getattr(element, "__jug_dependencies__", None)
            parts = list(needs()) if needs is not None else _native.parts(element)
            stack += [it for it in reversed(parts) if type(it) not in _PLAIN]
    return list(found.values())


def recursive_dependencies(t: Any, max_level: int | None = -1) -> Iterator[Any]:
    """All that a task depends on, directly or not.

    Parameters
    ----------
    t : Task or Tasklet
        The task.
    max_level : int or None, default -1
        How many steps to follow; negative or None for all.

    Returns
    -------
    iterator of Task or Tasklet
        Each once.
    """
    limit = -1 if max_level is None else max_level
    visited: set[int] = set()
    # Breadth first: each dependency is met first on its shortest path, so that one visit is enough.
    level, frontier = 0, [t]
    while frontier and level != limit:
        following = []
        for node in frontier:
            for dep in node.dependencies():
                if id(dep) not in visited:
                    visited.add(id(dep))
                    following.append(dep)
                    yield dep
        level, frontier = level + 1, following
