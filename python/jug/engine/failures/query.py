"""Which failures a store has, and which of them keep a task from running as if for the first time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from ...internal.failure_reports import holds_back
from .report import is_suspicion

if TYPE_CHECKING:
    from ...internal.types import FailureReport

__all__ = ["Stored", "failure_reports", "held_back", "is_kept", "stored_failures"]

#: The report of each task that failed; None of a task of which there is a mark only.
Stored = dict[bytes, "FailureReport | None"]


class _KeepsFailures(Protocol):
    """A session, as far as it matters here."""

    def failures(self) -> Mapping[bytes, FailureReport]: ...

    def kept_failures(self) -> Sequence[bytes]: ...


def stored_failures(session: _KeepsFailures) -> Stored:
    """Each task without a result whose last run failed, or that is marked as failed; read once."""
    # A store that keeps reports has one of each mark.
    return {**session.failures()} or dict.fromkeys(session.kept_failures())


def failure_reports(stored: Stored) -> dict[bytes, FailureReport]:
    """The reports among them.

    Tasks that a dead worker had claimed, and perhaps not begun, are not among them.
    """
    return {key: report for key, report in stored.items() if report is not None and not is_suspicion(report)}


def is_kept(report: FailureReport | None) -> bool:
    """Whether the task stays failed until somebody clears the mark."""
    return report is None or bool(report.get("kept"))


def held_back(session: _KeepsFailures) -> list[bytes]:
    """The tasks without a result that are marked as failed, or of which runs are counted."""
    return [key for key, report in stored_failures(session).items() if report is None or holds_back(report)]
