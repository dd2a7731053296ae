"""Who works on a computation: its workers, and the claims that each of them holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ... import _native

__all__ = ["HeldClaim", "WorkerStatus", "running", "worker_statuses"]


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


def worker_statuses(claims: _native.Claims, keys: Sequence[bytes]) -> list[WorkerStatus]:
    """The workers of a jugdir with native claims, and which of `keys` each of them holds.

    Where claims are held by processes, and one has registered twice, they count for its latest worker.
    """
    lists: dict[str | int, list[HeldClaim]] = {}
    since = {key: started for _, key, _, _, started in claims.running()}
    for key, (worker, pid) in claims.holders(keys).items():
        lists.setdefault(worker or pid, []).append(HeldClaim(key, since.get(key)))
    by_holder: dict[str | int, Sequence[HeldClaim]] = {**lists}
    workers = []
    for known in sorted(claims.workers(), key=lambda it: it.get("started", 0.0), reverse=True):
        held: Sequence[HeldClaim] = ()
        if known["alive"]:
            held = [*by_holder.pop(known["id"], ()), *by_holder.pop(known.get("pid", 0), ())] or ()
        workers.append(
            WorkerStatus(
                known["id"],
                known["alive"],
                known.get("host", ""),
                known.get("pid", 0),
                known.get("started"),
                held,
            )
        )
    # The kernel does not say who holds a lock, and neither does a worker whose disk was full when it began.
    strangers = [
        WorkerStatus("", True, "", holder if isinstance(holder, int) else 0, None, held)
        for holder, held in by_holder.items()
    ]
    return strangers + workers
