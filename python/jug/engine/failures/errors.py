"""What is raised where a task fails in another way than by an exception of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import UserError
from ...internal.tracebacks import message_of

if TYPE_CHECKING:
    from ...internal.types import FailureKind, FailureReport

__all__ = ["Crashed", "FailedInChild", "StoreFailure", "UnstorableResult", "unstorable_message"]


class StoreFailure(UserError):
    """The store could not keep a result: no fault of the task, and the end of this worker."""

    def __init__(self, name: str, cause: OSError) -> None:
        where = f", {cause.filename}" if cause.filename else ""
        # Without a number it is no failure of the disk: somebody has removed the jugdir.
        rest = (
            "what was stored before is safe, and the task will run again" if cause.errno else "run jug again"
        )
        super().__init__(f"cannot store the result of task {name}: {cause.strerror or cause}{where}; {rest}")


class UnstorableResult(TypeError):
    """A task returned something that cannot be stored."""

    def __init__(self, name: str, result: object, cause: BaseException) -> None:
        super().__init__(unstorable_message(name, type(result).__name__, message_of(cause)))


def unstorable_message(name: str, kind: str, why: str) -> str:
    """What is said of a task that returned an object of the class `kind`, which cannot be stored."""
    advice = {
        "generator": "return a list instead",
        "coroutine": "await it inside the task",
        "function": "return a function defined at the top level of a module",
        "Task": "in a task call plain functions, of a task generator its .f; or make it a CompoundTask",
    }.get(kind, "return plain data, or an object that pickle can handle")
    return f"task {name} returned a {kind}, which cannot be stored ({why}); {advice}"


class FailedInChild(UserError):
    """A task that ran in a process of its own failed; `report` is that of :func:`failure_report` there."""

    def __init__(self, report: FailureReport) -> None:
        super().__init__(str(report["message"]))
        self.report = report


class Crashed(UserError):
    """A task ended with the process in which it ran; ``str()`` says how the last time.

    Attributes
    ----------
    kind : {"signal", "exit", "memory", "timeout", "lost"}
        What ended its process; of a worker nobody saw it.
    traceback : str
        Where it was when it died, if that is known.
    crashes : int or None
        How many times it died. None where it was killed because it broke a limit, which is no crash.
    """

    def __init__(self, message: str, kind: FailureKind, traceback: str, crashes: int | None) -> None:
        super().__init__(message)
        self.kind = kind
        self.traceback = traceback
        self.crashes = crashes
