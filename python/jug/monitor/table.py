"""``jug.status``: where the tasks of a script or a notebook stand, as a table."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .. import task
from ..configuration import Options
from ..engine.failures.groups import grouped
from ..engine.failures.listing import TaskFailure
from ..engine.task_graph import tasks_by_store
from ..engine.task_state import TaskState
from ..internal import html
from ..internal.dependencies import tasks_in
from ..io import print_task_summary_table
from .status import StatusCollector

__all__ = ["StatusTable", "status"]

#: How many groups of failures are shown.
_MOST_SHOWN = 10


class StatusTable:
    """Where tasks stand, as ``jug.status`` has found it; a notebook shows it as a table.

    Parameters
    ----------
    counts : dict
        How many tasks of each name are in each state.
    failures : list of TaskFailure
        What is known of those that failed.

    Attributes
    ----------
    failed, waiting, ready, complete, active : Counter of str
        By task name: how many tasks are marked as failed, wait for others, can run, have a result, and run
        now.
    failures : list of TaskFailure
        The tasks without a result whose last run failed, each with its report. Those that are not marked are
        tried again by the next run, and are ready or waiting until then.
    """

    def __init__(self, counts: dict[str, Counter[TaskState]], failures: list[TaskFailure]) -> None:
        self.failed, self.waiting, self.ready, self.complete, self.active = (
            Counter({name: states[state] for name, states in counts.items()}) for state in TaskState
        )
        self.failures = failures

    @property
    def is_complete(self) -> bool:
        """Whether every task has a result."""
        return not any(counts.total() for state, counts in self._columns() if state != TaskState.COMPLETE)

    def __repr__(self) -> str:
        lines: list[str] = []
        options = Options(None)
        options.update({"print_out": lines.append, "short": False})
        print_task_summary_table(options, [(state.heading, counts) for state, counts in self._columns()])
        return "\n".join(line.rstrip() for line in lines).rstrip()

    def _repr_html_(self) -> str:
        columns = self._columns()
        rows = {name: [counts[name] for _, counts in columns] for name in self.failed}
        totals = [counts.total() for _, counts in columns]
        groups = grouped(self.failures, lambda it: (it.name, it.report))
        shown = []
        for first, *others in groups[:_MOST_SHOWN]:
            alike = f" (and {len(others)} more like that)" if others else ""
            shown.append(html.details(f"{first}{alike}", first.report.get("traceback", "")))
        if len(groups) > _MOST_SHOWN:
            shown.append(html.details(f"and {len(groups) - _MOST_SHOWN} others", ""))
        return html.table([state.heading for state, _ in columns], rows, totals) + "".join(shown)

    def _columns(self) -> list[tuple[TaskState, Counter[str]]]:
        counts = (self.failed, self.waiting, self.ready, self.complete, self.active)
        return list(zip(TaskState, counts, strict=True))


def status(tasks: Any = None) -> StatusTable:
    """Where tasks stand now, with all that they need; nothing is run.

    Parameters
    ----------
    tasks : task or any that holds tasks, optional
        The tasks, as ``jug.value`` takes them. Default: all that this process has made.

    Returns
    -------
    StatusTable
        How many tasks failed, wait, are ready, complete, and active, by name, as ``jug status`` prints them;
        a notebook shows it as a table.

    Raises
    ------
    RuntimeError
        If no store is open.
    """
    counts: dict[str, Counter[TaskState]] = {}
    failures: list[TaskFailure] = []
    for store, its_tasks in tasks_by_store(task.alltasks if tasks is None else tasks_in(tasks)):
        collector = StatusCollector(its_tasks, store)
        try:
            copies = Counter(collector.graph.node_ids())
            states = collector.node_states().decode()
            for node, (name, state) in enumerate(zip(collector.names, states, strict=True)):
                counts.setdefault(name, Counter())[TaskState(state)] += copies.get(node, 1)
            failures += [TaskFailure(t.key(), t.name, report) for t, report in collector.failures()]
        finally:
            collector.close()
    return StatusTable(counts, failures)
