"""What tasks and launchers raise."""

from __future__ import annotations

__all__ = ["JobsLibError", "OneInstanceWatchdogError", "TaskError", "Terminate"]


class JobsLibError(Exception):
    """The base of errors."""


class TaskError(JobsLibError):
    """For tasks to raise, or to derive from."""


class Terminate(BaseException):
    """Raised in a task when SIGTERM or SIGINT asks its launcher to end."""


class OneInstanceWatchdogError(BaseException):
    """Raised in a task whose lock is lost, or has reached its time to live without being extended."""
