"""How a task can fail that raised nothing; RunForrest reads each of these as an exception of Python's own."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..internal.units import format_size
from ..process.managed import End

if TYPE_CHECKING:
    from ..internal.types import FailureKind

__all__ = ["TaskCrashed", "how_it_ended", "kind_of", "overtime", "overuse", "revived", "unstored"]

#: What the exceptions of Python's that stand for ours carry.
_MARK, _KIND = "jug_crash", "jug_kind"


class TaskCrashed(FileNotFoundError):
    """The process ended in which a task ran, before there was a result.

    RunForrest has a FileNotFoundError for it, of the file that should have held the result.

    Parameters
    ----------
    kind : {"signal", "exit", "memory", "lost"}
        Whether a signal killed it, it ended itself, the system killed it for want of memory, or somebody else
        has taken its status.
    number : int
        Of the signal, or the exit status.
    filename : str
        The name of the task's file.

    Attributes
    ----------
    kind : {"signal", "exit", "memory", "lost"}
        As it was given.
    signal : int or None
        The signal that killed it, if one did.
    exitcode : int or None
        The status with which it ended itself, if it did.
    """

    def __init__(self, kind: Any, number: int, filename: str) -> None:
        super().__init__(errno.ENOENT, f"the process of the task {how_it_ended(kind, number)}", filename)
        self._end = (kind, number)
        self.kind: FailureKind = kind
        self.signal = number if kind in ("signal", "memory") else None
        self.exitcode = number if kind == "exit" else None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
        return FileNotFoundError, (self.errno, self.strerror, self.filename), {_MARK: self._end}


def overtime(limit: float) -> TimeoutError:
    """The error of a task that was killed after so many seconds."""
    error = TimeoutError(f"ran for more than {limit:g} s and was killed (autokill)")
    setattr(error, _KIND, "timeout")
    return error


def overuse(taken: int, limit: int) -> MemoryError:
    """The error of a task that was killed because it had so many bytes of memory."""
    error = MemoryError(
        f"took {format_size(taken)} of memory, more than {format_size(limit)}, and was killed (memory_limit)"
    )
    setattr(error, _KIND, "memory")
    return error


def unstored(why: str) -> OSError:
    """The error of a task whose result could not be written."""
    error = OSError(f"its result could not be stored: {why}")
    setattr(error, _KIND, "unstorable")
    return error


def kind_of(error: BaseException) -> FailureKind:
    """Which kind of failure an exception is."""
    if isinstance(error, TaskCrashed):
        return error.kind
    kind: FailureKind = getattr(error, _KIND, "exception")
    return kind


def how_it_ended(kind: Any, number: int) -> str:
    """What became of the process of a task, as the rest of a sentence about it."""
    if kind == "memory":
        return "was killed by the system for want of memory"
    text = End(kind, number).text
    return f"was {text}" if kind == "signal" else text.replace("its process", "itself")


def revived(error: Any) -> Any:
    """An exception as it was before it was written to a file."""
    end = getattr(error, _MARK, None)
    if type(error) is not FileNotFoundError or end is None:
        return error
    kind, number = end
    return TaskCrashed(kind, number, error.filename)
