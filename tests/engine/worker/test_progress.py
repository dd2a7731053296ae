"""What a worker makes of what others did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jug import Task, _native, task
from jug.engine.task_graph import graph_of
from jug.engine.worker.crashes import Crashes
from jug.engine.worker.output import TaskOutput
from jug.engine.worker.progress import Progress
from jug.engine.worker.retries import Retries
from jug.engine.worker.state import ExecutionState


class Counted:
    """A session of a store with many failures, all but the last of which are marked; it counts questions."""

    def __init__(self, keys: list[bytes]) -> None:
        self.known: dict[bytes, Any] = {key: {"kept": True} for key in keys}
        self.known[keys[-1]] = {"kept": False}
        self.asked: list[int] = []

    def reports(self, keys: list[bytes]) -> dict[bytes, Any]:
        self.asked.append(len(keys))
        return {key: self.known[key] for key in keys}

    def failures(self) -> dict[bytes, Any]:
        return self.reports([*self.known])

    def kept_failures(self) -> list[bytes]:
        return [key for key, report in self.failures().items() if report["kept"]]

    def has_inputs(self) -> bool:
        return False


def test_of_each_batch_of_failures_the_reports_are_read_once(jug_clean: Path) -> None:
    """However many failures there are beside them."""
    tasks = [Task(abs, n) for n in range(100)]
    graph = graph_of(task.alltasks)
    keys = [t.key() for t in tasks]
    scheduler = _native.Scheduler(graph)
    session: Any = Counted(keys)
    retries = Retries(0, {})
    crashes = Crashes(session, 2, None, {}, retries, TaskOutput(None), believes=False)
    progress = Progress(graph, scheduler, session, crashes, retries, ExecutionState(), None)
    for start in range(0, 100, 10):
        progress.apply([(key, "failed") for key in keys[start : start + 10]])
    assert session.asked == [10] * 10
    assert scheduler.nr_unfinished() == 1
