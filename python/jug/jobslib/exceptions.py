"""What tasks and launchers raise."""

from __future__ import annotations

__all__ = [
    "JobsLibError",
    "LockAway",
    "OneInstanceWatchdogError",
    "RemoteError",
    "TaskDied",
    "TaskError",
    "TaskRaised",
    "Terminate",
]


class JobsLibError(Exception):
    """The base of errors."""


class TaskError(JobsLibError):
    """For tasks to raise, or to derive from."""


class Terminate(BaseException):
    """Raised in a task when SIGTERM or SIGINT asks its launcher to end."""


class OneInstanceWatchdogError(BaseException):
    """Raised in a task whose lock is lost, or has reached its time to live without being extended."""


class RemoteError(JobsLibError):
    """What went wrong in another process: where this one learned of it is of no interest."""


class LockAway(RemoteError, ConnectionError):
    """The server of the lock does not answer: the task was not run."""


class TaskRaised(RemoteError):
    """An exception of a task that ran in a process of its own; the message has its traceback."""


class TaskDied(RemoteError):
    """The end of the process in which a task ran.

    Parameters
    ----------
    kind : str
        ``signal``, ``exit``, ``timeout`` or ``memory``.
    message : str
        What happened.
    traceback : str
        Where it was, if that is known.
    """

    def __init__(self, kind: str, message: str, traceback: str = "") -> None:
        super().__init__(f"the task {message}" + (f"\n{traceback}" if traceback else ""))
        self.kind = kind
