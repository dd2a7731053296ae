"""The lock of a launcher, as the task has it that runs in a process of its own."""

from __future__ import annotations

import json
from typing import Any, Protocol

from .. import _native
from ..leases.base import Lease
from .oneinstance import BaseLock

__all__ = ["LauncherLease", "LauncherLock"]

#: By how many seconds the task kills itself later than the launcher kills it, if that one can.
_LATER = 1.0


class _Asks(Protocol):
    """What asks the launcher."""

    def ask(self, method: str) -> Any: ...


class LauncherLock(BaseLock):
    """What is asked of it, the launcher does.

    Parameters
    ----------
    channel : object
        Its method `ask` says which method of its lock the launcher is to call, and returns the answer.
    lease : LauncherLease, optional
        The lease of that lock, if it is one that has a lease.
    """

    def __init__(self, channel: _Asks, lease: LauncherLease | None) -> None:
        self._channel = channel
        self._lease = lease
        if lease is not None:
            self.lease = lease

    def acquire(self) -> bool:
        """Has the launcher try to get it; whether that has it now."""
        is_ours = bool(self._channel.ask("acquire"))
        if is_ours and self._lease is not None:
            self._lease.begins()
        return is_ours

    def release(self) -> bool:
        """Has the launcher give it up; whether that was possible."""
        if self._lease is not None:
            self._lease.ends()
        return bool(self._channel.ask("release"))

    def refresh(self) -> Any:
        """Has the launcher extend it; what that answers."""
        return self._channel.ask("refresh")

    def get_lock_owner_info(self) -> dict[str, Any] | None:
        """Who has it, by the launcher's account."""
        return self._channel.ask("get_lock_owner_info")  # type: ignore[no-any-return]


class LauncherLease(Lease):
    """The lease of the launcher: its token, and whether it is held, are known here without asking.

    It ends here by the clock, also while the launcher is paused.

    Parameters
    ----------
    channel : object
        As above.
    facts : dict
        What :meth:`facts_of` gave in the launcher, with its `page` as it is called here.
    """

    def __init__(self, channel: _Asks, facts: dict[str, Any]) -> None:
        super().__init__(facts["name"], facts["ttl"], _native.Tenure.following(facts["page"]))
        self._channel = channel
        self._place: str = facts["place"]
        if facts["patience"] is not None:
            self.kill_on_loss(facts["patience"] + _LATER)

    @staticmethod
    def facts_of(lease: Lease, patience: float | None) -> dict[str, Any]:
        """What a task has to know of a lease.

        Parameters
        ----------
        lease : Lease
            The lease.
        patience : float or None
            After how many seconds a task is killed that goes on without it.

        Returns
        -------
        dict
            Among it is `page`, a descriptor that belongs to the caller.
        """
        facts = {"name": lease.name, "ttl": lease.ttl, "place": lease.place, "patience": patience}
        return {**facts, "page": lease._tenure.share()}

    @staticmethod
    def is_held_by(lease: Lease | None) -> bool:
        """Whether a lease is held, without asking its server."""
        return lease is not None and lease._tenure.is_held()

    @property
    def place(self) -> str:
        """Where the launcher has it."""
        return self._place

    def begins(self) -> bool:
        """A run begins; whether the launcher has it now."""
        is_held = self._tenure.begin_as_shared()
        if is_held and self._callbacks:
            self._watch()
        return is_held

    def ends(self) -> None:
        """It is needed here no more."""
        self._tenure.end()

    def _acquire(self, owner: bytes) -> bool:
        return bool(self._channel.ask("lease.acquire")) and self._tenure.begin_as_shared()

    def _refresh(self) -> bool:
        return bool(self._channel.ask("lease.refresh")) and self._tenure.is_held()

    def _release(self) -> bool:
        was_held = self._tenure.end()
        return bool(self._channel.ask("lease.release")) and was_held

    def _owner(self) -> bytes | None:
        return json.dumps(self._channel.ask("lease.owner")).encode()
