"""What the worker needs of a store: results and claims of many tasks at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from .. import _native
from ..backends.file_store import file_store
from ..backends.redis_store import redis_store
from ..internal.console import warn
from .activity import WorkerActivity, activity_of, running
from .failures import suspicion
from .neighbours import Neighbours

__all__ = ["Crash", "FileWorkspace", "RunFacts", "Workspace", "warn_of_damage", "workspace_of"]

Change = tuple[bytes, str]

#: From how many keys on it is cheaper to look at all claims than at each.
_MANY_CLAIMS = 500

#: From how many tasks on a worker on a network filesystem looks what others finished before it claims.
_LOOK_BEFORE = 8

#: For how many seconds tasks of others on a network filesystem stay claimed after they were finished.
_STILL_CLAIMED = 10.0

#: Seconds of finished work that a kill -9 may cost.
_UNWRITTEN = 0.001


class RunFacts(NamedTuple):
    """How a result came about; stored beside it."""

    name: str
    started: float
    duration: float
    attempt: int


class Crash(NamedTuple):
    """A task without a result that a dead worker had."""

    worker: str
    key: bytes
    #: Whether it is known to have been running then. Otherwise the worker had claimed it, and perhaps others.
    counts: bool
    name: str = ""
    #: The how-manieth run it was; 0 if it may not have begun.
    attempt: int = 0


class Workspace(Protocol):
    """Results and claims, by key (32 raw bytes). A network store or a supervisor brings its own."""

    #: How many tasks may be claimed before the first of them runs.
    max_batch: int

    #: How often a waiting worker looks whether a claim was abandoned, in seconds. Results wake it earlier.
    look_around: float

    #: Whether to claim what others have takes long: workers that meet keep out of each other's way then.
    keeps_apart: bool

    def refresh(self) -> Sequence[Change]:
        """What others changed since the last call: (key, "result" | "failed" | "absent")."""

    def present(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether each key has a result."""

    def kept_failures(self) -> Sequence[bytes]:
        """Keys that failed and are not to be run again until somebody clears the mark."""

    def failures(self) -> Mapping[bytes, Mapping[str, Any]]:
        """The report of the last run of each key that failed and has no result (see `failure_report`)."""

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether some living worker holds each key."""

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Tries to claim each key; True where this worker holds it from now on.

        What it returns may be shorter than `keys`: others are at work there, and the rest was not tried.
        """

    def start(self, key: bytes, ended: bytes | None, name: str, attempt: int) -> bool:
        """Says that a claimed task starts now; False if its claim had been given back.

        `ended` is the task that was run before: its claim may be released once what it stored is visible.
        `name` and `attempt` (from 1) are for those who look what runs.
        """

    def rest(self, done: int, failed: int, loaded: int) -> None:
        """Says that nothing runs now, and how many tasks this worker ran, saw fail, and found finished."""

    def taken(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Like `claimed`, where it need not be true of what dead workers had."""

    def others_at_work(self) -> bool:
        """Whether another worker seems to hold a claim on any task."""

    def release(self, keys: Sequence[bytes]) -> None:
        """Ends claims, after what was saved is visible to others."""

    def save(self, key: bytes, value: object, facts: RunFacts) -> None:
        """Stores a result."""

    def save_failure(self, key: bytes, report: Mapping[str, Any], name: str) -> None:
        """Stores why a task failed; ``report["kept"]`` says whether it stays failed."""

    def expect(self, scheduler: _native.Scheduler) -> None:
        """Says what will run: results that several tasks need may be kept in memory. Until `close`."""

    def has_inputs(self) -> bool:
        """Whether results are in memory that are decoded for each use."""

    def forget_inputs(self, keys: Sequence[bytes]) -> None:
        """Lets go of such results, as nobody needs them here any more."""

    def damage(self) -> Sequence[str]:
        """What stored bytes turned out to be damaged and no later result has replaced, a line each."""

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        """What dead workers had, until that is settled, if any of these may be among it.

        To be asked between a claim and the refresh after it, which then sees what was recorded in between.
        """

    def settle_crashes(self, crashes: Sequence[Crash]) -> None:
        """Forgets what was found, after what counts was recorded with `save_failure`, and what has a result.

        What does not count is recorded here, for other workers to know.
        """

    def reports(self, keys: Sequence[bytes]) -> Mapping[bytes, Mapping[str, Any]]:
        """Like `failures`, of these keys."""

    def activity(self, keys: Sequence[bytes]) -> Sequence[WorkerActivity] | None:
        """The workers that the store knows, dead ones too, and which of `keys` each of them has claimed.

        None where the store cannot tell. It costs workers nothing.
        """

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Those of `keys`, which have no result, that are being run."""

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        """How long the run took that each result came from, in seconds; None where that is not known."""

    def settle(self) -> None:
        """Makes everything durable; called before the worker sleeps."""

    def wait(self, timeout: float) -> None:
        """Sleeps until something may have changed, `timeout` seconds at most."""

    def close(self) -> None:
        """Ends the use of the workspace; the store stays open."""


def workspace_of(store: Any) -> Workspace:
    """The workspace of any store: ours in batches, a user's backend one task at a time."""
    if isinstance(store, file_store):
        return FileWorkspace(store)
    if isinstance(store, redis_store):
        from .redis_workspace import RedisWorkspace

        return RedisWorkspace(store)
    from .store_workspace import StoreWorkspace

    return StoreWorkspace(store)


def warn_of_damage(work: Workspace) -> None:
    """Tells the user why tasks that were done are not done any more."""
    lines = work.damage()
    if lines:
        for line in lines:
            warn(line)
        warn("tasks whose results are lost will run again")


#: What the engine says of a killed worker's last record. It was never told to be stored: nothing is lost.
_UNFINISHED = "its last record is incomplete"


class FileWorkspace:
    """The workspace of a jugdir on the native engine."""

    max_batch = 1024
    look_around = 0.025
    keeps_apart = False

    def __init__(self, store: file_store) -> None:
        self._store = store
        self._native = store.native
        self._claims = store.claims
        self._changes: list[Change] = []
        self._epoch = self._native.epoch
        self._flushed = 0.0
        self._looked = 0.0
        self.present = self._native.contains_many
        self.claim: Callable[[Sequence[bytes]], Sequence[bool]] = self._claims.claim
        if self._native.claim_mode == "link":
            self.look_around = 1.0
            self.keeps_apart = True
            self.claim = self._claim_unfinished
        self.start = self._claims.start
        self.rest = self._claims.rest
        self.taken = self._claims.are_taken
        self.kept_failures = store.kept_failures
        self.expect = self._native.expect
        self.has_inputs = self._native.has_inputs
        self.forget_inputs = self._native.forget_inputs
        self.settle = self._native.sync
        self._neighbours = Neighbours(os.path.join(self._native.path, "workers"), self._claims.crashed)
        store.listen(self._changes.extend)
        store.check_blobs()

    def refresh(self) -> Sequence[Change]:
        self._looked = time.monotonic()
        # Others ask the store too (a barrier, a task that loads something): what they learned is in the list.
        self._store.refresh()
        self._epoch = self._native.epoch
        if not self._changes:
            return ()
        changes = list(self._changes)
        self._changes.clear()
        if self.keeps_apart and any(state == "absent" for _, state in changes):
            self._claims.expedite_releases()
        return changes

    def _claim_unfinished(self, keys: Sequence[bytes]) -> Sequence[bool]:
        # To claim in vain costs three requests to the server a task, to look as much as a few tasks. What
        # others finished a moment ago is still claimed.
        if len(keys) < _LOOK_BEFORE or time.monotonic() - self._looked < _STILL_CLAIMED:
            return self._claims.claim_run(keys)
        self._store.refresh()
        present = self.present(keys)
        tried = self._claims.claim_run([key for key, found in zip(keys, present, strict=True) if not found])
        won: list[bool] = []
        nr_tried = 0
        for found in present:
            if not found and nr_tried == len(tried):
                break
            won.append(not found and tried[nr_tried])
            nr_tried += not found
        return won

    def failures(self) -> Mapping[bytes, Mapping[str, Any]]:
        return {key: self._native.failure(key) or {} for key in self._native.failed_keys()}

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        if len(keys) < _MANY_CLAIMS:
            return self._claims.is_claimed(keys)
        held = self._claims.holders(keys)
        return [key in held for key in keys]

    def others_at_work(self) -> bool:
        return bool(self._claims.claimed_ids())

    def release(self, keys: Sequence[bytes]) -> None:
        self._native.flush()
        self._claims.release(keys)

    def save(self, key: bytes, value: object, facts: RunFacts) -> None:
        # The epoch is that of the refresh after the claim: what was invalidated since then may be an input of
        # this very result, which then must not count.
        self._native.save(
            key,
            value,
            name=facts.name,
            epoch=self._epoch,
            started=facts.started,
            duration=facts.duration,
            attempt=facts.attempt,
        )
        # The engine writes by itself within 5 ms. A task that took longer than a write deserves better: it is
        # not run again if this process is killed now.
        now = time.monotonic()
        if now - self._flushed > _UNWRITTEN:
            self._native.flush()
            self._flushed = now

    def save_failure(self, key: bytes, report: Mapping[str, Any], name: str) -> None:
        if self._native.failure(key) is not None:
            # Which of two reports of different workers counts is not a matter of time, unless one is cleared.
            self._native.clear_failures([key])
        self._native.save_failure(key, report, name=name)

    def damage(self) -> Sequence[str]:
        found = self._native.damage()
        lines = [
            f"{path} {what}: what is there from byte {offset} on does not count"
            if what.startswith("cannot be read")
            else f"{path} is damaged from byte {offset} on ({what}): what is behind that does not count"
            for path, offset, what in found["files"]
            if what != _UNFINISHED
        ]
        if found["records"]:
            lines.insert(0, f"{found['records']} damaged records in {self._store.jugdir} do not count")
        return lines

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        if self._native.claim_mode == "link":
            return [Crash(worker, key, False) for key, worker in self._claims.suspects()]
        found = self._neighbours.crashes(claimed)
        return [Crash(worker, key, True, name, attempt) for worker, key, name, attempt, _ in found]

    def settle_crashes(self, crashes: Sequence[Crash]) -> None:
        for crash in crashes:
            before = self._native.failure(crash.key)
            if not crash.counts and (before is None or "crashes" not in before):
                report = {**(before or suspicion()), "crashes": 0}
                self.save_failure(crash.key, report, str(report.get("name", "")))
        workers = list({crash.worker for crash in crashes})
        if self._native.claim_mode != "link":
            self._claims.settle_crashes(workers)
        elif workers:
            self._native.sync()
            self._claims.settle_suspects(workers)

    def reports(self, keys: Sequence[bytes]) -> Mapping[bytes, Mapping[str, Any]]:
        return {key: self._native.failure(key) or {} for key in keys}

    def activity(self, keys: Sequence[bytes]) -> Sequence[WorkerActivity] | None:
        return activity_of(self._claims, keys)

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        return running(self.activity(keys) or (), set(keys))

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        known = map(self._native.facts, keys)
        # A result that was stored by hand has no run.
        return [facts["duration"] if facts and facts["started"] else None for facts in known]

    def wait(self, timeout: float) -> None:
        self._native.wait(timeout)

    def close(self) -> None:
        self._neighbours.close()
        self._native.expect(None)
        self._store.unlisten(self._changes.extend)
