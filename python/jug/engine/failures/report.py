"""What is kept and said of a task that failed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ...errors import UserError
from ...internal.shown import short
from ...internal.tracebacks import message_of, users_traceback

__all__ = [
    "Crashed",
    "FailedInChild",
    "StoreFailure",
    "UnstorableResult",
    "crash_report",
    "describe_call",
    "failure_report",
    "is_suspicion",
    "summary_line",
    "suspicion",
]


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
        what = f"returned a {kind}, which cannot be stored ({message_of(cause)})"
        super().__init__(f"task {name} {what}; {advice}")


class FailedInChild(UserError):
    """A task that ran in a process of its own failed; `report` is that of :func:`failure_report` there."""

    def __init__(self, report: Mapping[str, Any]) -> None:
        super().__init__(str(report["message"]))
        self.report = report


class Crashed(UserError):
    """A task died too often with the process in which it ran; ``str()`` says how the last time.

    Attributes
    ----------
    kind : {"signal", "exit", "lost"}
        What ended its process; of a worker nobody saw it.
    traceback : str
        Where it was when it died, if that is known.
    crashes : int
        How many times it died.
    """

    def __init__(self, message: str, kind: str, traceback: str, crashes: int) -> None:
        super().__init__(message)
        self.kind = kind
        self.traceback = traceback
        self.crashes = crashes


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
    run = {"started": started, "duration": duration, "attempt": attempt, "kept": kept}
    if isinstance(error, FailedInChild):
        return {**error.report, **run}
    if isinstance(error, Crashed):
        return {**crash_report(error, describe_call(task)), **run}
    # What cannot be stored may say in its own lines why.
    raised = (error.__cause__ if isinstance(error, UnstorableResult) else None) or error
    return {
        "kind": "exception",
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": message_of(error),
        "traceback": users_traceback(raised, is_ours_whole=False),
        "arguments": describe_call(task),
        **_here(),
        **run,
    }


def crash_report(crash: Crashed, arguments: str) -> dict[str, Any]:
    """The same about a task that died, ``crashes`` times so far; with a true ``again`` it is tried again."""
    return {
        "kind": crash.kind,
        "type": "",
        "message": str(crash),
        "traceback": crash.traceback,
        "arguments": arguments,
        **_here(),
        "started": 0.0,
        "duration": 0.0,
        "attempt": 1,
        "kept": False,
        "crashes": crash.crashes,
    }


def suspicion() -> dict[str, Any]:
    """What is kept of a task that was claimed when its worker died: it may not have begun."""
    crash = Crashed("a worker died that had claimed it", "lost", "", 0)
    return {**crash_report(crash, ""), "attempt": 0}


def is_suspicion(report: Mapping[str, Any]) -> bool:
    """Whether nothing failed yet."""
    return report.get("kind") == "lost" and report.get("crashes") == 0


def _here() -> dict[str, Any]:
    import socket

    return {"host": socket.gethostname(), "pid": os.getpid(), "python": sys.version.split()[0]}


def summary_line(report: Mapping[str, Any], limit: int = 200) -> str:
    """A failure report in one line: the error's type, and the first line of what it says."""
    kind = str(report.get("type", "")).removeprefix("builtins.")
    if kind.startswith("jug."):
        kind = ""  # What this package says of a task is a sentence of its own.
    message = str(report.get("message", "")).strip().partition("\n")[0]
    if report.get("again"):
        message += "; it is tried again"
    text = ": ".join(part for part in (kind, message) if part) or "unknown error"
    return text if len(text) <= limit else text[: limit - 3] + "..."
