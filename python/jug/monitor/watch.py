"""`jug status --watch`: follows a computation that runs elsewhere, until it is complete."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..display.choose import open_display
from ..display.eta import TimeLeft
from ..display.progress import Progress, TaskProgress, WorkerProgress, all_of
from ..display.rates import Rates
from ..engine.task_state import TaskState
from ..process.signals import before_stopping, end_cleanly
from .snapshot import Problem, Snapshot
from .watcher import Watcher

if TYPE_CHECKING:
    from ..configuration import Options
    from ..engine.worker_status import WorkerStatus

__all__ = ["WatchedProgress", "watch"]


def watch(options: Options) -> int:
    """Shows how far tasks are until all are complete; returns 0 then, and 130 after Ctrl-C."""
    end_cleanly()
    seen = WatchedProgress()
    watcher = Watcher(options, seen)

    def say(line: str) -> None:
        options.print_out(line)
        sys.stdout.flush()

    display = open_display("", sys.stdout, say, at_once=True)
    before_stopping(display.hide)
    try:
        while not seen.is_complete():
            display.refresh(seen.progress)
            watcher.wait()
            if watcher.is_reload_due():
                # The jugfile may print something.
                display.hide()
                watcher.reload()
            watcher.look()
    except KeyboardInterrupt:
        return 130
    finally:
        display.close()
    say(f"All tasks complete ({seen.progress().total.total} tasks).")
    return 0


class WatchedProgress:
    """What a watcher saw last, as a display shows it."""

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._problem: Problem | None = None
        self._rates = Rates()

    def show(self, snapshot: Snapshot) -> None:
        """Takes note of a computation."""
        self._snapshot, self._problem = snapshot, snapshot.problem

    def show_problem(self, problem: Problem) -> None:
        """Takes note of what keeps it from being seen."""
        self._problem = problem

    def is_complete(self) -> bool:
        """Whether all tasks have results, and no others will come."""
        it = self._snapshot
        if it is None or it.has_barrier or self._problem is not None:
            return False
        return it.states.count(TaskState.COMPLETE.encode()) == len(it.states)

    def progress(self) -> Progress:
        """How far it is now."""
        it = self._snapshot
        assert it is not None, "a watcher looks once before it returns"
        done = {name: states[TaskState.COMPLETE] for name, states in it.counts.items()}
        failed = Counter(task.name for task, _ in it.failures)
        self._rates.look(done, time.monotonic())
        names = [
            TaskProgress(
                name,
                done[name],
                states.total(),
                states[TaskState.ACTIVE],
                failed[name],
                self._rates.rate(name),
                it.left_by_name.get(name, TimeLeft(0.0)),
            )
            for name, states in sorted(it.counts.items())
        ]
        total = all_of(names, it.left)
        return Progress(names, total, list(_workers(it)), self._note(it, total))

    def _note(self, it: Snapshot, total: TaskProgress) -> str:
        if self._problem is not None:
            return self._problem.text
        if it.has_barrier and total.done == total.total:
            return "more tasks come behind a barrier that is not met"
        if it.workers is not None and not any(worker.alive for worker in it.workers):
            return "no worker runs"
        return ""


def _workers(it: Snapshot) -> Iterator[WorkerProgress]:
    """Those that live, with what they run."""
    now = time.time()
    living = [worker for worker in it.workers or () if worker.alive]
    for worker in sorted(living, key=lambda worker: (worker.host, worker.started or 0.0, worker.pid)):
        claims = [claim for claim in worker.claims if claim.key in it.nodes]
        # What is claimed ahead has not begun.
        claims.sort(key=lambda claim: claim.since is None)
        if claims:
            key = claims[0].key
            name = it.graph.task(it.nodes[key]).name
            yield WorkerProgress(_label(worker), name, max(0.0, now - it.claims[key].since))
        else:
            yield WorkerProgress(_label(worker))


def _label(worker: WorkerStatus) -> str:
    return f"{worker.host}:{worker.pid}" if worker.pid else worker.id or "-"
