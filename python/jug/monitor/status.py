"""Where a computation stands: the state of every task, without running any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from .. import _native, task
from ..engine.failures.query import Stored, failure_reports, is_kept, stored_failures
from ..engine.jugfile import load
from ..engine.session.base import StoreSession, warn_of_damage
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from ..engine.task_state import TaskState, as_task_states
from ..engine.worker_status import WorkerStatus, running
from .times import RunTimes, times_of

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.types import FailureReport

__all__ = ["Counts", "Status", "StatusCollector", "collect", "status_of"]

_COMPLETE = ord(TaskState.COMPLETE)

#: How many tasks of each name are in each state.
Counts = dict[str, Counter[TaskState]]


class Status(NamedTuple):
    """How many tasks of each name are in which state, and why tasks failed: (name, report)."""

    counts: Counts
    failures: list[tuple[str, FailureReport]]
    #: Whether the jugfile goes on behind a barrier that is not met.
    has_barrier: bool
    #: How long tasks took, where that was asked for.
    times: RunTimes | None = None


class StatusCollector:
    """The tasks of a loaded jugfile against the results in a store.

    Parameters
    ----------
    tasks : sequence of Task
        Usually ``jug.task.alltasks``.
    store : store
    """

    def __init__(self, tasks: Sequence[task.Task], store: base_store) -> None:
        self._session = open_session(store)
        self._graph = graph_of(tasks)
        self._keys = self._graph.keys()
        self._reported_damage: Sequence[str] = ()
        self._stored: Stored = {}

    @property
    def session(self) -> StoreSession:
        """The store, as the engine sees it."""
        return self._session

    @property
    def graph(self) -> _native.Graph:
        """The tasks, those that are identical as one node."""
        return self._graph

    @cached_property
    def names(self) -> list[str]:
        """The name of each node."""
        return self._graph.names()

    def close(self) -> None:
        """Ends the use of the store, which stays open."""
        self._session.close()

    def states(self) -> str:
        """The letter of a `TaskState` for each task, in the order of the jugfile."""
        return self._by_task(self.node_states()).decode()

    def _by_task(self, by_node: bytes) -> bytes:
        return bytes(map(by_node.__getitem__, self._graph.node_ids()))

    def node_states(self, activity: Sequence[WorkerStatus] | None = None) -> bytes:
        """The letter of a `TaskState` for each node of the graph.

        `activity` is what the workers do, where the caller knows it.
        """
        self._session.refresh()
        present = self._session.present(self._keys)
        if not all(present):
            self._report_damage()
        self._stored = stored_failures(self._session)
        failed = self._graph.find([key for key, report in self._stored.items() if is_kept(report)])
        scheduler = _native.Scheduler(
            self._graph,
            done=compress(range(len(present)), present),
            failed=[node for node in failed if node is not None],
        )
        if activity is not None or self._session.has_other_workers():
            ready = [self._keys[node] for node in scheduler.take(len(self._keys))]
            held = self._session.running(ready) if activity is None else running(activity, set(ready))
            scheduler.busy([node for node in self._graph.find(held) if node is not None])
        return as_task_states(scheduler.states())

    def counts(self, by_node: bytes | None = None) -> Counts:
        """How many tasks of each name are in each state: now, or as `node_states` returned."""
        states = self._by_task(self.node_states() if by_node is None else by_node).decode()
        counts: Counts = {}
        names = map(self.names.__getitem__, self._graph.node_ids())
        for (name, state), n in Counter(zip(names, states, strict=True)).items():
            counts.setdefault(name, Counter())[TaskState(state)] += n
        return counts

    def links(self) -> dict[str, set[str]]:
        """The names of the tasks that those of each name need directly, in the order of the jugfile."""
        names = self.names
        links: dict[str, set[str]] = {}
        for node, name in enumerate(names):
            links.setdefault(name, set()).update(names[needed] for needed in self._graph.dependencies(node))
        return links

    def failures(self) -> list[tuple[_native.TaskCore, FailureReport]]:
        """The tasks that had failed as of the last `node_states`, and have no result, with their reports."""
        reports = failure_reports(self._stored)
        if not reports:
            return []
        nodes = zip(self._graph.find(list(reports)), reports, strict=True)
        failed = sorted((node, key) for node, key in nodes if node is not None)
        return [(self._graph.task(node), reports[key]) for node, key in failed]

    def times(self, by_node: bytes) -> RunTimes:
        """How long the tasks took that are complete by `by_node`; equal calls are one result."""
        is_complete = [state == _COMPLETE for state in by_node]
        keys = list(compress(self._keys, is_complete))
        return times_of(self._session, compress(self.names, is_complete), keys)

    def all_complete(self) -> bool:
        """Whether every task has a result."""
        self._session.refresh()
        complete = all(self._session.present(self._keys))
        if not complete:
            self._report_damage()
        return complete

    def _report_damage(self) -> None:
        """Warns of damage, once: a page that is open for days would repeat it all the time."""
        damage = self._session.damage()
        if damage and damage != self._reported_damage:
            self._reported_damage = damage
            warn_of_damage(self._session)


def collect(options: Options, *, with_times: bool = False) -> Status:
    """Loads the jugfile and looks at every task."""
    loaded = load(options)
    collector = StatusCollector(task.alltasks, loaded.store)
    return status_of(collector, collector.node_states(), loaded.has_barrier, with_times=with_times)


def status_of(
    collector: StatusCollector, by_node: bytes, has_barrier: bool, *, with_times: bool = False
) -> Status:
    """What a collector knows, with the states that its `node_states` returned."""
    failures = [(t.name, report) for t, report in collector.failures()]
    times = collector.times(by_node) if with_times else None
    return Status(collector.counts(by_node), failures, has_barrier, times)
