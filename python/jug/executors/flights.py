"""Chunks that were given to a pool, and the limits of the calls in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Generic, NamedTuple, TypeVar

from .base import Call
from .endings import LimitBroken
from .pools import Pool

__all__ = ["LIMITS_PERIOD", "Flight", "Item", "LimitWatch", "Limits"]

#: How often limits are looked at, in seconds.
LIMITS_PERIOD = 0.1

Token = TypeVar("Token")


class Limits(NamedTuple):
    """What a call may take. None: any."""

    seconds: float | None = None
    memory: int | None = None


class Item(NamedTuple, Generic[Token]):
    """A call that is to be run."""

    token: Token
    call: Call
    limits: Limits


class Flight(Generic[Token]):
    """A chunk that was given to a pool."""

    def __init__(self, items: Sequence[Item[Token]], future: Future[Any], inputs: Iterable[bytes]) -> None:
        self.items = items
        self.has_limits = any(item.limits != Limits() for item in items)
        self.future = future
        #: The keys of what it gets from where that is.
        self.inputs = set(inputs)
        #: The call that began last, in which worker, and when.
        self.begun: tuple[int, str, float] | None = None
        #: What its worker was ended for.
        self.broken: LimitBroken | None = None


class LimitWatch:
    """Ends workers whose calls take more than they may."""

    def __init__(self) -> None:
        self._looked = 0.0

    def look(self, pool: Pool, flights: Mapping[int, Flight[Any]]) -> None:
        """Looks at what runs, if it is time for that."""
        now = time.monotonic()
        if not pool.can_end_workers or now - self._looked < LIMITS_PERIOD:
            return
        self._looked = now
        for chunk, call, worker, when in pool.begun():
            if (flight := flights.get(chunk)) is not None:
                flight.begun = call, worker, when
        for flight in flights.values():
            if flight.begun is None or flight.broken is not None:
                continue
            call, worker, when = flight.begun
            if not pool.has_worker(worker):
                continue  # What it ran waits for another one, or has come back.
            seconds, memory = flight.items[call].limits
            if seconds is not None and now - when > seconds:
                flight.broken = LimitBroken("timeout", now - when)
            elif memory is not None and (taken := pool.memory(worker)) > memory:
                flight.broken = LimitBroken("memory", taken)
            if flight.broken is not None:
                pool.end_worker(worker, flight.future)
