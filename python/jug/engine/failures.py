"""What is kept and said of a task that failed."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from ..errors import UserError
from ..internal.shown import short

__all__ = [
    "StoreFailure",
    "UnstorableResult",
    "describe_call",
    "failure_report",
    "headline",
    "users_part",
    "users_traceback",
]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


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
        kind = type(result).__name__
        advice = {
            "generator": "return a list instead",
            "coroutine": "await it inside the task",
            "function": "return a function defined at the top level of a module",
            "Task": "in a task call plain functions, of a task generator its .f; or make it a CompoundTask",
        }.get(kind, "return plain data, or an object that pickle can handle")
        super().__init__(f"task {name} returned a {kind}, which cannot be stored ({cause}); {advice}")


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of this package at its top."""
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        trace = trace.tb_next
    return trace


def users_traceback(error: BaseException) -> str:
    """The traceback of `error` as text, from the user's first line of code to the user's last.

    Where no line is the user's, the fault is ours, and the whole of it is needed to find it. A syntax error
    is shown where it stands, and not where it was noticed.
    """
    trace = None if isinstance(error, SyntaxError) else users_part(error.__traceback__) or error.__traceback__
    shown = traceback.TracebackException(type(error), error, trace)
    if any(not frame.filename.startswith(_PACKAGE) for frame in shown.stack):
        while shown.stack[-1].filename.startswith(_PACKAGE):
            shown.stack.pop()
    return "".join(shown.format())


def describe_call(task: Any, limit: int = 200) -> str:
    """The arguments of a task in short, as they would stand in a call."""
    parts = [short(a) for a in task.args]
    parts += [f"{k}={short(v)}" for k, v in task.kwargs.items()]
    text = ", ".join(parts)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def failure_report(
    task: Any, error: BaseException, *, started: float, duration: float, attempt: int, kept: bool
) -> dict[str, Any]:
    """Everything that will be asked about a failure later, as plain values."""
    import socket

    return {
        "kind": "exception",
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": _message(error),
        "traceback": users_traceback(error),
        "arguments": describe_call(task),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "started": started,
        "duration": duration,
        "attempt": attempt,
        "kept": kept,
        "python": sys.version.split()[0],
    }


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as another:
        return f"<its str() raised {type(another).__name__}>"


def headline(report: Mapping[str, Any], limit: int = 200) -> str:
    """A failure report in one line: the error's type, and the first line of what it says."""
    kind = str(report.get("type", "")).removeprefix("builtins.")
    if kind.startswith("jug."):
        kind = ""  # What this package says of a task is a sentence of its own.
    message = str(report.get("message", "")).strip().partition("\n")[0]
    text = ": ".join(part for part in (kind, message) if part) or "unknown error"
    return text if len(text) <= limit else text[: limit - 3] + "..."
