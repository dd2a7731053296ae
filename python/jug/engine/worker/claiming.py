"""What all workers do: claim tasks that may run, store what they return, and wait for others."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from ... import _native, task
from ...compound import Carrier, Whole
from ...executors.base import Outcome
from ...hooks.register import registered
from ...internal import file_uses, log
from ...internal.console import warn
from ...internal.task_selection import Matcher
from ...process.signals import request_to_end
from ..blocked import Blockade
from ..code_watch import CodeWatch, called_by, of_unknown_code
from ..failures.query import is_kept, stored_failures
from ..removing import take_removed
from ..session.base import warn_of_damage
from ..session.open import open_session
from ..task_graph import graph_of
from ..task_state import NODE_DONE, NODE_FAILED
from .contention import ContentionBackoff
from .crashes import Crashes
from .deferred_release import DeferredRelease
from .failing import FailingTasks
from .inner_code import InnerCode
from .made_again import MadeAgain
from .nesting import running_here, worker_at_work
from .options import WorkerOptions
from .output import TaskOutput
from .progress import Progress
from .reasons import Reasons
from .retries import Retries
from .run_limits import RunLimits
from .saving import save_result
from .state import ExecutionState
from .supervised import supervised_work
from .waiting import Waiting

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...configuration import Options

__all__ = ["ClaimingWorker"]


class ClaimingWorker(ABC):
    """Works through the tasks of one load of a jugfile: what is the same wherever they run.

    Parameters
    ----------
    tasks : sequence of Task
    store : store
        Anything with the interface of ``jug.backends.base``.
    options : Options
        See :class:`WorkerOptions`.
    state : ExecutionState
        Goes from load to load.
    matcher : callable, optional
        Which task names to run; default all.
    """

    def __init__(
        self,
        tasks: Sequence[task.Task],
        store: base_store,
        options: Options,
        state: ExecutionState,
        matcher: Matcher | None = None,
    ) -> None:
        self._options = WorkerOptions(options)
        self._state = state
        self._session = open_session(store)
        state.code = state.code or CodeWatch(options)
        state.code.note_in(self._session, store)
        self._graph = graph_of(tasks, None if state.before is None else state.before.recall)
        if state.before is not None:
            state.graph = self._graph
        self._task: Callable[[int], task.Task] = self._graph.task  # type: ignore[assignment]  # no others are made
        self._keys = self._graph.keys()
        self._names = self._graph.names()
        self._selected = (
            None if matcher is None else {node for node, name in enumerate(self._names) if matcher(name)}
        )
        state.has_selected |= self._selected is None or bool(self._selected)
        #: Live lists: what is registered later is in them as well.
        self._before_each = registered("execute.task-pre-execute")
        self._after_each = registered("execute.task-executed1")
        self._pid = os.getpid()
        self._deferred = DeferredRelease(lambda nodes: self._session.release(self._keys.of(nodes)))
        #: Whether a signal has ended it, as it may end the worker.
        self._is_interrupted = False
        # First of all: its changes since the store was opened, which may be long ago, are not looked at.
        self._session.refresh()
        failures = stored_failures(self._session)
        reports = {key: report for key, report in failures.items() if report is not None}
        self._made_again = MadeAgain(self._graph, self._session, store)
        state.has_left = False
        state.has_removed = self._made_again.remove_outdated(self._selected)
        self._limits = RunLimits(self._options)
        self._supervised = supervised_work(self._graph, self._selected, self._limits)
        self._output = TaskOutput(self._supervised)
        self._retries = Retries(self._options.retries, reports)
        self._crashes = Crashes(
            self._session,
            self._options.crash_limit,
            state.jugfile,
            reports,
            self._retries,
            self._output,
            believes=self._supervised is not None,
        )
        self._suspects = self._crashes.suspects
        state.cycle = self._options.wait_cycle
        # What had results by the time of the load before, and none was removed since, is not asked for.
        known = 0 if state.before is None else min(state.before.held_in(store), self._graph.recalled)
        present = self._session.present(self._keys.since(known))
        state.former.report(self._graph, store, self._session, known, present)
        self._inner_code = InnerCode(self._graph, self._session, state.code, known, present)
        given_up = {bytes.fromhex(name.decode()) for name in state.failed}
        given_up.update(key for key, report in failures.items() if is_kept(report))
        given_up |= running_here()
        if self._supervised is not None:
            ours = self._supervised.failed_before(reports)
            state._failed_before(ours, self._graph)
            given_up.update(ours)
        self._scheduler = _native.Scheduler(
            self._graph,
            done=known,
            present=present,
            failed=[node for node, key in enumerate(self._keys) if key in given_up] if given_up else [],
            selected=None if self._selected is None else sorted(self._selected),
            # The first worker takes the tasks in the order of the jugfile, as a reader expects; the others
            # start elsewhere, so that they do not meet at every step.
            offset=time.time_ns() // 1000 % len(self._keys) if self._session.has_other_workers() else 0,
        )
        if self._options.explain:
            state.reasons = state.reasons or Reasons()
            state.reasons.loaded(self._graph, self._session, known, present)
        self._reasons = state.reasons
        self._blockade = Blockade(self._graph, self._scheduler, self._selected)
        self._contention = ContentionBackoff(self._session, self._scheduler, self._keys)
        self._progress = Progress(
            self._graph,
            self._scheduler,
            self._session,
            self._crashes,
            self._retries,
            state,
            self._selected,
            self._supervised,
        )
        self._failing = FailingTasks(
            self._graph,
            self._scheduler,
            self._session,
            self._progress,
            self._crashes,
            self._retries,
            self._options,
            state,
            self._supervised,
        )
        self._idle = Waiting(
            self._graph,
            self._scheduler,
            self._session,
            self._progress,
            self._retries,
            self._blockade,
            state,
            self._options.patience,
            self._selected,
            self._supervised,
            state.end_time,
        )
        self._end_time = state.end_time
        if self._end_time is not None:
            self._end_time.begin(self._names, self._keys, self._session)
        self._progress.postpone(reports)

    def run(self) -> bool:
        """Runs until all is done or nothing more can be; returns whether a task failed here.

        Raises
        ------
        Exception
            What a task raised, unless ``--keep-going``; a TaskQuit where that is no Exception.
        UserError
            If a task has a memory limit that nobody would hold. Then none is run.
        """
        with worker_at_work(self):
            has_failed = self._work_through()
        if self._end_time is not None:
            self._end_time.end()
        # Its parts know each other: the tasks would stay until the garbage collector finds them, while the
        # next load makes as many.
        vars(self).clear()
        return has_failed

    def _work_through(self) -> bool:
        failed_before = set(self._state.failed)
        log.info("working on %d tasks", len(self._graph))
        try:
            self._session.expect(self._scheduler)
            if self._scheduler.nr_unfinished():
                warn_of_damage(self._session)
            self._progress.count_loaded(self._scheduler.done_nodes())
            self._refuse_limits()
            self._failing.record_deaths()
            self._run_all()
            self._state.blocked = self._blockade.count(self._state.failed)
        finally:
            if not self._is_forked():
                try:
                    self._crashes.close()
                    self._flush_before_idle()
                finally:
                    self._session.close()
        return not self._state.failed <= failed_before

    @abstractmethod
    def _run_all(self) -> None:
        """Runs what can be run, until nothing is left or nothing more can be."""

    def _refuse_limits(self) -> None:
        """UserError if a task has a limit that nobody would hold."""
        self._limits.refuse_memory(self._to_run())

    def _to_run(self) -> Iterator[task.Task]:
        """The tasks that are to be run here, or by others."""
        for node, state in enumerate(self._scheduler.states()):
            if state not in (NODE_DONE, NODE_FAILED) and (self._selected is None or node in self._selected):
                yield self._task(node)

    @abstractmethod
    def _epoch_of(self, node: int) -> int | None:
        """The epoch of the claim on a task: what was removed since then does not count."""

    @abstractmethod
    def running(self) -> bytes | None:
        """The key of the task that this thread is in the middle of."""

    @abstractmethod
    def pause(self) -> None:
        """Another worker begins inside that task: gives back what was claimed and not started."""

    @abstractmethod
    def resume(self) -> None:
        """It has ended: says again which task runs, and what will."""

    def _is_forked(self) -> bool:
        """Whether this is a process that a task forked, on its way out: nothing here belongs to it."""
        return os.getpid() != self._pid

    def _is_work_left(self) -> bool:
        if not self._scheduler.nr_unfinished():
            # Somebody may have invalidated what was finished.
            self._progress.apply(self._session.refresh())
            # A task may have asked for the value of another one, and done without it.
            removed = [node for node in self._graph.find(take_removed()) if node is not None]
            gone = compress(removed, map(not_, self._session.present(self._keys.of(removed))))
            self._progress.forget(list(gone))
        return self._scheduler.nr_unfinished() > 0

    # --- claims and results ---

    def _claim(self, nodes: Sequence[int], claimed: list[int], waiting: list[int]) -> float:
        """Claims tasks, and learns what others did meanwhile; how long that took, in seconds.

        `claimed` gets those that are claimed, `waiting` those of them that are to run.
        """
        won = self._session.claim(self._keys.of(nodes))
        self._scheduler.put_back(nodes[len(won) :])
        nodes = nodes[: len(won)]
        claimed += compress(nodes, won)
        self._progress.inputs_removed = False
        self._progress.withheld.clear()
        self._crashes.look(self._keys.of(claimed))
        # Only a refresh begun after the claim is sure to see a result that was stored before it.
        refreshing = time.perf_counter()
        changed = self._progress.apply(self._session.refresh())
        refreshing = time.perf_counter() - refreshing
        present = self._session.present(self._keys.of(nodes))
        found = list(compress(nodes, present))
        if found and changed:
            known = set(changed)
            found = [node for node in found if node not in known]
        missing = map(not_, present)
        if all(won):
            busy: list[int] = []
            waiting += compress(nodes, missing)
        else:
            left = list(compress(zip(nodes, won, strict=True), missing))
            busy = [node for node, mine in left if not mine]
            waiting += [node for node, mine in left if mine]
        self._progress.finished_elsewhere(found)
        self._scheduler.busy(busy)
        self._contention.after_claiming(met=bool(busy))
        if self._progress.withheld:
            # Each of them failed in another worker, just before it was claimed here.
            waiting[:] = [node for node in waiting if node not in self._progress.withheld]
        if Whole.are_made:
            waiting[:] = self._failing.without_compounds(waiting, claimed)
        if self._supervised is not None:
            waiting[:] = self._failing.without_those_of_others(waiting, claimed)
        if self._suspects or self._crashes.found or self._supervised is not None:
            waiting[:] = self._failing.without_the_crashed(waiting)
        return refreshing

    def _settle(self, node: int, key: bytes, t: task.Task, outcome: Outcome) -> bool:
        """Stores what became of a claimed task; whether it has a result now."""
        name = self._names[node]
        attempt = self._retries.next_attempt(key)
        error = outcome.error or self._store(node, attempt, t, outcome)
        if self._end_time is not None:
            self._end_time.ran(node, outcome.duration)
        output = self._output.take(name)
        if error is not None:
            if self._supervised is not None:
                self._supervised.pauses()
            request = self._request_of(error, outcome)
            if request is not None:
                self._is_interrupted = True
                raise request from None
            if self._end_time is not None and self._end_time.is_spoiled(outcome.began):
                return False
            failure = self._failing.failure_of(node, error)
            if failure is None:
                warn(f"{error}: task {t.name} will run again")
            else:
                self._failing.add(node, outcome._replace(error=failure, output=output), attempt)
            return False
        return True

    def _request_of(self, error: BaseException, outcome: Outcome) -> BaseException | None:
        """What is to be raised if a task ended with `error` because this worker was asked to end."""
        return request_to_end(error, outcome.began)

    def _store(self, node: int, attempt: int, t: task.Task, outcome: Outcome) -> Exception | None:
        """Stores a result; an error if it is none that can be stored."""
        key, name = self._keys[node], self._names[node]
        is_other = isinstance(t, Carrier) and self._inner_code.is_other(t)
        called = of_unknown_code if is_other else called_by(t)
        if lost := self._made_again.remove_made_of_others(node, key, outcome.value):
            self._progress.forget(lost)
            self._progress.inputs_removed = True
        with file_uses.storing() as files:
            unstorable = save_result(self._session, key, outcome, name, attempt, called, self._epoch_of(node))
        if unstorable is None:
            t._keep(outcome.value)
            self._made_again.stored(key, outcome.value, files)
        return unstorable

    def _finish(self, nodes: Sequence[int], claimed: Sequence[int]) -> None:
        """Takes note of what was run, and gives claims back.

        What has no result is given back at once, what has one a little later: nobody waits for the claim on a
        finished task, and to give it back takes a write of its record.
        """
        if self._supervised is not None and not self._is_interrupted:
            self._supervised.rests()
        self._progress.count_executed(nodes)
        self._session.set_idle(
            self._state.executed.total(), len(self._state.failed), self._state.loaded.total()
        )
        counts = self._session.present(self._keys.of(nodes))
        finished = list(compress(nodes, counts))
        # A result that was invalidated while its task ran does not count.
        outdated = list(compress(nodes, map(not_, counts)))
        self._unload([*self._scheduler.done(finished), *outdated])
        self._scheduler.put_back(outdated)
        stored = set(finished)
        self._deferred.add(finished, [node for node in claimed if node not in stored])

    def _unload(self, nodes: Sequence[int]) -> None:
        """Removes results from memory."""
        self._progress.unload(nodes)

    def _flush_before_idle(self) -> None:
        """Leaves nothing undone before the worker sleeps or ends."""
        self._deferred.give_back()
        self._session.sync()

    def _wait_for_work(self) -> bool:
        """Sleeps until a task may run; False when there is no sense in waiting any longer."""
        self._flush_before_idle()
        return self._idle.until_work()
