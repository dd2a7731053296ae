"""What the worker needs of a store: results and claims of many tasks at a time."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import Any, NamedTuple, Protocol

from ..backends.base import base_lock, missing_methods
from ..backends.file_store import file_store
from ..backends.redis_store import redis_store
from ..errors import UserError
from ..internal.console import warn
from .activity import WorkerActivity, activity_of, running

__all__ = ["FileWorkspace", "RunFacts", "StoreWorkspace", "Workspace", "warn_of_damage", "workspace_of"]

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

    def damage(self) -> Sequence[str]:
        """What stored bytes turned out to be damaged and no later result has replaced, a line each."""

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
        self.settle = self._native.sync
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
            self._claims.hurry()
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
        self._store.unlisten(self._changes.extend)


_IS_A_KEY = re.compile(rb"[0-9a-f]{64}").fullmatch


#: How often the lock of a task may raise something before that ends the run.
_LOCK_TRIES = 3


class StoreWorkspace:
    """The workspace of any object with the interface of ``jug.backends.base``."""

    max_batch = 1  # Without a way to give claims back, claiming ahead would starve other workers.
    look_around = 0.025
    keeps_apart = False

    def __init__(self, store: Any) -> None:
        self._store = store
        self._locks: dict[bytes, Any] = {}
        self._lock_errors: Counter[bytes] = Counter()
        self._pause = 0.02
        self._lock_is_checked = False

    def refresh(self) -> Sequence[Change]:
        return ()  # Such a store tells nothing by itself; `present` asks it each time.

    def present(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return [bool(self._store.can_load(_name(key))) for key in keys]

    def _lock(self, key: bytes) -> Any:
        lock = self._store.getlock(_name(key))
        if not self._lock_is_checked:
            missing = missing_methods(lock, base_lock)
            if missing:
                raise UserError(
                    f"getlock() of the store {type(self._store).__name__} returned an object of the class "
                    f"{type(lock).__name__}, which has no method {missing} (see jug.backends.base.base_lock)"
                )
            self._lock_is_checked = True
        return lock

    def kept_failures(self) -> Sequence[bytes]:
        names = [name.encode() if isinstance(name, str) else bytes(name) for name in self._store.listlocks()]
        # Scripts may take locks under names of their own, which are no task's.
        keys = [bytes.fromhex(name.decode()) for name in names if _IS_A_KEY(name)]
        return [key for key in keys if self._lock(key).is_failed()]

    def failures(self) -> Mapping[bytes, Mapping[str, Any]]:
        return {}

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return [bool(self._lock(key).is_locked()) for key in keys]

    taken = claimed

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        won = []
        for key in keys:
            lock = self._lock(key)
            won.append(self._attempt(key, lock.get))
            if won[-1]:
                self._locks[key] = lock
        self._pause = 0.02
        return won

    def _attempt(self, key: bytes, act: Callable[[], object]) -> bool:
        """Whether a lock does what it is asked; not where it raises something, until it did so too often."""
        try:
            return bool(act())
        except Exception as error:
            self._lock_errors[key] += 1
            if self._lock_errors[key] == _LOCK_TRIES:
                raise
            warn(
                f"the lock of a task ({key.hex()[:16]}) raised {type(error).__name__}: "
                f"{' '.join(str(error).split())[:300]}; it is tried again"
            )
            return False

    def start(self, key: bytes, ended: bytes | None, name: str, attempt: int) -> bool:
        return True

    def rest(self, done: int, failed: int, loaded: int) -> None:
        """Nobody can ask such a store what runs."""

    def others_at_work(self) -> bool:
        return any(True for _ in self._store.listlocks())

    def release(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            lock = self._locks.pop(key, None)
            # A lock that is not released would keep its task from everybody, should the result go.
            while lock is not None and not self._attempt(key, partial(self._released, lock)):
                pass

    @staticmethod
    def _released(lock: Any) -> bool:
        # Releasing a lock that is marked as failed would clear the mark.
        if not lock.is_failed():
            lock.release()
        return True

    def save(self, key: bytes, value: object, facts: RunFacts) -> None:
        self._store.dump(value, _name(key))

    def save_failure(self, key: bytes, report: Mapping[str, Any], name: str) -> None:
        if report["kept"]:
            self._locks[key].fail()

    def damage(self) -> Sequence[str]:
        return ()

    def activity(self, keys: Sequence[bytes]) -> Sequence[WorkerActivity] | None:
        return None

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        # Nothing is claimed ahead here.
        return list(compress(keys, self.claimed(keys)))

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        return [None] * len(keys)

    def settle(self) -> None:
        """Nothing to do: `dump` keeps its promise by itself."""

    def wait(self, timeout: float) -> None:
        time.sleep(min(timeout, self._pause))
        self._pause = min(2 * self._pause, 1.0)

    def close(self) -> None:
        """Nothing is held."""


def _name(key: bytes) -> bytes:
    return key.hex().encode()
