"""Which failures are shown as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from .report import closing_line, summary_line

if TYPE_CHECKING:
    from ...internal.types import FailureReport

__all__ = ["grouped"]

_Failure = TypeVar("_Failure")


def grouped(
    failures: Iterable[_Failure], name_and_report: Callable[[_Failure], tuple[str, FailureReport]]
) -> list[list[_Failure]]:
    """Failures in groups: of tasks of one name, with one type of error whose messages begin and end alike.

    What is between the first and the last line of a message may differ: tools write times and paths there.

    Parameters
    ----------
    failures : iterable
    name_and_report : callable
        Gives the name of a failure's task, and what is kept of the failure.

    Returns
    -------
    list of list
        In the order in which the first of each group came.
    """
    groups: dict[tuple[str, str, str], list[_Failure]] = {}
    for failure in failures:
        name, report = name_and_report(failure)
        groups.setdefault((name, summary_line(report), closing_line(report)), []).append(failure)
    return list(groups.values())
