"""From the tasks of a jugfile to their graph."""

from __future__ import annotations

from collections.abc import Sequence

from .. import _native
from ..errors import UserError
from ..task import Task

__all__ = ["graph_of"]


def graph_of(tasks: Sequence[Task]) -> _native.Graph:
    """The graph of `tasks`.

    Raises
    ------
    UserError
        If a task has no identity; the message names the task and the argument.
    """
    try:
        return _native.Graph(tasks)
    except TypeError as error:
        raise UserError(str(error)) from error
