"""For how long the tasks of a worker may run, and that none has a limit which nobody would hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import UserError
from ...internal import supervision
from ...internal.limits import declared_limits, limits_of
from .options import WorkerOptions

if TYPE_CHECKING:
    from ...task import Task

__all__ = ["RunLimits", "TimeLimit"]


class TimeLimit(NamedTuple):
    """For how long a task may run, and who said so; ``str()`` ends a sentence about it."""

    seconds: float
    source: str

    def __str__(self) -> str:
        return f"{self.seconds:g} s ({self.source})"


class RunLimits:
    """The limits of the tasks of one load of a jugfile.

    Parameters
    ----------
    options : WorkerOptions
    """

    def __init__(self, options: WorkerOptions) -> None:
        self._timeout = options.timeout
        # Whoever debugs a task takes time.
        self._declared = [] if options.pdb else declared_limits()
        #: Whether any task can have a time limit, so that not each is asked.
        self.has_timeouts = self.shortest() is not None

    def time(self, f: Callable[..., Any]) -> TimeLimit | None:
        """That of a task of this function."""
        declared = limits_of(f).timeout if self._declared else None
        if declared is not None:
            return TimeLimit(declared, f"timeout={declared:g}")
        return None if self._timeout is None else TimeLimit(self._timeout, "--timeout")

    def shortest(self) -> float | None:
        """The shortest time limit of any task, in seconds."""
        timeouts = (self._timeout, *(limits.timeout for limits in self._declared))
        return min((timeout for timeout in timeouts if timeout is not None), default=None)

    def has_memory(self) -> bool:
        """Whether any task can have a memory limit."""
        return any(limits.memory is not None for limits in self._declared)

    def refuse_memory(self, tasks: Iterable[Task]) -> None:
        """UserError if one of these tasks, which are to run, has a limit that only a supervisor holds."""
        if supervision.current() is None and self.has_memory():
            for t in tasks:
                if limits_of(t.f).memory is not None:
                    raise UserError(
                        f"the memory limit of {t.name} needs supervised workers: jug execute -n 1"
                    )
