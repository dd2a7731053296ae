"""Leases that a thread of Python's renews: those whose client is another package's, or HTTP."""

from __future__ import annotations

import contextlib
import threading
import time
from abc import abstractmethod

from ..errors import UserError
from .base import Lease
from .threads import start_thread

__all__ = ["KeptLease", "boottime"]

#: How many times within its life a lease is renewed.
_BEATS = 3


def boottime() -> float:
    """The clock by which leases end, in seconds: also while the host sleeps it goes on."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class KeptLease(Lease):
    """A lease that a thread renews while it is held.

    Parameters
    ----------
    name : str
        The name of the right.
    ttl : float
        For how many seconds it lives without a heartbeat.
    heartbeat : bool
        Whether a thread renews it, or only :meth:`refresh` does.
    """

    def __init__(self, name: str, ttl: float, heartbeat: bool) -> None:
        super().__init__(name, ttl)
        self._period = ttl
        self._heartbeat = heartbeat
        self._stop = threading.Event()

    @property
    def _limit(self) -> float:
        """For how many seconds to wait for an answer of the server."""
        return min(max(self._period / _BEATS, 0.25), 10.0)

    @abstractmethod
    def _renew(self) -> bool:
        """Asks the server to renew it. False: it is over. ConnectionError: that is not known."""

    def _until(self, began: float) -> float | None:
        """When it ends that was renewed by a request of that moment."""
        return began + self._period

    def _begin(self, token: int, began: float) -> bool:
        """Begins the tenure, and the heartbeats. False if the lease is over already."""
        if not self._tenure.begin(token, self._until(began)):
            return False
        if self._heartbeat:
            self._stop = threading.Event()
            start_thread(f"jug-heartbeat {self.name}", self._beat, self._stop)
        return True

    def _end(self) -> bool:
        """Ends both; whether it was held until now."""
        self._stop.set()
        return self._tenure.end()

    def _refresh(self) -> bool:
        return self._renewed(self._stop)

    def _renewed(self, stop: threading.Event) -> bool:
        began = boottime()
        is_ours = self._renew()
        if stop.is_set():
            # It was released meanwhile, and the answer is about that.
            return False
        if not is_ours:
            self._tenure.lose()
            return False
        return self._tenure.renewed(self._until(began))

    def _beat(self, stop: threading.Event) -> None:
        pause = self._period / _BEATS
        while not self._sleep(stop, pause) and self._tenure.is_held():
            pause = min(self._period / 12, 0.25)
            with contextlib.suppress(ConnectionError, UserError):
                if self._renewed(stop):
                    pause = self._period / _BEATS

    def _sleep(self, stop: threading.Event, seconds: float) -> bool:
        """Waits between two heartbeats; true if there is to be no other one."""
        return stop.wait(seconds)
