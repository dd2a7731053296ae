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
    """Remembers when each claim was first observed: most stores do not know since when a task runs."""

    def __init__(self) -> None:
        self._known: dict[bytes, ClaimObservation] = {}
        self._looked = False

    def of(self, activity: Sequence[WorkerStatus], now: float) -> dict[bytes, ClaimObservation]:
        """Since when each claim is there, by key."""
        known: dict[bytes, ClaimObservation] = {}
        for worker in activity:
            for claim in worker.claims:
                before = self._known.get(claim.key)
                if claim.since is not None:
                    known[claim.key] = ClaimObservation(worker.id, claim.since, True)
                elif before is not None and before.worker == worker.id:
                    known[claim.key] = before
                else:
                    known[claim.key] = ClaimObservation(worker.id, now, self._looked)
        self._known, self._looked = known, True
        return known
