"""What became of the tasks of a worker: for its scheduler, its memory and its summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from ... import _native
from ...hooks.register import jug_hook, registered
from ...task import Task
from ..failures.query import is_kept
from ..session.base import StoreSession
from .crashes import Crashes
from .state import ExecutionState
from .supervised import SupervisedWork

if TYPE_CHECKING:
    from ...internal.types import Change

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
        state: ExecutionState,
        selected: Collection[int] | None,
        supervised: SupervisedWork | None = None,
    ) -> None:
        self._graph = graph
        self._scheduler = scheduler
        self._session = session
        self._crashes = crashes
        self._state = state
        self._selected = selected
        self._supervised = supervised
        self._keys = graph.keys()
        self._names = graph.names()
        self._task: Callable[[int], Task] = graph.task  # type: ignore[assignment]  # no others are made
        #: Whether a result was taken away since the worker set this to False, before its batch.
        self.inputs_removed = False
        # Identical tasks are one node, but each of them is counted for the summary.
        nodes = graph.node_ids()
        repeated = len(nodes) > len(graph)
        self._copies = {node: n - 1 for node, n in Counter(nodes).items() if n > 1} if repeated else {}

    def apply(self, changes: Sequence[Change]) -> Collection[int]:
        """Brings the scheduler up to date with what a refresh saw; the nodes that have a result now."""
        if not changes:
            return ()
        by_state: dict[str, list[int]] = {"result": [], "failed": [], "absent": []}
        keys, states = zip(*changes, strict=True)
        for node, state in zip(self._graph.find(keys), states, strict=True):
            if node is not None:
                by_state[state].append(node)
        if by_state["absent"]:
            self.inputs_removed = True
            self._crashes.forget([self._keys[node] for node in by_state["absent"]])
            self.unload(by_state["absent"])
            self._scheduler.removed(by_state["absent"])
        if by_state["failed"]:
            # Whether a task died too often, every worker decides alike.
            reports = self._session.reports([self._keys[node] for node in by_state["failed"]])
            final = set(self._crashes.learn(reports))
            if self._supervised is not None:
                final.update(self._supervised.failed_before(reports))
            self._state.failed.update(key.hex().encode() for key in final)
            kept = {*(key for key, report in reports.items() if is_kept(report)), *final}
            given_up = [node for node in by_state["failed"] if self._keys[node] in kept]
            self.unload(self._scheduler.failed(given_up))
        # What is in memory may have been replaced, all between two looks.
        self.unload(by_state["result"])
        self.finished_elsewhere(by_state["result"])
        return set(by_state["result"])

    def finished_elsewhere(self, nodes: Sequence[int]) -> None:
        """Takes note of tasks with results that others stored."""
        if nodes:
            self._state.idle = 0.0
            self.unload(self._scheduler.done(nodes))
            self.count_loaded(nodes)

    def count_loaded(self, nodes: Iterable[int]) -> None:
        """Counts tasks that were found finished, and calls hooks then, as one of them may end the worker."""
        selected = self._selected
        counted = list(nodes) if selected is None else [node for node in nodes if node in selected]
        self._state.loaded.update(map(self._names.__getitem__, counted))
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
        self._state.executed.update(map(self._names.__getitem__, nodes))
        self._count_copies(nodes)

    def _count_copies(self, nodes: Sequence[int]) -> None:
        for node in nodes if self._copies else ():
            if node in self._copies:
                self._state.loaded[self._names[node]] += self._copies[node]

    def unload(self, nodes: Sequence[int]) -> None:
        """Removes results from memory."""
        for node in nodes:
            self._task(node).unload()
        if nodes and self._session.has_inputs():
            self._session.forget_inputs([self._keys[node] for node in nodes])
