"""Deferred calls in a folder, as RunForrest has them: its names, its defaults and its files."""

from .by_hand import run_task
from .deferred import PartOfTask, Task, TaskAttribute, TaskItem, defer
from .errors import TaskCrashed
from .evaluation import evaluate
from .tasklist import TaskList

__all__ = [
    "PartOfTask",
    "Task",
    "TaskAttribute",
    "TaskCrashed",
    "TaskItem",
    "TaskList",
    "defer",
    "evaluate",
    "run_task",
]
