"""Exceptions of jug's own: what users see as a single line, what is wrong with a store, what ends workers."""

from __future__ import annotations

from collections.abc import Sequence

from ._native import DamagedResult, DamagedStore, JugdirInUse, NewerFormat, NotAJugdir, WrongClaimMode

__all__ = [
    "DamagedResult",
    "DamagedStore",
    "FileChanged",
    "FileChangedByTask",
    "FileOutOfReach",
    "JugdirInUse",
    "Leave",
    "NewerFormat",
    "NotAJugdir",
    "OutdatedResult",
    "PatternError",
    "Signalled",
    "TaskQuit",
    "TasksFailed",
    "UserError",
    "WrongClaimMode",
]


class UserError(Exception):
    """Something the user can put right: the command line prints `jug: error: MESSAGE` and exits.

    Parameters
    ----------
    message : str
        What happened, to which task or file, and what to do about it.
    status : int, optional
        Exit status: 1 (the default) for bad input, 2 for wrong usage.
    """

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


class PatternError(UserError, ValueError):
    """A --name or --pattern that cannot select tasks."""


class FileChanged(UserError):
    """A file that a task uses, as a `jug.File`, is not what it was."""


class FileChangedByTask(FileChanged):
    """It has changed while the task ran, which to run it again would not put right."""


class FileOutOfReach(UserError):
    """Of a file in a result, a `jug.File`, nobody knows here whether it is what it was."""


class OutdatedResult(DamagedResult):
    """A file in a result, a `jug.File`, is gone or changed: the result counts no more.

    It is still stored. What runs its task again removes it before.

    Parameters
    ----------
    message : str
    key : bytes, optional
        That of its task.
    """

    def __init__(self, message: str, key: bytes = b"") -> None:
        super().__init__(message)
        self.key = key


class Leave(SystemExit):
    """Ends a worker between or within tasks because that was asked for: by a signal, a limit, the stop file.

    What a task raises itself is never one: its SystemExit is a failure of that task.
    """


class Signalled(Leave):
    """The end of a worker by a signal, with exit status 1.

    Parameters
    ----------
    number : int
        The number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(1)
        self.number = number


class TaskQuit(RuntimeError):
    """A task raised something that is no Exception, such as SystemExit, which is its ``__cause__``.

    Passed on as it is, it would end the process as if that had been asked for, perhaps with status 0.

    Parameters
    ----------
    name : str
        The name of the task.
    cause : BaseException
        What it raised.
    """

    def __init__(self, name: str, cause: BaseException) -> None:
        super().__init__(f"task {name} raised {type(cause).__name__}")


class TasksFailed(RuntimeError):
    """Tasks failed that a script or a notebook had run.

    Parameters
    ----------
    message : str
        How many, and the first of them with its traceback.
    failures : sequence of jug.execution.TaskFailure
        The tasks that failed, each with its report.
    """

    def __init__(self, message: str, failures: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.failures = failures
