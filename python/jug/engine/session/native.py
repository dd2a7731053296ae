"""What the sessions of stores on the native engine have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from ... import _native
from ...backends.native_store import native_store
from ..worker_status import WorkerStatus, running

if TYPE_CHECKING:
    from ...internal.types import Change

__all__ = ["NativeSession"]


_StoreT = TypeVar("_StoreT", bound=native_store)
_NativeT = TypeVar("_NativeT", bound=_native.Store | _native.Redis)


class NativeSession(ABC, Generic[_StoreT, _NativeT]):
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

    def __init__(self, store: _StoreT, native: _NativeT) -> None:
        self._store = store
        self._native = native
        self._changes: list[Change] = []
        self.present = native.contains_many
        self.failure = native.failure
        self.failures = native.failures
        self.reports = native.reports
        self.durations = native.durations
        self.kept_failures = native.kept_failures
        self.clear_failures = native.clear_failures
        self.expect = native.expect
        self.has_inputs = native.has_inputs
        self.forget_inputs = native.forget_inputs
        self.flush = native.flush
        self.wait = native.wait
        store.listen(self._changes.extend)

    @abstractmethod
    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus]:
        """The workers of the store, and which of `keys` each of them has claimed."""

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        return running(self.workers(keys), set(keys))

    def close(self) -> None:
        self._native.expect(None)
        self._store.unlisten(self._changes.extend)

    def _take_changes(self) -> Sequence[Change]:
        # Others ask the store too (a barrier, a task that loads something): what they learned is in the list.
        if not self._changes:
            return ()
        changes = list(self._changes)
        self._changes.clear()
        return changes
