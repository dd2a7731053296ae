"""What a launcher does now, as others may ask for it."""

from __future__ import annotations

import threading
from typing import Any

from .schedule import Due, boot_time

__all__ = ["LauncherState"]

#: By how many seconds a run may begin, or end, later than it should, before something is wrong.
_PATIENCE = 30.0


class LauncherState:
    """What a launcher does, and whether that goes on. Any thread may ask.

    Parameters
    ----------
    name : str
        Of the task.
    task_timeout : float, optional
        For how long a run may take, in seconds.
    """

    def __init__(self, name: str, task_timeout: float | None = None) -> None:
        self._mutex = threading.Lock()
        self._limit = task_timeout
        self._due: Due | None = None
        self._since = boot_time()
        self._facts: dict[str, Any] = {"task": name, "phase": "starting", "lock": None, "status": None}
        self._stamp: dict[str, Any] | None = None

    def runs(self) -> None:
        """The task runs from now on."""
        self._set("running", None)

    def asked_for_lock(self, answer: str | None) -> None:
        """The lock is ``held`` here or ``elsewhere``; None: its server did not answer."""
        with self._mutex:
            self._facts["lock"] = answer

    def ended(self, status: str, stamp: dict[str, Any] | None) -> None:
        """A run ended; `stamp` says when, if it succeeded."""
        with self._mutex:
            self._facts["status"] = status
            self._stamp = stamp or self._stamp

    def sleeps(self, due: Due) -> None:
        """Nothing is to be done until then."""
        self._set("sleeping", due)

    def stops(self) -> None:
        """The launcher ends."""
        self._set("stopping", None)

    def _set(self, phase: str, due: Due | None) -> None:
        with self._mutex:
            self._facts["phase"] = phase
            self._due = due
            self._since = boot_time()

    def stamp(self) -> dict[str, Any] | None:
        """The stamp of the last run that succeeded; None: there was none."""
        with self._mutex:
            return self._stamp

    def facts(self) -> dict[str, Any]:
        """The name of the task, what is done and for how long, the lock, and how the last run ended."""
        with self._mutex:
            return {
                **self._facts,
                "seconds": round(boot_time() - self._since, 3),
                "last_success": self._stamp,
            }

    def is_alive(self) -> bool:
        """Whether nothing is late: neither the next run nor the end of one whose time is limited."""
        with self._mutex:
            if self._due is not None:
                return self._due.clock() - self._due.at < _PATIENCE
            if self._facts["phase"] == "running" and self._limit is not None:
                return boot_time() - self._since < self._limit + _PATIENCE
            return True

    def is_ready(self) -> bool:
        """Whether the lock was to be had or belonged to another instance when it was asked for last."""
        with self._mutex:
            return self._facts["lock"] is not None and self._facts["phase"] != "stopping"
