"""When the next run is due. Intervals go by the time since the machine started, sleeping included."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

__all__ = ["Due", "Intervals", "Schedule", "boot_time", "sleep_until"]

#: How long is slept at once: within that time a machine that slept, or a clock that was changed, is noticed.
_SLICE = 1.0

_random = random.SystemRandom()


def boot_time() -> float:
    """Seconds since this machine started, also those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Due(NamedTuple):
    """A moment of a clock; `moved` says whether another moment is due by now, and which."""

    at: float
    clock: Callable[[], float]
    #: How far away it was when that was decided, in seconds.
    seconds: float
    moved: Callable[[], float | None] = lambda: None

    def left(self) -> float:
        """How many seconds are left; not below 0."""
        return max(0.0, self.at - self.clock())

    def doubled(self) -> Due:
        """As far again from now."""
        return self._replace(at=self.at + self.left(), seconds=2 * self.seconds)


def sleep_until(due: Due, each_second: Callable[[], object] = lambda: None) -> None:
    """Sleeps until that moment, and calls `each_second` before each part of the sleep."""
    while (left := due.left()) > 0:
        each_second()
        time.sleep(min(left, _SLICE))
        if (moved := due.moved()) is not None:
            due = due._replace(at=moved)


class Schedule(Protocol):
    """When runs are due."""

    def first(self) -> Due | None:
        """When the first one is; None: at once."""

    def begins(self) -> None:
        """A run begins now."""

    def next(self) -> Due:
        """When the next one is due; it is called when a run has ended."""


class Intervals:
    """Runs so long after the end, or else after the start, of the one before.

    From start to start they stay on a grid, however late each of them begins. A run that takes longer is
    followed by one at once, and the grid begins anew with that.

    Parameters
    ----------
    sleep : float
        Seconds from an end to the next start; 0: there is none.
    run : float
        Seconds from start to start.
    jitter : float, default 0
        Up to so many seconds are added to each, by chance.
    clock : callable, optional
        Gives seconds. Default: :func:`boot_time`.
    """

    def __init__(
        self, sleep: float, run: float, jitter: float = 0, clock: Callable[[], float] = boot_time
    ) -> None:
        self._sleep = sleep
        self._run = run
        self._jitter = jitter
        self._clock = clock
        self._planned: float | None = None

    def first(self) -> Due | None:
        """At once."""
        return None

    def begins(self) -> None:
        """Notes when the first run begins; the others are as planned, but after a sleep of the machine."""
        now = self._clock()
        if self._planned is None or now - self._planned >= self._run:
            self._planned = now

    def next(self) -> Due:
        """The next moment."""
        assert self._planned is not None
        now = self._clock()
        self._planned = now + self._sleep if self._sleep else max(now, self._planned + self._run)
        at = self._planned + (_random.uniform(0, self._jitter) if self._jitter else 0.0)
        return Due(at, self._clock, at - now)
