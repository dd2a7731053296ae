"""The names of RunForrest, from `jug.runforrest`."""

import os as _os
from importlib import metadata as _metadata

from jug.internal.console import say as _say
from jug.runforrest import PartOfTask, Task, TaskAttribute, TaskCrashed, TaskItem, TaskList, defer, evaluate
from jug.runforrest.__main__ import command as main
from jug.runforrest.deferred import _identity

__all__ = [
    "PartOfTask",
    "Task",
    "TaskAttribute",
    "TaskCrashed",
    "TaskItem",
    "TaskList",
    "_identity",
    "defer",
    "evaluate",
    "main",
]


_SAID = "JUG_RUNFORREST_SAID"


def _say_which() -> None:
    """Says that this is not the other package of the same name, if that is installed as well."""
    # Once, and not in each process of a task.
    if _os.environ.get(_SAID):
        return
    try:
        version = _metadata.version("runforrest")
    except _metadata.PackageNotFoundError:
        return
    _os.environ[_SAID] = "1"
    _say(f"runforrest is that of jug-rs-runforrest; RunForrest {version} is installed as well and not in use")


_say_which()
