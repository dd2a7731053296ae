"""Since when claims are there, as far as those who look from outside can know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..engine.worker_status import WorkerStatus

__all__ = ["ClaimObservation", "ClaimObservations"]


class ClaimObservation(NamedTuple):
    """Since when a task is known to be claimed."""

    worker: str
    since: float
    #: False: it may have been claimed before that, when nobody looked.
    exact: bool


class ClaimObservations:
    """Remembers when each claim was seen first: most stores do not know since when a task runs."""

    def __init__(self) -> None:
        self._seen: dict[bytes, ClaimObservation] = {}
        self._looked = False

    def of(self, activity: Sequence[WorkerStatus], now: float) -> dict[bytes, ClaimObservation]:
        """Since when each claim is there, by key."""
        seen: dict[bytes, ClaimObservation] = {}
        for worker in activity:
            for claim in worker.claims:
                before = self._seen.get(claim.key)
                if claim.since is not None:
                    seen[claim.key] = ClaimObservation(worker.id, claim.since, True)
                elif before is not None and before.worker == worker.id:
                    seen[claim.key] = before
                else:
                    seen[claim.key] = ClaimObservation(worker.id, now, self._looked)
        self._seen, self._looked = seen, True
        return seen
