"""What is kept and said of a task that failed."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from ...executors.base import Outcome
from ...internal import supervision
from ...internal.short_repr import describe_call
from ...internal.tracebacks import message_of, users_traceback
from .errors import Crashed, FailedInChild, UnstorableResult

if TYPE_CHECKING:
    from ...internal.types import FailureKind, FailureReport

__all__ = [
    "KINDS",
    "closing_line",
    "crash_report",
    "failure_report",
    "is_suspicion",
    "next_run",
    "summary_line",
    "suspicion",
    "used_up",
]


#: The kinds of failures; `FailureKind` says what they are.
KINDS: tuple[FailureKind, ...] = ("exception", "unstorable", "signal", "exit", "timeout", "memory", "lost")


def failure_report(
    task: Any, outcome: Outcome, *, attempt: int, kept: bool, again: bool | None = None
) -> FailureReport:
    """Everything that will be asked about a failure later, as plain values.

    Parameters
    ----------
    task : Task
    outcome : Outcome
        With an error.
    attempt : int
        How many times the task has been run, this one included.
    kept : bool
        Whether it is to stay failed until somebody clears the mark.
    again : bool, optional
        Whether workers that are at work try it again, after a pause. Default: not said, so that each of them
        may try it once; what ended its process none of them does.
    """
    error = outcome.error
    assert error is not None
    run: FailureReport = {
        "started": outcome.started,
        "duration": outcome.duration,
        "attempt": attempt,
        "kept": kept,
        **_supervised(),
    }
    if again is not None:
        run["again"] = again
    if outcome.output:
        run["output"] = outcome.output
    if isinstance(error, FailedInChild):
        return {**error.report, **run}
    if isinstance(error, Crashed):
        run.setdefault("again", False)
        return {**crash_report(error, describe_call(task)), **run}
    is_unstorable = isinstance(error, UnstorableResult)
    # What cannot be stored may say in its own lines why.
    raised = (error.__cause__ if is_unstorable else None) or error
    return {
        "kind": "unstorable" if is_unstorable else "exception",
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": message_of(error),
        "traceback": users_traceback(raised, is_ours_whole=False),
        "arguments": describe_call(task),
        **_here(),
        **run,
    }


def crash_report(crash: Crashed, arguments: str) -> FailureReport:
    """The same about a task that died, ``crashes`` times so far; with a true ``again`` it is tried again."""
    report: FailureReport = {
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
        **_supervised(),
    }
    if crash.crashes is not None:
        report["crashes"] = crash.crashes
    return report


def suspicion() -> FailureReport:
    """What is kept of a task that was claimed when its worker died: it may not have begun."""
    crash = Crashed("a worker died that had claimed it", "lost", "", 0)
    return {**crash_report(crash, ""), "attempt": 0}


def is_suspicion(report: FailureReport) -> bool:
    """Whether nothing failed yet."""
    return report.get("kind") == "lost" and report.get("crashes") == 0


def _here() -> FailureReport:
    import socket

    return {"host": socket.gethostname(), "pid": os.getpid(), "python": sys.version.split()[0]}


def _supervised() -> FailureReport:
    mine = supervision.current()
    return {} if mine is None else {"run": mine.mail["run"]}


def summary_line(report: FailureReport, limit: int = 200) -> str:
    """A failure report in one line: the error's type, and the first line of what it says."""
    message = str(report.get("message", "")).strip().partition("\n")[0]
    return _with_type(report, message, limit)


def closing_line(report: FailureReport, limit: int = 200) -> str:
    """The same with the last line of what it says, where tools that a task called say what went wrong."""
    return _with_type(report, str(report.get("message", "")).strip().rpartition("\n")[2].strip(), limit)


def _with_type(report: FailureReport, message: str, limit: int) -> str:
    kind = str(report.get("type", "")).removeprefix("builtins.")
    if kind.startswith("jug."):
        kind = ""  # What this package says of a task is a sentence of its own.
    text = ": ".join(part for part in (kind, message) if part) or "unknown error"
    text = text if len(text) <= limit else text[: limit - 3] + "..."
    return f"{text}; it is tried again" if report.get("again") else text


def next_run(report: FailureReport, crash_limit: int) -> Literal["now", "later", "never"]:
    """When those who are at work may run a failed task that is not marked: later is after a pause.

    Whoever begins later tries it in any case.
    """
    crashes = int(report.get("crashes", 0))
    if "again" not in report:
        return "never" if crashes >= crash_limit else "now"
    if not report["again"]:
        return "never"
    # Until there are too many of them, deaths are no failures.
    return "now" if 0 < crashes < crash_limit else "later"


def used_up(reports: Mapping[bytes, FailureReport], crash_limit: int) -> list[bytes]:
    """The keys of the tasks that nobody tries again who is at work, by their reports."""
    return [key for key, report in reports.items() if next_run(report, crash_limit) == "never"]
