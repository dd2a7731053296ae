"""What tasks of jug's stand for: a stored result counts, and what has none is run and stored."""

from __future__ import annotations

from typing import Any

from ..configuration import Options, default_options
from ..internal.dependencies import tasks_in
from ..task import value

__all__ = ["result_of"]


def result_of(wanted: Any) -> Any:
    """What a task of jug's, or a part of one, stands for.

    Raises
    ------
    Exception
        What one of the tasks raised that had to be run.
    RuntimeError
        If no store is open, or a task that is needed is marked as failed.
    """
    missing = [task for task in tasks_in(wanted) if not (task.is_loaded() or task.can_load())]
    if missing:
        from ..engine.worker.execute import execution_loop

        options = Options(default_options)
        options.update({"execute_keep_going": False})
        execution_loop(missing, options)
    return value(wanted)
