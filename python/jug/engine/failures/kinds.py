"""The kinds of failures, and what is kept of each."""

from __future__ import annotations

from typing import Literal, TypedDict

__all__ = ["FailureKind", "FailureReport"]

#: "exception": the task raised it. "signal", "exit": what ended the process that it ran in. "lost": the
#: worker that ran it died, and nobody saw of what.
FailureKind = Literal["exception", "signal", "exit", "lost"]


class FailureReport(TypedDict, total=False):
    """What is kept of a failure, beside the results; a report of an earlier version may lack some of it."""

    kind: FailureKind
    #: The error's class, with its module; empty where there is none.
    type: str
    message: str
    #: The user's lines; empty where they say no more than the message.
    traceback: str
    #: The arguments of the task, in short.
    arguments: str
    name: str
    host: str
    pid: int
    #: The version of Python.
    python: str
    #: When the run began, in seconds since 1970, and how long it took.
    started: float
    duration: float
    #: How many times the task had been run, with this one.
    attempt: int
    #: Whether the task stays failed until somebody clears the mark.
    kept: bool
    #: Of a task that died: how many times it did, and whether it is tried again.
    crashes: int
    again: bool
