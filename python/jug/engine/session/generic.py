"""The session of a user's backend: one task at a time."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any

from ... import _native
from ...backends.base import base_lock, missing_methods, optional_method
from ...errors import UserError
from ...executors.base import Outcome
from ...internal.console import warn
from ..worker_status import WorkerStatus
from .base import Crash
from .codeless import CodelessSession

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...internal.types import Change, FailureReport, ResultFacts

__all__ = ["GenericSession"]

_IS_A_KEY = re.compile(rb"[0-9a-f]{64}").fullmatch


#: How often the lock of a task may raise something before that ends the run.
_LOCK_TRIES = 3


class GenericSession(CodelessSession):
    """The session of any object with the interface of ``jug.backends.base``."""

    max_batch = 1  # Without a way to give claims back, claiming ahead would starve other workers.
    poll_interval = 0.025
    avoids_contention = False
    reports_changes = False
    claims: _native.Claims | None = None

    def __init__(self, store: base_store) -> None:
        self._store = store
        self._locks: dict[bytes, base_lock] = {}
        self._scripts_names: dict[bytes, bytes] = {}
        self._lock_errors: Counter[bytes] = Counter()
        self._pause = 0.02
        self._lock_is_checked = False
        self._results = _ReadBack(store)

    def refresh(self) -> Sequence[Change]:
        return ()  # Such a store tells nothing by itself; `present` asks it each time.

    def present(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return [bool(self._store.can_load(_name(key))) for key in keys]

    def _key(self, name: bytes) -> bytes:
        """The key of a lock's name. Scripts may take locks under names of their own, which are no task's."""
        if _IS_A_KEY(name):
            return bytes.fromhex(name.decode())
        key = _native.key(("jug.name", name))
        self._scripts_names[key] = name
        return key

    def _lock(self, key: bytes) -> base_lock:
        lock = self._store.getlock(self._scripts_names.get(key) or _name(key))
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
        return [key for key in map(self._key, names) if self._lock(key).is_failed()]

    def failure(self, key: bytes) -> FailureReport | None:
        return None  # Such a store keeps marks only.

    def failures(self) -> Mapping[bytes, FailureReport]:
        return {}

    def clear_failures(self, keys: Sequence[bytes]) -> int:
        failed = [lock for lock in map(self._lock, keys) if lock.is_failed()]
        for lock in failed:
            lock.release()
        return len(failed)

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return [bool(self._lock(key).is_locked()) for key in keys]

    claimed_hint = claimed

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        won = []
        for key in keys:
            lock = self._lock(key)
            won.append(self._attempt(key, lock.get))
            if won[-1]:
                self._locks[key] = lock
        self._pause = 0.02
        return won

    def claim_failed(self, key: bytes) -> bool:
        # A lock that is marked cannot be got, by anybody: nobody else will run the task.
        return self._lock(key).is_failed() or self.claim([key])[0]

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

    def set_idle(self, done: int, failed: int, loaded: int) -> None:
        """Nobody can ask such a store what runs."""

    def has_other_workers(self) -> bool:
        return any(True for _ in self._store.listlocks())

    def release(self, keys: Sequence[bytes]) -> None:
        for key in keys:
            lock = self._locks.pop(key, None)
            # A lock that is not released would keep its task from everybody, should the result go.
            while lock is not None and not self._attempt(key, partial(self._released, lock)):
                pass

    @staticmethod
    def _released(lock: base_lock) -> bool:
        # Releasing a lock that is marked as failed would clear the mark.
        if not lock.is_failed():
            lock.release()
        return True

    def save(
        self,
        key: bytes,
        outcome: Outcome,
        name: str,
        attempt: int,
        function: Any = None,
        epoch: int | None = None,
    ) -> None:
        self._results.save(_name(key), outcome, name)

    def save_failure(self, key: bytes, report: FailureReport, name: str) -> None:
        if report["kept"]:
            self._locks[key].fail()

    def expect(self, scheduler: _native.Scheduler) -> None:
        """Nothing is kept in memory."""

    def has_inputs(self) -> bool:
        return False  # Such a store is asked each time.

    def forget_inputs(self, keys: Sequence[bytes]) -> None:
        """Nothing is in memory."""

    def damage(self) -> Sequence[str]:
        return ()

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        return ()  # Locks say nothing of who has them.

    def acknowledge_crashes(self, crashes: Sequence[Crash]) -> None:
        """There are none."""

    def reports(self, keys: Sequence[bytes]) -> Mapping[bytes, FailureReport]:
        return {}

    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus] | None:
        return None

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        # Nothing is claimed ahead here.
        return list(compress(keys, self.claimed(keys)))

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        return [None] * len(keys)

    def described(self) -> Sequence[bytes]:
        return ()

    def facts(self, key: bytes) -> ResultFacts | None:
        return None

    def libraries(self, key: bytes) -> Mapping[str, str]:
        return {}

    def damaged(self) -> Sequence[bytes]:
        return ()

    def flush(self) -> None:
        """Nothing to do: `dump` keeps its promise by itself."""

    def sync(self) -> None:
        """Nothing to do: `dump` keeps its promise by itself."""

    def wait(self, timeout: float) -> None:
        time.sleep(min(timeout, self._pause))
        self._pause = min(2 * self._pause, 1.0)

    def late_workers(self) -> Sequence[tuple[str, float, float]]:
        return ()

    def has_claims(self, worker: str) -> bool:
        return False

    def nr_workers(self) -> int:
        return 1

    def wait_for_news(self, timeout: float) -> None:
        self.wait(timeout)

    def glance(self) -> object:
        return None

    def finished_elsewhere(self) -> tuple[Sequence[int], Sequence[int]]:
        return (), ()

    def is_quiet(self) -> bool:
        return False

    def close(self) -> None:
        """Nothing is held."""


#: Values of these types come back from any store.
_SCALARS = frozenset((type(None), bool, int, float, str, bytes))

#: What part of the time of its task the look at a result may take.
_SHARE = 0.02

#: Up to how many seconds the first result of a task name and a type may take to store and to be looked at.
_BRIEF = 0.05

#: How many task names and types are remembered.
_REMEMBERED = 10_000


class _ReadBack:
    """Stores results, and reads them again where that costs little: a store may not give back what it took.

    What only the store knows how to write, only the store can read; so nothing is pickled here.
    """

    def __init__(self, store: base_store) -> None:
        self._store = store
        self._load = optional_method(store, "load_input")
        #: The task names and types of which a result was read again.
        self._checked: set[tuple[str, type]] = set()

    def save(self, name: bytes, outcome: Outcome, task: str) -> None:
        """Stores a result. ValueError if it comes back as nothing or as another type; it is removed again."""
        began = time.perf_counter()
        self._store.dump(outcome.value, name)
        kind = type(outcome.value)
        if kind in _SCALARS:
            return
        # To load takes about as long as to store.
        duration = time.perf_counter() - began
        is_first = (task, kind) not in self._checked
        if duration < outcome.duration * _SHARE or (is_first and duration < _BRIEF):
            self._check(name, kind)
            if is_first and len(self._checked) < _REMEMBERED:
                self._checked.add((task, kind))

    def _check(self, name: bytes, kind: type) -> None:
        try:
            found = type(self._load(name))
        except Exception as error:
            self._store.remove(name)
            raise ValueError(f"the store cannot load it again: {type(error).__name__}: {error}") from error
        if found is not kind:
            self._store.remove(name)
            raise ValueError(f"the store returns a {found.__module__}.{found.__qualname__} instead")


def _name(key: bytes) -> bytes:
    return key.hex().encode()
