"""What is kept and said of a task that failed."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import Any

from ..errors import UserError

__all__ = ["StoreFailure", "UnstorableResult", "describe_call", "failure_report", "users_part"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class StoreFailure(UserError):
    """The store could not keep a result: no fault of the task, and the end of this worker."""

    def __init__(self, name: str, cause: OSError) -> None:
        where = f", {cause.filename}" if cause.filename else ""
        super().__init__(
            f"cannot store the result of task {name}: {cause.strerror or cause}{where}; "
            "what was stored before is safe, and the task will run again"
        )


class UnstorableResult(TypeError):
    """A task returned something that cannot be stored."""

    def __init__(self, name: str, result: object, cause: BaseException) -> None:
        kind = type(result).__name__
        advice = {
            "generator": "return a list instead",
            "coroutine": "await it inside the task",
            "function": "return a function defined at the top level of a module",
        }.get(kind, "return plain data, or an object that pickle can handle")
        super().__init__(f"task {name} returned a {kind}, which cannot be stored ({cause}); {advice}")


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package at its top."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def describe_call(task: Any, limit: int = 200) -> str:
    """The arguments of a task in short, as they would stand in a call."""
    import reprlib

    short = reprlib.Repr()
    short.maxstring, short.maxother = 40, 60
    parts = [short.repr(a) for a in task.args]
    parts += [f"{k}={short.repr(v)}" for k, v in task.kwargs.items()]
    text = ", ".join(parts)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def failure_report(
    task: Any, error: BaseException, *, started: float, duration: float, attempt: int, kept: bool
) -> dict[str, Any]:
    """Everything that will be asked about a failure later, as plain values."""
    import socket

    lines = traceback.format_exception(type(error), error, users_part(error.__traceback__))
    return {
        "kind": "exception",
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": str(error),
        "traceback": "".join(lines),
        "arguments": describe_call(task),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": started,
        "duration": duration,
        "attempt": attempt,
        "kept": kept,
        "python": sys.version.split()[0],
    }
