"""How often a display looks."""

from __future__ import annotations

import time

__all__ = ["Pace"]

#: Seconds from one look to the next, at least, and how many times longer than a look took.
_PERIOD, _SHARE = 0.125, 20


class Pace:
    """At most eight times a second, and seldom where a look takes long.

    Parameters
    ----------
    period : float
        Seconds from one look to the next, at least.
    """

    def __init__(self, period: float = _PERIOD) -> None:
        self._period = period
        self._next = self._began = time.monotonic()

    def due_in(self) -> float:
        """In how many seconds it is time for the next look."""
        return max(0.0, self._next - time.monotonic())

    def begin(self) -> bool:
        """Begins a look, if it is time for one."""
        self._began = time.monotonic()
        return self._began >= self._next

    def end(self) -> None:
        """What was seen is shown."""
        took = time.monotonic() - self._began
        self._next = self._began + max(self._period, _SHARE * took)
