"""Locks for the one instance that runs a task: what every one of them does."""

from __future__ import annotations

import abc
from typing import Any

from ..backend import Backend
from ..exceptions import OneInstanceWatchdogError as OneInstanceWatchdogError

__all__ = ["BaseLock"]


class BaseLock(Backend, abc.ABC):
    """A lock that one instance has at a time. Derive from it for a lock of your own.

    Parameters
    ----------
    context : Context
        Of the task.
    options : OptionsConfig
        The options, as read from the settings.
    """

    @abc.abstractmethod
    def acquire(self) -> bool:
        """Tries to get the lock; whether this instance has it now."""
        raise NotImplementedError

    @abc.abstractmethod
    def release(self) -> bool:
        """Gives the lock up; whether that was possible."""
        raise NotImplementedError

    @abc.abstractmethod
    def refresh(self) -> bool:
        """Extends the time for which the lock is held; whether that was possible."""
        raise NotImplementedError

    def get_lock_owner_info(self) -> dict[str, Any] | None:
        """Who has the lock: `fqdn`, `timestamp`, `time_utc` and `time_local`; None if it is not known."""
        return None
