"""What the report of a failure means for its task, to stores and to all that is above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .types import FailureReport

__all__ = ["holds_back"]


def holds_back(report: FailureReport) -> bool:
    """Whether a failure keeps its task from running as if for the first time.

    Parameters
    ----------
    report : dict
        What is stored of the failure.

    Returns
    -------
    bool
        True if the task is marked as failed, ended the process that ran it, or is tried again so many times.
    """
    return bool(report.get("kept") or report.get("crashes") or "again" in report)
