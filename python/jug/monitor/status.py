"""Where a computation stands: the state of every task, without running any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from .. import _native, task, task_results
from ..engine.code_changes import CodeChanges, Findings
from ..engine.code_watch import CodeWatch
from ..engine.failures.query import Stored, failure_reports, is_kept, stored_failures
from ..engine.jugfile import load
from ..engine.result_files import Outdated, ResultFiles
from ..engine.session.base import StoreSession, warn_of_damage
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from ..engine.task_state import TaskState, as_task_states
from ..engine.worker_status import WorkerStatus, running
from ..internal.console import warn
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
    #: What was made by other code than that of today, where that was asked for.
    code: CodeStatus | None = None


class CodeStatus(NamedTuple):
    """Results that were made by other code than that of today, and what there is to say of it."""

    findings: Findings
    #: What is not watched in the code of today, a line each.
    unwatched: list[str]
    #: Line by line what has changed; empty where only the number was asked for.
    report: list[str]
    #: Whether the store notes by which code results are made.
    is_noted: bool = True


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
        #: Whether there are results whose files cannot be looked at, as of the last look.
        self._knows_too_little = False
        #: The results that are there and count no more, as of the last look, and why, by node.
        self.outdated: dict[int, str] = {}
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
    def names(self) -> Sequence[str]:
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
        present = self._without_outdated(self._session.present(self._keys))
        if not all(present):
            self._report_damage()
        self._stored = stored_failures(self._session)
        failed = self._graph.find([key for key, report in self._stored.items() if is_kept(report)])
        scheduler = _native.Scheduler(
            self._graph,
            present=present,
            failed=[node for node in failed if node is not None],
        )
        if activity is not None or self._session.has_other_workers():
            ready = self._keys.of(scheduler.take(len(self._keys)))
            held = self._session.running(ready) if activity is None else running(activity, set(ready))
            scheduler.busy([node for node in self._graph.find(held) if node is not None])
        return as_task_states(scheduler.states())

    def counts(self, by_node: bytes | None = None) -> Counts:
        """How many tasks of each name are in each state: now, or as `node_states` returned."""
        counts = self._graph.count_states(self.node_states() if by_node is None else by_node)
        return {
            name: Counter({TaskState(chr(state)): n for state, n in states.items()})
            for name, states in counts.items()
        }

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

    def code(self, by_node: bytes, options: Options, *, with_report: bool = False) -> CodeStatus:
        """Which results of tasks that are complete by `by_node` were made by other code than today's."""
        watch = CodeWatch(options)
        is_noted = self._session.notes_code
        findings = CodeChanges(self._graph, self._session, watch).find(
            [state == _COMPLETE for state in by_node]
        )
        if not with_report:
            return CodeStatus(findings, [], [], is_noted)
        from .code_report import report, unwatched

        codes = [(called, watch.code_of(called)) for called in self._graph.called()]
        lines = report(findings, dict(code for _, code in codes), self._session.notes(), watch)
        return CodeStatus(findings, unwatched(codes), list(lines), is_noted)

    def all_complete(self) -> bool:
        """Whether every task has a result, and all files in results are known to be what they were."""
        self._session.refresh()
        complete = all(self._without_outdated(self._session.present(self._keys)))
        if not complete:
            self._report_damage()
        return complete and not self._knows_too_little

    def _without_outdated(self, present: Sequence[bool]) -> Sequence[bool]:
        """Which tasks have results that count, of those for which there is one."""
        self.outdated.clear()
        # Found while the jugfile was loaded, in a store too that notes nothing of files.
        known = self._graph.find(list(task_results.found_outdated)) if task_results.found_outdated else ()
        for node, what in zip(known, task_results.found_outdated.values(), strict=False):
            if node is not None and present[node]:
                self.outdated[node] = what
        files = ResultFiles.of(self._session)
        found = [] if files is None else list(files.outdated(self._graph, present))
        self.outdated.update({it.node: it.what for it in found if not it.is_out_of_reach})
        self._report_files([it for it in found if it.is_out_of_reach])
        if not self.outdated:
            return present
        return [found and node not in self.outdated for node, found in enumerate(present)]

    def _report_files(self, out_of_reach: Sequence[Outdated]) -> None:
        """Warns of results whose files cannot be looked at, once."""
        if out_of_reach and not self._knows_too_little:
            first, others = out_of_reach[0], len(out_of_reach) - 1
            more = f" and {others} more are" if others else " is"
            warn(f"it is not known whether task {self.names[first.node]}{more} complete: {first.what}")
        self._knows_too_little = bool(out_of_reach)

    def _report_damage(self) -> None:
        """Warns of damage, once: a page that is open for days would repeat it all the time."""
        damage = self._session.damage()
        if damage and damage != self._reported_damage:
            self._reported_damage = damage
            warn_of_damage(self._session)


def collect(
    options: Options, *, with_times: bool = False, with_code: bool = False, with_code_report: bool = False
) -> Status:
    """Loads the jugfile and looks at every task, and at the code behind results if that is wanted."""
    loaded = load(options)
    collector = StatusCollector(task.alltasks, loaded.store)
    by_node = collector.node_states()
    status = status_of(collector, by_node, loaded.has_barrier, with_times=with_times)
    if with_code_report or (with_code and options.on_code_change != "ignore"):
        status = status._replace(code=collector.code(by_node, options, with_report=with_code_report))
    return status


def status_of(
    collector: StatusCollector, by_node: bytes, has_barrier: bool, *, with_times: bool = False
) -> Status:
    """What a collector knows, with the states that its `node_states` returned."""
    failures = [(t.name, report) for t, report in collector.failures()]
    times = collector.times(by_node) if with_times else None
    return Status(collector.counts(by_node), failures, has_barrier, times)
