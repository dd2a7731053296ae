"""What the sessions of stores on the native engine have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from ... import _native
from ...backends.native_store import native_store
from ..worker_status import WorkerStatus, running
from .codeless import CodelessSession

if TYPE_CHECKING:
    from ...internal.types import Change

__all__ = ["NativeSession"]


_StoreT = TypeVar("_StoreT", bound=native_store)
_NativeT = TypeVar("_NativeT", bound=_native.Store | _native.Redis)


class NativeSession(CodelessSession, ABC, Generic[_StoreT, _NativeT]):
    """A session that follows what any user of its store learns of changes by others.

    Parameters
    ----------
    store : native_store
    native : jug._native.Store or jug._native.Redis
        Its results and failures.
    """

    max_batch = 1024
    reports_changes = True
    avoids_contention = False
    claims: _native.Claims | None = None

    def __init__(self, store: _StoreT, native: _NativeT) -> None:
        self._store = store
        self._native = native
        self._changes: list[Sequence[Change]] = []
        #: Whether it said what will run: another session of the store may have done so, too.
        self._expects = False
        self.present = native.contains_many
        self.failure = native.failure
        self.failures = native.failures
        self.reports = native.reports
        self.durations = native.durations
        self.described = native.keys
        self.facts = native.facts
        self.libraries = native.libraries
        self.kept_failures = native.kept_failures
        self.clear_failures = native.clear_failures
        self.has_inputs = native.has_inputs
        self.forget_inputs = native.forget_inputs
        self.flush = native.flush
        self.wait = native.wait
        store.listen(self._changes.append)

    @abstractmethod
    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus]:
        """The workers of the store, and which of `keys` each of them has claimed."""

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        return running(self.workers(keys), set(keys))

    def expect(self, scheduler: _native.Scheduler) -> None:
        self._expects = True
        self._native.expect(scheduler)

    def late_workers(self) -> Sequence[tuple[str, float, float]]:
        return ()

    def has_claims(self, worker: str) -> bool:
        return False

    def nr_workers(self) -> int:
        return 1

    def wait_for_news(self, timeout: float) -> object:
        return self.wait(timeout)

    def glance(self) -> object:
        return None

    def finished_elsewhere(self) -> tuple[Sequence[int], Sequence[int]]:
        return (), ()

    def is_quiet(self) -> bool:
        return False

    def close(self) -> None:
        if self._expects:
            self._native.expect(None)
        self._store.unlisten(self._changes.append)

    def _take_changes(self) -> Sequence[Change]:
        # Others ask the store too (a barrier, a task that loads something): what they learned is in the list.
        if not self._changes:
            return ()
        changes, *more = self._changes
        self._changes.clear()
        return [*changes, *chain.from_iterable(more)] if more else changes
