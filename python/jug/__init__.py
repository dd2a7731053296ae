"""jug: plain Python functions become tasks that any number of processes run and remember.

In a jugfile, ``TaskGenerator`` (a decorator) or ``Task`` define tasks; ``value`` loads results;
``barrier`` and ``bvalue`` stop loading the jugfile until results are there; ``CompoundTaskGenerator``
builds tasks out of tasks. ``jug execute jugfile.py``, started as often as you like on any machine that
sees the directory, runs them; ``jug status jugfile.py`` shows where they stand.

In a script or notebook, ``jug.init(jugfile, jugdir)`` or ``jug.set_jugdir(jugdir)`` come first.
"""

from __future__ import annotations

try:
    from typing import TYPE_CHECKING, Any

    from . import mapreduce as mapreduce
    from . import task as task
    from ._native import __version__
    from .backends import dict_store, file_store, redis_store
    from .barrier import barrier, bvalue
    from .compound import CompoundTask, CompoundTaskGenerator
    from .internal.conflicts import warn_of_conflict
    from .jug import init, is_jug_running
    from .options import set_jugdir
    from .task import CachedFunction, Task, TaskGenerator, Tasklet, iteratetask, return_tuple, value

    warn_of_conflict()
except KeyboardInterrupt:
    from .internal.early import end_if_command

    end_if_command()
    raise

__all__ = [
    "CachedFunction",
    "CompoundTask",
    "CompoundTaskGenerator",
    "Task",
    "TaskGenerator",
    "Tasklet",
    "__version__",
    "barrier",
    "bvalue",
    "dict_store",
    "file_store",
    "init",
    "is_jug_running",
    "iteratetask",
    "redis_store",
    "return_tuple",
    "set_jugdir",
    "value",
]

if TYPE_CHECKING:
    from .execution import execute as execute
    from .files import File as File
    from .monitor.table import status as status


def __getattr__(name: str) -> Any:
    # They need the engine, which can wait, and are not among the names that `import *` brings: a jugfile of
    # jug 2.7 may have such names of its own.
    if name == "execute":
        from .execution import execute

        return execute
    if name == "File":
        from .files import File

        return File
    if name == "status":
        from .monitor.table import status

        return status
    if name == "executors":
        import importlib

        return importlib.import_module(".executors", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
