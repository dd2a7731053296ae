"""A lease that everybody gets: for tests, and where nobody else is."""

from __future__ import annotations

import itertools
import time

from .base import Lease

__all__ = ["DummyLease"]

#: No two tokens of a process are equal, and those of later processes are larger as long as the clock is not
#: set back.
_tokens = itertools.count(time.time_ns() // 1000)


class DummyLease(Lease):
    """A lease that is always free and never lost.

    Parameters
    ----------
    name : str
        The name of the right.
    ttl : float, optional
        Not used.
    heartbeat : bool, optional
        Not used.
    """

    def __init__(self, name: str, *, ttl: float | None = None, heartbeat: bool = True) -> None:
        super().__init__(name, None)
        self._holder: bytes | None = None

    @property
    def place(self) -> str:
        """``dummy:``."""
        return "dummy:"

    def _acquire(self, owner: bytes) -> bool:
        self._holder = owner
        return self._tenure.begin(next(_tokens))

    def _refresh(self) -> bool:
        return self._tenure.renewed()

    def _release(self) -> bool:
        self._holder = None
        return self._tenure.end()

    def _owner(self) -> bytes | None:
        return self._holder
