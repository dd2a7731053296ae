"""How much memory tasks may have: they are looked at ten times a second, as supervised workers are."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from .. import _native
from ..errors import UserError
from ..internal.units import format_size
from ..process.managed import End
from ..process.resident import resident_of_tree

if TYPE_CHECKING:
    from ..internal.types import FailureKind

__all__ = ["MemoryLimit"]

#: Seconds from one look to the next.
_PERIOD = 0.1


class MemoryLimit:
    """What a task may have, with all that it starts.

    Parameters
    ----------
    limit : int or None
        How many bytes; None: any number.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._next = 0.0
        self._times_out_of_memory = _native.times_out_of_memory()

    def check(self) -> None:
        """UserError if a task, which begins as a copy of this process, has as much at once."""
        if self._limit is None:
            return
        needed = resident_of_tree(os.getpid())
        if self._limit <= needed:
            raise UserError(
                f"memory_limit must be more than the {format_size(needed)} that a task has before it begins, "
                f"not {format_size(self._limit)}"
            )

    def due_in(self) -> float | None:
        """In how many seconds tasks are to be looked at; None: never."""
        return None if self._limit is None else max(0.0, self._next - time.monotonic())

    def too_much(self, pids: Collection[int]) -> Iterator[tuple[int, int]]:
        """Which of these processes has more, if it is time to look, and how much."""
        if self._limit is None or not pids or self.due_in():
            return
        roots = list(pids)
        for pid, taken in zip(roots, _native.memory_of_trees(roots, self._limit), strict=True):
            if taken > self._limit:
                yield pid, taken
        self._next = time.monotonic() + _PERIOD

    def kind_of(self, end: End) -> FailureKind:
        """The kind of failure that an end is: SIGKILL may be that of the system, for want of memory."""
        if end.kind == "signal" and end.number == signal.SIGKILL:
            before, self._times_out_of_memory = self._times_out_of_memory, _native.times_out_of_memory()
            if self._times_out_of_memory > before:
                return "memory"
        return end.kind
