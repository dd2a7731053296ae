"""What became of the tasks that a script or a notebook had run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..engine.failures.listing import TaskFailure
from ..errors import TasksFailed
from ..internal import html

if TYPE_CHECKING:
    from ..internal.types import RunResult

__all__ = ["ExecutionSummary"]

#: How many failures a notebook shows.
_MOST_SHOWN = 10


class ExecutionSummary:
    """What became of the tasks that ``jug.execute`` ran; a notebook shows it as a table.

    Parameters
    ----------
    result : dict
        As the engine returns it.

    Attributes
    ----------
    executed, loaded : Counter of str
        By task name: how many tasks were run, and how many had a result already or got one from others.
    failed : Counter of str
        How many failed, in this run.
    unfinished : Counter of str
        How many have neither a result nor failed: they need one that failed, or the run ended before.
    failures : list of TaskFailure
        Those that failed in this run, each with its report; of more than 1000, the first.
    """

    def __init__(self, result: RunResult) -> None:
        self.executed = Counter(result["executed"])
        self.loaded = Counter(result["loaded"])
        self.failed = Counter(result["failed"])
        self.unfinished = Counter(result["unfinished"])
        self.failures = [
            TaskFailure(key, report.get("name", ""), report) for key, report in result["reports"].items()
        ]
        self._blocked = result["blocked"]

    @property
    def is_complete(self) -> bool:
        """Whether every task has a result."""
        return not (self.failed.total() or self.unfinished.total())

    def raise_for_failures(self) -> None:
        """Does nothing if no task failed.

        Raises
        ------
        TasksFailed
            If one failed, or is marked as failed since an earlier run. Its message names the first of them.
        """
        _, marked, waiting = self._blocked
        failed = self.failed.total()
        if not (failed or marked or waiting):
            return
        parts = [f"{_tasks(failed)} failed"] if failed else []
        if marked:
            parts.append(f"{_tasks(marked)} marked as failed before (see `jug retry`)")
        if waiting:
            parts.append(f"{_tasks(waiting)} cannot run without one of those")
        first = [f"\n{failure}\n{failure.report.get('traceback', '')}" for failure in self.failures[:1]]
        raise TasksFailed("".join([", ".join(parts), *first]).rstrip(), self.failures)

    def __repr__(self) -> str:
        counts = (f"{title}={counts.total()}" for title, counts in self._columns())
        return f"ExecutionSummary({', '.join(counts)})"

    def _repr_html_(self) -> str:
        names = sorted({name for _, counts in self._columns() for name in counts})
        titles = [title.capitalize() for title, _ in self._columns()]
        rows = {name: [counts[name] for _, counts in self._columns()] for name in names}
        totals = [counts.total() for _, counts in self._columns()]
        failures = (
            html.details(str(it), it.report.get("traceback", "")) for it in self.failures[:_MOST_SHOWN]
        )
        more = len(self.failures) - _MOST_SHOWN
        last = html.details(f"and {more} more", "") if more > 0 else ""
        return "".join([html.table(titles, rows, totals), *failures, last])

    def _columns(self) -> Sequence[tuple[str, Counter[str]]]:
        columns = [("executed", self.executed), ("loaded", self.loaded), ("failed", self.failed)]
        return [*columns, ("unfinished", self.unfinished)] if self.unfinished.total() else columns


def _tasks(number: int) -> str:
    return f"{number} task{'' if number == 1 else 's'}"
