"""What a worker says to the supervisor that started it, and learns from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from ...errors import Leave
from ...internal import supervision
from ...internal.limits import limits_of
from ...internal.printing import flush_output
from ..failures.report import is_suspicion
from .nesting import running_here
from .run_limits import RunLimits

if TYPE_CHECKING:
    from ... import _native
    from ...internal.types import FailureReport, TaskDeath
    from ...task import Task

__all__ = ["SupervisedWork", "supervised_work"]


class SupervisedWork:
    """The work of a supervised process on the tasks of a graph.

    Parameters
    ----------
    mine : Supervision
    graph : _native.Graph
    selected : collection of int, optional
        The nodes that are counted. Default: all.
    limits : RunLimits
        Those of the tasks.

    Attributes
    ----------
    slot : _native.WorkerSlot
        Where it says what runs.
    capture : _native.Capture or None
        Where what tasks print is kept, if it is.
    note : callable
        See :meth:`Supervision.note`.
    run : str
        The name of the supervisor's run, which its reports of failures have.
    deaths : dict
        What is still to be recorded of tasks of which earlier workers died, by key.
    """

    def __init__(
        self,
        mine: supervision.Supervision,
        graph: _native.Graph,
        selected: Collection[int] | None,
        limits: RunLimits,
    ) -> None:
        self._mine = mine
        self.slot = mine.slot
        self.capture = mine.capture
        self.note = mine.note
        self.run = mine.mail["run"]
        self.deaths: dict[bytes, TaskDeath] = {death["key"]: death for death in mine.mail["deaths"]}
        self._names = graph.names()
        self._keys = graph.keys()
        tasks: list[int] | None = None
        nodes = graph.node_ids()
        if selected is not None or len(nodes) > len(graph):
            counts = Counter(nodes)
            tasks = [
                # What is only needed by others was given no number of times.
                counts.get(node, 1) if selected is None or node in selected else 0
                for node in range(len(graph))
            ]
        self._limits_memory = limits.has_memory()
        self.slot.set_limits_memory(self._limits_memory)
        self.slot.limit_memory(None)
        flush_output()
        self.slot.load(self._names, tasks, limits.shortest())
        mine.ring()

    def is_plain(self) -> bool:
        """Whether there is no more to do around each task than to say that it starts and was executed."""
        return self.capture is None and self._mine.tasks_left is None and not self._limits_memory

    def check(self) -> None:
        """Leave where no other task is to start here."""
        if self.slot.is_to_stop():
            raise Leave(0)
        if self._mine.tasks_left == 0:
            self._mine.is_retired = True
            raise Leave(0)

    def starts(self, node: int, t: Task, attempt: int, limit: float | None) -> None:
        """A task starts; with a `limit` the supervisor ends this process after so many seconds of it."""
        if self._limits_memory:
            self.slot.limit_memory(limits_of(t.f).memory)
        if self.slot.starts(node, self._keys[node], self._names[node], attempt, limit):
            # What Python keeps back is still of the task before.
            flush_output()
            self.slot.goes_on()
        if self._mine.tasks_left is not None:
            self._mine.tasks_left -= 1

    def rests(self) -> None:
        """Nothing runs."""
        if self._mine.marks_tasks:
            flush_output()
        self.slot.rests()

    def pauses(self) -> None:
        """What is printed from now on is of no task."""
        self._mine.pauses()

    def failed_before(self, reports: Mapping[bytes, FailureReport]) -> dict[bytes, FailureReport]:
        """What failed in any worker of this supervisor: it is not tried once more."""
        return {
            key: report
            for key, report in reports.items()
            if report.get("run") == self.run and not report.get("again") and not is_suspicion(report)
        }

    def recorded(self, key: bytes) -> None:
        """It is stored how a task died: any worker may have it."""
        self._mine.mail["deaths"].remove(self.deaths.pop(key))
        self.slot.settle(key)

    def of_others(self, keys: Collection[bytes]) -> list[bytes]:
        """Which of these claimed tasks another worker died of, and it is not for this one to record how."""
        return [key for key in self.slot.of_others(list(keys)) if key not in self.deaths]


def supervised_work(
    graph: _native.Graph, selected: Collection[int] | None, limits: RunLimits
) -> SupervisedWork | None:
    """That of this process; None if it has no supervisor, or is in the middle of a task."""
    mine = supervision.current()
    return None if mine is None or running_here() else SupervisedWork(mine, graph, selected, limits)
