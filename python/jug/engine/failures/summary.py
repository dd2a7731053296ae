"""What is said of failures while tasks run: the first few in full, the same again by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...internal.console import say, show
from .report import summary_line

if TYPE_CHECKING:
    from ...internal.types import FailureReport

__all__ = ["FailureSummary"]

#: How many failures get a line of their own, of whatever kind, and how many kinds get one in any case.
_FIRST = 5
_MOST_KINDS = 10

#: How many characters of a message stand in the line about it.
_LINE = 600

#: A kind of failure: the task's name, the error's type, the line of code that raised it.
_Kind = tuple[str, str, str]


class FailureSummary:
    """Says which tasks failed, and why.

    Failures are alike if one line of one function raised one type of error.
    """

    def __init__(self) -> None:
        #: How many of each kind nothing was said of.
        self._unsaid: dict[_Kind, int] = {}
        self._number = 0

    def add(
        self,
        name: str,
        report: FailureReport,
        nr_blocked: Callable[[], int],
        *,
        with_traceback: bool,
    ) -> None:
        """A task failed; `nr_blocked` counts those that cannot run without it, which may take long."""
        kind = (name, str(report.get("type", "")), _line_of(report))
        is_new = kind not in self._unsaid
        unsaid = self._unsaid.setdefault(kind, 0)
        self._number += 1
        if self._number > (_FIRST if not is_new or len(self._unsaid) > _MOST_KINDS else self._number):
            self._unsaid[kind] = unsaid + 1
            return
        blocked = nr_blocked()
        without = f"; {blocked} task{'' if blocked == 1 else 's'} cannot run without it" if blocked else ""
        say(f"{described(name, report)}{without}")
        if with_traceback and is_new:
            show(details(report))

    def end(self) -> None:
        """Says how many there were of which nothing was said."""
        unsaid = [(kind, number) for kind, number in self._unsaid.items() if number]
        for (name, error, _), number in unsaid[:_MOST_KINDS]:
            say(f"{number} more of {name} failed like that: {error.removeprefix('builtins.')}")
        rest = sum(number for _, number in unsaid[_MOST_KINDS:])
        if rest:
            say(f"{rest} more failed in other ways")


def described(name: str, report: FailureReport) -> str:
    """Which task failed, with its arguments in short, and why: one line."""
    call = f"task {name}({report.get('arguments', '')})"
    why = summary_line(report, _LINE)
    if report.get("again"):
        return f"{call}: {why}"
    # What this package says of a task is a sentence about it.
    sentence = why.removeprefix(f"task {name} ")
    return f"{call} {sentence}" if sentence != why else f"{call} failed: {why}"


def details(report: FailureReport) -> str:
    """The traceback of a failure; empty where it says no more than the line before it."""
    text = str(report.get("traceback", ""))
    return text if "\n" in text.strip() or len(text) > _LINE else ""


def _line_of(report: FailureReport) -> str:
    lines = str(report.get("traceback", "")).splitlines()
    return next((line for line in reversed(lines) if line.startswith("  File ")), "")
