"""No lock: any number of instances run."""

from __future__ import annotations

from typing import Any

from ...leases.dummy import DummyLease
from . import BaseLock

__all__ = ["DummyLock"]


class DummyLock(BaseLock):
    """A lock that everybody has at any time, for development and for tasks that may run more than once."""

    def __init__(self, context: Any, options: Any) -> None:
        super().__init__(context, options)
        #: As other locks have one: its token is for what a task writes to.
        self.lease = DummyLease("dummy")

    def acquire(self) -> bool:
        """True."""
        self.lease.acquire()
        return True

    def release(self) -> bool:
        """True."""
        self.lease.release()
        return True

    def refresh(self) -> bool:
        """True."""
        return True
