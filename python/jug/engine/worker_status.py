"""What is known of a worker: who it is, and what it has claimed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

__all__ = ["HeldClaim", "WorkerStatus", "running"]


class HeldClaim(NamedTuple):
    """A task that a worker claimed and has not finished.

    A worker runs one task at a time. The other claims that it may hold are those of a batch of short tasks;
    behind a task that turns out long they are given back, so that what it runs is then its only claim.
    """

    key: bytes
    #: Since when the task has been running, in seconds since 1970; None: not known, or not started.
    since: float | None = None


class WorkerStatus(NamedTuple):
    """A worker, as the store knows it."""

    #: The store's name for it; empty for claims of which nobody knows whose they are.
    id: str
    alive: bool
    host: str
    #: 0 if not known.
    pid: int
    #: When it registered, in seconds since 1970; None if not known.
    started: float | None
    claims: Sequence[HeldClaim] = ()


def running(activity: Sequence[WorkerStatus], ready: Collection[bytes]) -> list[bytes]:
    """Those of the `ready` keys that are being run, and not only claimed ahead.

    Where nobody knows what a worker runs, it is the first of what it has claimed.
    """
    found: list[bytes] = []
    for worker in activity:
        claims = [claim for claim in worker.claims if claim.key in ready]
        started = [claim.key for claim in claims if claim.since is not None]
        # Claims of which nobody knows whose they are may be those of many workers.
        most = 1 if worker.id or worker.pid else len(claims)
        found += started or [claim.key for claim in claims[:most]]
    return found
