"""What comes back from a worker, and how a worker that runs tasks of pytask is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from .lost_output import Whose

if TYPE_CHECKING:
    from pytask import WarningReport

__all__ = ["Carried", "TaskOptions", "TaskRaised", "TaskResult"]


class TaskOptions(NamedTuple):
    """What a worker is to know of the session."""

    #: Of rich's console there, for tracebacks.
    console: Any
    show_locals: bool
    #: Of the session, and the marks of the task.
    filterwarnings: tuple[str, ...]
    marks: tuple[Any, ...]
    #: How output is kept, as :func:`.capturing.captured` takes it.
    capture: str
    #: In which directory it runs; empty where that stays.
    cwd: str
    #: Whether files are not those of the session.
    is_remote: bool
    #: Who it is that prints, where that is to be known after the death of a worker.
    whose: Whose | None = None


class Carried(NamedTuple):
    """What a task produced that is only in the worker: the bytes of a file, or a value for a node."""

    #: Of its node.
    name: str
    content: bytes | None
    value: Any = None


class TaskRaised(NamedTuple):
    """What a task raised; the exception itself, or one with its text where that cannot be sent."""

    error: BaseException
    #: As rich shows it.
    traceback: str


class TaskResult(NamedTuple):
    """What became of a task in a worker."""

    #: One for each product, in the order of its leaves; None where nothing is to be brought.
    carried: list[Carried | None]
    raised: TaskRaised | None
    warnings: list[WarningReport]
    stdout: str
    stderr: str
    #: Which process it was.
    worker: str

    def __jug_parts__(self) -> Iterator[tuple[str, Any]]:
        """What is named if it cannot be sent."""
        return ((f"the product {it.name}", it.value) for it in self.carried if it is not None)
