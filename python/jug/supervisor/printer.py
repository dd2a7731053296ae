"""What a supervisor prints: it waits for nobody who reads that, until it has nothing else to do."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from .. import _native
from ..internal import console
from ..internal.printing import flush_output

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Printer"]

#: How many milliseconds it waits for who reads before it looks for signals; before a pause; and after what
#: was to end at once did so.
_GLANCE, _BEFORE_PAUSE, _FAREWELL = 100, 1000, 1000


class Printer:
    """Prints all that this process says, in the order in which it is said.

    Attributes
    ----------
    queue : _native.OutputQueue
        What is not printed yet.
    """

    def __init__(self) -> None:
        flush_output()
        self.queue = _native.OutputQueue()
        self._before: Callable[[str], None] | None = None

    def begin(self) -> None:
        """From now on it prints what this process says."""
        self._before = console.write_through(self._say)

    def _say(self, text: str) -> None:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        self.queue.write(text.encode(encoding, "backslashreplace"), is_error=True)

    def pause(self, supervisor: _native.Supervisor) -> None:
        """Stops this process and all workers, when what is on its way to a terminal was printed."""
        self.queue.flush(_BEFORE_PAUSE)
        supervisor.pause()

    def close(self, supervisor: _native.Supervisor, *, is_killed: bool) -> int:
        """Waits until all is printed, however long that takes; where `is_killed` for a moment at most.

        Returns
        -------
        int
            The signal that has ended that; else 0.
        """
        console.write_through(self._before)
        patience = _FAREWELL // _GLANCE
        while not self.queue.flush(_GLANCE):
            patience -= is_killed
            ends = self._take(
                supervisor, [event[1] for event in supervisor.wait(0.0) if event[0] == "signal"]
            )
            if ends or not patience:
                # What this process prints itself waits no longer either.
                self.queue.abandon()
                return ends
        return 0

    def _take(self, supervisor: _native.Supervisor, signals: Collection[int]) -> int:
        """Pauses where that is asked for; the signal that asks for the end, or 0."""
        if signal.SIGTSTP in signals:
            supervisor.pause()
        return next((number for number in signals if number not in (signal.SIGTSTP, signal.SIGCONT)), 0)
