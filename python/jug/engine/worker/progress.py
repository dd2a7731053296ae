"""What became of the tasks of a worker: for its scheduler, its memory and its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from ... import _native
from ...hooks.register import jug_hook, registered
from ...task import Task
from ..failures.query import is_kept
from ..failures.report import next_run
from ..session.base import StoreSession
from .crashes import Crashes
from .retries import Retries, pause_after
from .state import ExecutionState
from .supervised import SupervisedWork

if TYPE_CHECKING:
    from ...internal.types import Change, FailureReport

__all__ = ["Progress"]


class Progress:
    """Follows what this worker and others do with the tasks of a graph.

    Parameters
    ----------
    graph : _native.Graph
    scheduler : _native.Scheduler
        Is given what changes.
    session : StoreSession
    crashes : Crashes
    retries : Retries
    state : ExecutionState
        Where tasks are counted.
    selected : collection of int, optional
        The nodes that are counted. Default: all.
    supervised : SupervisedWork, optional
        The supervisor that they are reported to.
    """

    def __init__(
        self,
        graph: _native.Graph,
        scheduler: _native.Scheduler,
        session: StoreSession,
        crashes: Crashes,
        retries: Retries,
        state: ExecutionState,
        selected: Collection[int] | None,
        supervised: SupervisedWork | None = None,
    ) -> None:
        self._graph = graph
        self._scheduler = scheduler
        self._session = session
        self._crashes = crashes
        self._retries = retries
        self._state = state
        self._selected = selected
        self._supervised = supervised
        self._keys = graph.keys()
        self._names = graph.names()
        self._task: Callable[[int], Task] = graph.task  # type: ignore[assignment]  # no others are made
        #: Whether a result was taken away since the worker set this to False, before its batch.
        self.inputs_removed = False
        #: The nodes that were found to have failed since the worker emptied this, and may not run now.
        self.withheld: set[int] = set()
        # Identical tasks are one node, but each of them is counted for the summary.
        nodes = graph.node_ids()
        repeated = len(nodes) > len(graph)
        self._copies = {node: n - 1 for node, n in Counter(nodes).items() if n > 1} if repeated else {}

    def apply(self, changes: Sequence[Change]) -> Collection[int]:
        """Brings the scheduler up to date with what a refresh saw; the nodes that have a result now."""
        if not changes:
            return ()
        results, failed, absent = self._graph.by_state(changes)
        if absent:
            self.inputs_removed = True
            self.forget(absent)
        if failed:
            self._learn_failures(failed)
        # What is in memory may have been replaced, all between two looks.
        self.unload(results)
        self.finished_elsewhere(results)
        return results

    def forget(self, removed: Sequence[int]) -> None:
        """Neither a result nor a failure is left of these: they run again, and what needs them waits."""
        if not removed:
            return
        self._state.has_removed = True
        keys = list(self._keys.of(removed))
        if self._state.reasons is not None:
            self._state.reasons.forgotten(keys)
        self._crashes.forget(keys)
        self._retries.forget(keys)
        self._state.failed.difference_update(key.hex().encode() for key in keys)
        self.unload(removed)
        self._scheduler.removed(removed)
        self._scheduler.free(self._retries.release(removed))

    def leave_to_next_load(self, nodes: Sequence[int]) -> None:
        """These cannot run, nor can what needs them, until the jugfile is loaded again."""
        self._state.has_left = True
        self.unload(self._scheduler.failed(nodes))

    def _learn_failures(self, failed: Sequence[int]) -> None:
        """These failed elsewhere. Whether and when they run again, every worker tells alike from reports."""
        reports = self._session.reports(self._keys.of(failed))
        self._crashes.learn(reports)
        self._retries.learn(reports)
        final = set(self._crashes.used_up(reports))
        if self._supervised is not None:
            before = self._supervised.failed_before(reports)
            self._state._failed_before(before, self._graph)
            final.update(before)
        self._state.failed.update(key.hex().encode() for key in final)
        kept = {*(key for key, report in reports.items() if is_kept(report)), *final}
        given_up = [node for node in failed if self._keys[node] in kept]
        self._retries.release(given_up)
        self.withheld.update(given_up)
        self.unload(self._scheduler.failed(given_up))
        self.postpone(reports)

    def postpone(self, reports: Mapping[bytes, FailureReport]) -> None:
        """Holds back what failed and is to be tried again, for a pause that begins now."""
        later = {
            key: report
            for key, report in reports.items()
            if next_run(report, self._crashes.limit) == "later"
            and key.hex().encode() not in self._state.failed
        }
        for node, report in zip(self._graph.find(list(later)), later.values(), strict=True):
            if node is not None and (self._selected is None or node in self._selected):
                self._retries.hold(node, pause_after(int(report.get("attempt", 1))))
                self.withheld.add(node)
                self._scheduler.busy([node])

    def finished_elsewhere(self, nodes: Sequence[int]) -> None:
        """Takes note of tasks with results that others stored."""
        if nodes:
            self._state.idle = 0.0
            self._retries.release(nodes)
            self.unload(self._scheduler.done(nodes))
            self.count_loaded(nodes)

    def count_loaded(self, nodes: Sequence[int] | memoryview[int]) -> None:
        """Counts tasks that were found finished, and calls hooks then, as one of them may end the worker."""
        selected = self._selected
        counted = nodes if selected is None else [node for node in nodes if node in selected]
        self._state.loaded.update(self._graph.count_by_name(counted))
        if self._supervised is not None:
            self._supervised.slot.found(counted)
        self._count_copies(counted)
        if registered("execute.task-loadable"):
            for node in counted:
                jug_hook("execute.task-loadable", (self._task(node),))

    def count_executed(self, nodes: Sequence[int]) -> None:
        """Counts tasks that this worker ran. Those that are identical to them count as found finished."""
        if nodes:
            self._state.idle = 0.0
        self._state.executed.update(self._graph.count_by_name(nodes))
        self._count_copies(nodes)

    def _count_copies(self, nodes: Sequence[int]) -> None:
        for node in nodes if self._copies else ():
            if node in self._copies:
                self._state.loaded[self._names[node]] += self._copies[node]

    def unload(self, nodes: Sequence[int]) -> None:
        """Removes results from memory."""
        self._graph.unload(nodes, Task)
        if nodes and self._session.has_inputs():
            self._session.forget_inputs(self._keys.of(nodes))
