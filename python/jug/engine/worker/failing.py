"""Tasks that fail in a worker, or died with an earlier one: recorded, tried again or given up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from ... import _native
from ...compound import Whole
from ...errors import DamagedResult, FileChanged, FileChangedByTask, OutdatedResult, TaskQuit
from ...executors.base import Outcome
from ..failures.report import failure_report
from ..failures.summary import described
from ..removing import remove_outdated
from ..session.base import StoreSession
from .crashes import Crashes, lost
from .options import WorkerOptions
from .progress import Progress
from .retries import Retries, pause_after
from .state import MADE_AGAIN, ExecutionState
from .supervised import SupervisedWork

if TYPE_CHECKING:
    from ...internal.types import FailureReport
    from ...task import Task

__all__ = ["FailingTasks"]


class FailingTasks:
    """What becomes of the tasks of a graph that fail in this worker.

    Parameters
    ----------
    graph : _native.Graph
    scheduler : _native.Scheduler
        Of the worker; it is told what failed.
    session : StoreSession
    progress : Progress
    crashes : Crashes
    retries : Retries
    options : WorkerOptions
    state : ExecutionState
        Where failures are counted.
    supervised : SupervisedWork, optional
        What knows of deaths, and is told of failures.
    """

    def __init__(
        self,
        graph: _native.Graph,
        scheduler: _native.Scheduler,
        session: StoreSession,
        progress: Progress,
        crashes: Crashes,
        retries: Retries,
        options: WorkerOptions,
        state: ExecutionState,
        supervised: SupervisedWork | None,
    ) -> None:
        self._graph = graph
        self._scheduler = scheduler
        self._session = session
        self._progress = progress
        self._crashes = crashes
        self._retries = retries
        self._options = options
        self._state = state
        self._supervised = supervised
        self._keys = graph.keys()
        self._task: Callable[[int], Task] = graph.task  # type: ignore[assignment]  # no others are made

    def add(self, node: int, outcome: Outcome, attempt: int, *, is_shown: bool = True) -> None:
        """A task that is claimed here failed, in the run of this number.

        Raises
        ------
        Exception
            What the task raised, where it is not tried again and that ends the worker; a TaskQuit where that
            is no Exception.
        """
        key, t, error = self._keys[node], self._task(node), outcome.error
        assert error is not None
        again = self._retries.is_again(t.f, attempt)
        kept = self._options.keep_failed and not again
        report = failure_report(t, outcome, attempt=attempt, kept=kept, again=again)
        self._retries.failed(key, attempt)
        self._session.save_failure(key, report, t.name)
        # The next task may end this process.
        self._session.flush()
        if again:
            self._progress.postpone({key: report})
            most = 1 + (self._retries.limit(t.f) or 0)
            when = f"in {pause_after(attempt):g} s (attempt {attempt} of {most})"
            is_said = is_shown and self._state.complaints.add_again(t.name, report, when)
            self._note_unless(is_said, t.name, report)
            return
        self._state.failed.add(t.hash())
        self._state._keep_report(key, report, t.name)
        self._progress.withheld.add(node)
        if self._supervised is not None:
            self._supervised.slot.failed(node)
        self._progress.unload(self._scheduler.failed([node]))
        if self._options.pdb:
            from ...internal.debugger import debug_exception

            try:
                raise error
            except BaseException:
                debug_exception()
        goes_on = self._options.keep_going
        is_said = is_shown and self._state.complaints.add(
            t.name, report, lambda: len(self._graph.closure([node])) - 1, with_traceback=goes_on
        )
        self._note_unless(is_said, t.name, report)
        if not goes_on:
            raised = error if isinstance(error, Exception) else TaskQuit(t.name, error)
            # The first ends the worker: what fails until then, beside it in a pool, is only recorded.
            self._state.raised = self._state.raised or (raised, report)
            raise raised from (error if raised is not error else error.__cause__)

    def _note_unless(self, is_said: bool, name: str, report: FailureReport) -> None:
        """Has a failure of which nothing was printed written to the log: what is printed is in it anyhow."""
        if not is_said and self._supervised is not None:
            self._supervised.note(name, f"jug: {described(name, report)}")

    def without_the_crashed(self, nodes: list[int]) -> list[int]:
        """What of these claimed tasks may run, those last that may end the process; the others fail."""
        by_key = {self._keys[node]: node for node in nodes}
        if self._supervised is not None:
            for key in by_key.keys() & self._supervised.deaths.keys():
                self._record_death(by_key[key], key)
        died = self._crashes.record({key: self._task(node) for key, node in by_key.items()})
        suspects = self._crashes.suspects
        for key, started in died.items():
            outcome = Outcome(None, lost(suspects[key]), started, 0.0, 0.0)
            self.add(by_key[key], outcome, self._retries.attempts(key))
        left = [node for node in nodes if node not in self._progress.withheld]
        return sorted(left, key=lambda node: self._keys[node] in suspects)

    def without_compounds(self, nodes: list[int], claimed: list[int]) -> list[int]:
        """Gives back finished compound tasks whose results went since the jugfile was loaded; the others.

        Only another load has the tasks in them.
        """
        wholes = {node for node in nodes if isinstance(self._task(node), Whole)}
        if not wholes:
            return nodes
        self._session.release(self._keys.of(sorted(wholes)))
        self._progress.leave_to_next_load(sorted(wholes))
        claimed[:] = [node for node in claimed if node not in wholes]
        return [node for node in nodes if node not in wholes]

    def without_those_of_others(self, nodes: list[int], claimed: list[int]) -> list[int]:
        """Gives back tasks of which another worker died, until it is recorded how; the others."""
        assert self._supervised is not None
        theirs = self._supervised.of_others(self._keys.of(nodes))
        if not theirs:
            return nodes
        self._session.release(theirs)
        left = {node for node in nodes if self._keys[node] in theirs}
        claimed[:] = [node for node in claimed if node not in left]
        self._scheduler.busy([node for node in nodes if node in left])
        return [node for node in nodes if node not in left]

    def record_deaths(self) -> None:
        """Records the deaths that the supervisor found, unless another worker already tries such a task."""
        if self._supervised is None or not self._supervised.deaths:
            return
        keys = list(self._supervised.deaths)
        nodes = {
            key: node for key, node in zip(keys, self._graph.find(keys), strict=True) if node is not None
        }
        won = self._session.claim(list(nodes))
        mine = [key for key, is_won in zip(nodes, won, strict=False) if is_won]
        try:
            if mine:
                self._crashes.look(mine)
                self._progress.apply(self._session.refresh())
                for key, present in zip(mine, self._session.present(mine), strict=True):
                    if not present and key.hex().encode() not in self._state.failed:
                        self._record_death(nodes[key], key)
                        continue
                    # Another worker has tried it again already. If that one died too, it knows less of why.
                    if not present and self._session.reports([key]).get(key, {}).get("kind") == "lost":
                        death = self._supervised.deaths[key]
                        self._crashes.record_seen(key, self._task(nodes[key]), death)
                    self._supervised.recorded(key)
        finally:
            self._session.release(mine)

    def _record_death(self, node: int, key: bytes) -> None:
        """Records how a task died that is claimed here and has no result."""
        assert self._supervised is not None
        death, t = self._supervised.deaths[key], self._task(node)
        crash = self._crashes.record_seen(key, t, death)
        self._supervised.recorded(key)
        if crash is not None:
            died = Outcome(None, crash, death["started"], 0.0, death["duration"], death["output"])
            self.add(node, died, self._retries.attempts(key), is_shown=death["is_shown"])

    def failure_of(self, node: int, error: BaseException) -> BaseException | None:
        """By what a task has failed; None if that was for want of an input.

        That runs again, and after it this task. An input may have been invalidated, or turn out to be
        damaged, or a file in it is not what it was.
        """
        if isinstance(error, FileChangedByTask):
            return error
        if isinstance(error, (FileChanged, OutdatedResult)):
            # The file is in the result of an input, which may be in memory.
            needed = list(self._task(node).dependencies())
            for t in needed:
                t.unload()
            if needed:
                remove_outdated(needed)
        self._progress.apply(self._session.refresh())
        inputs = self._graph.dependencies(node)
        present = self._session.present(self._keys.of(inputs))
        gone = list(compress(inputs, map(not_, present)))
        # Another worker may have been faster to make it again.
        key = getattr(error, "key", None) if isinstance(error, DamagedResult) else None
        named = [it for it in inputs if self._keys[it] == key]
        if not gone and not named:
            return error
        # A store of the user's own does not report by itself what is gone.
        self._progress.forget(gone)
        self._state.has_removed |= bool(named)
        if isinstance(error, (FileChanged, DamagedResult)):
            lost = [self._keys[it] for it in {*gone, *named}]
            self._state.made_again.update(lost)
            if any(self._state.made_again[key] > MADE_AGAIN for key in lost):
                return self._never_stays(error, inputs)
        self._scheduler.put_back([node])
        return None

    def _never_stays(self, error: BaseException, inputs: Sequence[int]) -> FileChanged:
        """What is said of a task whose input is made again and again, each time in vain."""
        made_again = [it for it in inputs if self._keys[it] in self._state.made_again]
        names = " and ".join(sorted({self._task(it).name for it in made_again}))
        advice = (
            f"tasks {names} write over each other's files, it seems: let each write files of its own"
            if len(made_again) > 1
            else f"something else changes what task {names} writes"
        )
        return FileChanged(f"{error} ({MADE_AGAIN} times in this run): {advice}")
