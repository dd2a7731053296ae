"""What is said of failures while tasks run: the first few in full, the same again by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...internal.console import say, shortened, show
from .report import summary_line

if TYPE_CHECKING:
    from ...internal.types import FailureReport

__all__ = ["FailureSummary"]

#: How many failures get a line of their own, of whatever kind, and how many kinds get one in any case.
_FIRST = 5
_MOST_KINDS = 10

#: How many characters of a message stand in the line about it.
_LINE = 600

#: How many characters of what a task printed are shown.
_MOST_PRINTED = 10_000

#: A kind of failure: the task's name, the error's type if it has one, the line of code that raised it, and
#: whether it is tried again.
_Kind = tuple[str, str, str, bool]


class FailureSummary:
    """Says which tasks failed, and why.

    Failures are alike if one line of one function raised one type of error.
    """

    def __init__(self) -> None:
        #: How many of each kind nothing was said of, and what the first of that kind said.
        self._unsaid: dict[_Kind, int] = {}
        self._words: dict[_Kind, str] = {}
        #: How many failed for good, and how many failures were tried again.
        self._number = {False: 0, True: 0}

    def __bool__(self) -> bool:
        """Whether any task failed for good."""
        return self._number[False] > 0

    def add(
        self,
        name: str,
        report: FailureReport,
        nr_blocked: Callable[[], int],
        *,
        with_traceback: bool,
    ) -> bool:
        """A task failed; `nr_blocked` counts those that cannot run without it, which may take long.

        Whether anything was said now.
        """
        is_new = self._is_new(name, report)
        if is_new is None:
            return False
        blocked = nr_blocked()
        without = f"; {blocked} task{'' if blocked == 1 else 's'} cannot run without it" if blocked else ""
        say(f"{described(name, report)}{without}")
        if with_traceback and is_new:
            show(details(report))
        return True

    def add_again(self, name: str, report: FailureReport, when: str) -> bool:
        """A task failed that is tried again; `when` ends the line that says so. Whether that was said now."""
        if self._is_new(name, report) is None:
            return False
        say(f"{described(name, report)} {when}")
        return True

    def _is_new(self, name: str, report: FailureReport) -> bool | None:
        """Whether this is the first failure of its kind; None if it is only counted."""
        again = bool(report.get("again"))
        kind = (name, str(report.get("type", "")), _line_of(report), again)
        is_new = kind not in self._unsaid
        unsaid = self._unsaid.setdefault(kind, 0)
        # What has no type is said by this package, in a sentence about the task.
        self._words.setdefault(kind, kind[1] or summary_line(report).removeprefix(f"task {name} "))
        self._number[again] += 1
        if self._number[again] > _FIRST and not (is_new and len(self._unsaid) <= _MOST_KINDS):
            self._unsaid[kind] = unsaid + 1
            return None
        return is_new

    def end(self) -> None:
        """Says how many there were of which nothing was said."""
        unsaid = [(kind, number) for kind, number in self._unsaid.items() if number]
        for kind, number in unsaid[:_MOST_KINDS]:
            name, *_, again = kind
            what = "failed like that" + " and were tried again" * again
            say(f"{number} more of {name} {what}: {self._words[kind].removeprefix('builtins.')}")
        rest = sum(number for _, number in unsaid[_MOST_KINDS:])
        if rest:
            say(f"{rest} more failed in other ways")


def described(name: str, report: FailureReport) -> str:
    """Which task failed, with its arguments in short, and why: one line."""
    call = f"task {name}({report.get('arguments', '')})"
    why = summary_line(report, _LINE)
    if report.get("again") and report.get("kind") == "lost":
        return f"{call}: {why}"
    # What this package says of a task is a sentence about it.
    sentence = why.removeprefix(f"task {name} ")
    return f"{call} {sentence}" if sentence != why else f"{call} failed: {why}"


def details(report: FailureReport) -> str:
    """The traceback of a failure, if it says more than the line before it, and what the task printed."""
    text = str(report.get("traceback", ""))
    shown = text if "\n" in text.strip() or len(text) > _LINE else ""
    output = str(report.get("output", ""))
    if output:
        shown = f"{_whole(shown)}{shown_output(output)}"
    return shown


def shown_output(output: str) -> str:
    """What a task that failed has printed, as it is shown: lines below a heading."""
    return f"Output:\n{shortened(output, _MOST_PRINTED)}"


def _whole(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _line_of(report: FailureReport) -> str:
    lines = str(report.get("traceback", "")).splitlines()
    return next((line for line in reversed(lines) if line.startswith("  File ")), "")
