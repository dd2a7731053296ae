"""Since when a claim has been there, as far as it was observed."""

from __future__ import annotations

from jug.engine.worker_status import HeldClaim, WorkerStatus
from jug.monitor.observations import ClaimObservations


def worker(*claims, alive=True):
    return WorkerStatus("id", alive, "host", 7, 1.0, claims)


def test_a_claim_is_as_old_as_its_first_sight_at_least():
    seen = ClaimObservations()
    (before,) = seen.of([worker(HeldClaim(b"a"))], 10.0).values()
    both = seen.of([worker(HeldClaim(b"a"), HeldClaim(b"b"))], 20.0)
    assert (before.since, before.exact) == (10.0, False)
    assert both[b"a"] == before
    assert (both[b"b"].since, both[b"b"].exact) == (20.0, True)
    # It was given back and claimed again, by whomever.
    seen.of([worker()], 30.0)
    assert seen.of([worker(HeldClaim(b"a"))], 40.0)[b"a"].since == 40.0


def test_a_store_that_knows_since_when_a_task_runs_is_believed():
    (sighting,) = ClaimObservations().of([worker(HeldClaim(b"a", 3.0))], 10.0).values()
    assert (sighting.since, sighting.exact) == (3.0, True)
