"""The names of RunForrest, from `jug.runforrest`."""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from importlib import metadata as _metadata
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from uuid import uuid4 as uuid

from jug.internal.console import say as _say
from jug.runforrest import (
    PartOfTask,
    Task,
    TaskAttribute,
    TaskCrashed,
    TaskItem,
    TaskList,
    defer,
    evaluate,
    run_task,
)
from jug.runforrest.__main__ import command as main
from jug.runforrest.deferred import _identity

__all__ = [
    # What RunForrest imports itself, for scripts that import all of it.
    "PIPE",
    "STDOUT",
    "ArgumentParser",
    "PartOfTask",
    "Path",
    "Popen",
    "Task",
    "TaskAttribute",
    "TaskCrashed",
    "TaskItem",
    "TaskList",
    "_identity",
    "defer",
    "evaluate",
    "main",
    "os",
    "run_task",
    "signal",
    "sys",
    "time",
    "uuid",
]

try:
    import dill
except ImportError:
    pass
else:
    __all__ += ["dill"]


_SAID = "JUG_RUNFORREST_SAID"


def _say_which() -> None:
    """Says that this is not the other package of the same name, if that is installed as well."""
    # Once, and not in each process of a task.
    if os.environ.get(_SAID):
        return
    try:
        version = _metadata.version("runforrest")
    except _metadata.PackageNotFoundError:
        return
    os.environ[_SAID] = "1"
    _say(f"runforrest is that of jug-rs-runforrest; RunForrest {version} is installed as well and not in use")


_say_which()
