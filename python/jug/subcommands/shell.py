"""`jug shell`: an IPython session with the jugfile's names."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["ShellCommand", "invalidate", "load_all", "shell"]

_BANNER = """
The names of {jugfile} are here. Beyond them:
  value(task)        the result of a task, also inside lists, tuples and dicts
  load_all()         replace every name of the jugfile that is a task by its result
  invalidate(task)   remove a result and all that was computed from it
  get_tasks(), get_filtered_tasks(loadable=, failed=, available=)
"""


def load_all(jugspace: MutableMapping[str, Any], local_ns: MutableMapping[str, Any]) -> None:
    """Replaces tasks by their results.

    Parameters
    ----------
    jugspace : mapping
        The names of the jugfile.
    local_ns : mapping
        Receives, under the same name, what is no task as it is, and of a task, a tasklet, or a list, tuple or
        dict that holds any, the result. What has no result yet stays, and is reported.
    """
    from ..task import value

    for name, thing in list(jugspace.items()):
        if name.startswith("__"):
            continue
        if not _can_load(thing):
            print(f"{name} has no result yet")
            continue
        try:
            local_ns[name] = value(thing)
        except Exception as error:
            print(f"{name} cannot be loaded: {type(error).__name__}: {error}")


def _can_load(thing: Any) -> bool:
    """Whether every task within nested containers has a result."""
    from .._native import parts

    waiting = [thing]
    visited: dict[int, Any] = {}
    while waiting:
        element = waiting.pop()
        if hasattr(element, "can_load"):
            if not element.can_load():
                return False
        elif id(element) not in visited and (inside := parts(element)):
            visited[id(element)] = element
            waiting.extend(inside)
    return True


def invalidate(tasklist: Iterable[Any], reverse: dict[str, Any], task: Any) -> None:
    """Removes the results of a task and of all that depends on it.

    Parameters
    ----------
    tasklist : iterable of Task
        All tasks.
    reverse : dict
        Keeps the graph between calls; empty at first.
    task : Task
        Where to start.
    """
    from .._native import Graph
    from ..compound import expanded

    if "graph" not in reverse:
        reverse["graph"] = Graph(expanded(tasklist))
    graph = reverse["graph"]
    node = graph.node_of(task)
    if node is None:
        task.invalidate()
        return
    tasks = graph.tasks()
    for dependent in graph.closure([node]):
        tasks[dependent].invalidate()


class ShellCommand(SubCommand):
    """Open IPython with the jugfile's names, to look at results"""

    name = "shell"

    def run(self, store: base_store, options: Options, jugspace: Any, *args: Any, **kwargs: Any) -> None:
        """Runs IPython until the user leaves it."""
        try:
            import IPython
            from traitlets.config import Config
        except ImportError:
            raise UserError("jug shell needs IPython: pip install ipython") from None
        namespace = dict(jugspace)
        namespace.update(_shell_functions(jugspace, namespace))
        config = Config()
        config.TerminalInteractiveShell.banner2 = _BANNER.format(jugfile=options.jugfile)
        sys.argv = sys.argv[:1]
        IPython.start_ipython(argv=[], user_ns=namespace, config=config)


def _shell_functions(
    jugspace: MutableMapping[str, Any], namespace: MutableMapping[str, Any]
) -> dict[str, Callable[..., Any]]:
    """What the shell offers beyond the jugfile's names."""
    from ..task import alltasks, value

    reverse: dict[str, Any] = {}

    def load_everything() -> None:
        """Replaces every name of the jugfile that is a task by its result."""
        load_all(jugspace, namespace)

    def invalidate_task(task: Any) -> None:
        """Removes the results of a task and of all that depends on it."""
        invalidate(alltasks, reverse, task)

    def get_tasks(copy: bool = True) -> list[Any]:
        """All tasks that the jugfile created; with copy=False jug's own list."""
        return list(alltasks) if copy else alltasks

    def get_filtered_tasks(
        loadable: bool = False, failed: bool = False, available: bool = False
    ) -> list[Any]:
        """The tasks that have a result (loadable), have failed, or could run now (available).

        A task is listed if it is in any of the states asked for.
        """

        def wanted(task: Any) -> bool:
            has_result = task.can_load()
            return bool(
                (loadable and has_result)
                or (failed and task.is_failed())
                or (available and not has_result and task.can_run())
            )

        return [task for task in alltasks if wanted(task)]

    return {
        "value": value,
        "load_all": load_everything,
        "invalidate": invalidate_task,
        "get_tasks": get_tasks,
        "get_filtered_tasks": get_filtered_tasks,
    }


shell = ShellCommand()
