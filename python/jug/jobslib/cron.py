"""Runs at the times of a line of cron, by the clock on the wall."""

from __future__ import annotations

import os
import random
import time
import zoneinfo
from collections.abc import Callable
from datetime import datetime, tzinfo

from .schedule import Due, boot_time

__all__ = ["CronTimes", "check", "zone_of"]

#: By how many seconds the clock has to move against the time that passes to have been changed.
_CHANGED = 1.0

_random = random.SystemRandom()


def zone_of(name: str | None) -> tzinfo:
    """A time zone by its name; that of this machine for None. OSError, ValueError or LookupError: none is."""
    if name is None:
        name = os.environ.get("TZ", "").lstrip(":") or None
    if name is not None:
        return zoneinfo.ZoneInfo(name)
    try:
        with open("/etc/localtime", "rb") as file:
            return zoneinfo.ZoneInfo.from_file(file, key="localtime")
    except OSError:
        return zoneinfo.ZoneInfo("UTC")


def check(expression: str, zone: str | None) -> str:
    """What is wrong with an expression; empty if nothing is."""
    try:
        from cronsim import CronSim, CronSimError
    except ImportError:
        return "needs the package cronsim: pip install 'jug-rs[jobslib]'"
    try:
        next(CronSim(expression, datetime.now(zone_of(zone))))
    except CronSimError as error:
        return f"{expression!r} is no line of cron: {error}"
    except StopIteration:
        return f"{expression!r} is never due"
    except (OSError, ValueError, LookupError) as error:
        return f"the time zone of this machine is not known: {error}"
    return ""


class CronTimes:
    """When the next run is due by a line of cron.

    Of times that passed while a run took longer, the machine slept or the clock was moved forward, one is
    made up for. Where the clock is moved back, the next time after that is due.

    Parameters
    ----------
    expression : str
        As :func:`check` accepts it.
    zone : str or None
        The name of the time zone; None: that of this machine.
    jitter : float, default 0
        Up to so many seconds are added to each, by chance.
    clock, boot : callable, optional
        The clock on the wall, and the time that passes. Default: those of this machine.
    """

    def __init__(
        self,
        expression: str,
        zone: str | None,
        jitter: float = 0,
        clock: Callable[[], float] = time.time,
        boot: Callable[[], float] = boot_time,
    ) -> None:
        self._expression = expression
        self._zone = zone_of(zone)
        self._jitter = jitter
        self._clock = clock
        self._boot = boot
        #: The time that was meant, which the last run began for.
        self._planned = clock()

    def first(self) -> Due:
        """The next time from now on."""
        return self._due(self._after(self._clock()))

    def begins(self) -> None:
        """A run begins: it makes up for all times until now."""
        now = self._clock()
        if self._after(self._planned) <= now:
            self._planned = now

    def next(self) -> Due:
        """The next time; now, if that has passed while the task ran."""
        now = self._clock()
        return self._due(max(now, self._after(min(self._planned, now))))

    def _after(self, moment: float) -> float:
        from cronsim import CronSim

        times = CronSim(self._expression, datetime.fromtimestamp(moment, self._zone))
        return float(next(times).timestamp())

    def _due(self, planned: float) -> Due:
        self._planned = planned
        late = _random.uniform(0, self._jitter) if self._jitter else 0.0
        offset = self._clock() - self._boot()

        def moved() -> float | None:
            nonlocal offset
            now = self._clock()
            offset, before = now - self._boot(), offset
            if abs(offset - before) < _CHANGED or self._planned <= now:
                return None
            self._planned = self._after(now)
            return self._planned + late

        return Due(planned + late, self._clock, planned + late - self._clock(), moved)
