"""No lock: any number of instances run."""

from __future__ import annotations

from . import BaseLock

__all__ = ["DummyLock"]


class DummyLock(BaseLock):
    """A lock that everybody has at any time, for development and for tasks that may run more than once."""

    def acquire(self) -> bool:
        """True."""
        return True

    def release(self) -> bool:
        """True."""
        return True

    def refresh(self) -> bool:
        """True."""
        return True
