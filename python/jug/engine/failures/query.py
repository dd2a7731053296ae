"""Which failures a store keeps, and how they are cleared."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol

from ...backends.capabilities import is_keyed
from .report import is_suspicion

if TYPE_CHECKING:
    from ...backends.base import base_lock, base_store
    from ...internal.types import FailureReport

__all__ = ["clear_crashes", "clear_failures", "count_failures", "failure_reports"]


class _KeepsReports(Protocol):
    """A session, as far as it matters here."""

    def failures(self) -> Mapping[bytes, FailureReport]: ...


def failure_reports(session: _KeepsReports) -> dict[bytes, FailureReport]:
    """The report of each task without a result whose last run failed, by key.

    Tasks that a dead worker had claimed, and perhaps not begun, are not among them.
    """
    return {key: report for key, report in session.failures().items() if not is_suspicion(report)}


def count_failures(store: base_store) -> int:
    """How many tasks are marked as failed, or ended their process and have no result since."""
    return len(_failure_marks(store)) + (len(store.died()) if is_keyed(store) else 0)


def clear_failures(store: base_store) -> None:
    """Lets all those tasks run again; the locks of tasks that run stay."""
    for lock in _failure_marks(store):
        lock.release()
    if is_keyed(store):
        store.forget_deaths()


def clear_crashes(store: object, keys: Collection[bytes]) -> None:
    """Forgets that these tasks ended processes, where the store counts that."""
    if is_keyed(store):
        store.forget_deaths(keys)


def _failure_marks(store: base_store) -> list[base_lock]:
    return [lock for lock in map(store.getlock, list(store.listlocks())) if lock.is_failed()]
