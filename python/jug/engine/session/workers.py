"""Who works in a jugdir: its workers, and the claims that each of them holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..worker_status import HeldClaim, WorkerStatus

if TYPE_CHECKING:
    from ... import _native

__all__ = ["worker_statuses"]


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
