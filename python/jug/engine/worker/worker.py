"""A worker that runs its tasks itself, one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ... import _native, task
from ...errors import UserError
from ...executors.base import Outcome
from ...executors.inline import InlineExecutor
from ...hooks.exit_checks import stop_files
from ...hooks.register import jug_hook
from ...internal import file_uses, log
from ...internal.printing import flush_output
from ...internal.task_selection import Matcher
from .batch_size import BatchSize
from .claiming import ClaimingWorker
from .run_limits import TimeLimit
from .saving import unstorable_result
from .state import ExecutionState

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...configuration import Options

__all__ = ["Worker"]


class Worker(ClaimingWorker):
    """A worker whose tasks run in this process; see :class:`ClaimingWorker`."""

    def __init__(
        self,
        tasks: Sequence[task.Task],
        store: base_store,
        options: Options,
        state: ExecutionState,
        matcher: Matcher | None = None,
    ) -> None:
        super().__init__(tasks, store, options, state, matcher)
        self._executor = InlineExecutor(debug=self._options.debug)
        self._batch_size = BatchSize(self._session.max_batch, counts_requests=self._session.avoids_contention)
        supervised = None if self._supervised is None else (self._supervised.slot, flush_output)
        #: Runs tasks, and knows which was run last: once the next one starts, the claim of that ends even if
        #: the next takes long.
        self._runs = _native.TaskRuns(
            self._graph,
            self._session.claims,
            task.Task,
            task._PLAIN_EXECUTE,
            (self._before_each, self._after_each),
            supervised,
        )
        #: What was claimed and is not started.
        self._waiting: list[int] = []
        #: That of the batch.
        self._epoch: int | None = None

    def _epoch_of(self, node: int) -> int | None:
        return self._epoch

    def running(self) -> bytes | None:
        """The key of the task that was started last."""
        return self._runs.last

    def pause(self) -> None:
        """Another worker begins inside a task: gives back what was claimed and not started."""
        if self._waiting and not self._is_forked():
            self._session.release(self._keys.of(self._waiting))

    def resume(self) -> None:
        """Says again which task runs, and what will."""
        key = self._runs.last
        for node in self._graph.find([key]) if key and not self._is_forked() else ():
            if key and node is not None:
                self._session.start(key, None, self._names[node], self._retries.next_attempt(key))
                self._session.expect(self._scheduler)

    def _run_all(self) -> None:
        """Runs what can be run, until nothing is left or nothing more can be."""
        while self._is_work_left():
            if self._retries.held():
                self._scheduler.free(self._retries.take_due())
            size = self._batch_size.next(self._scheduler.nr_ready(), self._session.nr_workers())
            nodes = self._scheduler.take(size)
            if nodes:
                self._run_batch(nodes)
                continue
            if self._end_time is not None:
                self._end_time.check(nothing_runs=True)
            if not self._wait_for_work():
                log.info("no task can be run")
                break

    def _run_batch(self, nodes: Sequence[int]) -> None:
        if self._end_time is not None:
            nodes = self._end_time.choose(nodes, self._scheduler)
            if not nodes:
                return
        claimed: list[int] = []
        finished: list[int] = []
        waiting: list[int] = []
        try:
            refreshing = self._claim(nodes, claimed, waiting)
            self._epoch = self._session.epoch()
            began = time.perf_counter()
            # Taken from the end: what is left in `waiting` when something goes wrong was not started.
            waiting.reverse()
            self._waiting = waiting
            count = len(waiting)
            self._output.begin()
            # Where results were taken away, some of these may have lost an input, and have to wait again.
            while waiting and not self._progress.inputs_removed:
                if self._run_plain_ones(waiting, finished):
                    continue
                node = waiting[-1]
                key = self._keys[node]
                if self._supervised is not None:
                    self._supervised.check()
                if self._end_time is not None and not self._end_time.allows(node):
                    break
                attempt = self._retries.next_attempt(key)
                if not self._session.start(key, self._runs.last, self._names[node], attempt):
                    break  # The rest was given back, because the task before took long.
                self._runs.last = key
                waiting.pop()
                if self._run_one(node, key):
                    self._has_run(node, finished)
            self._batch_size.ran(count - len(waiting), time.perf_counter() - began, refreshing)
        finally:
            if not self._is_forked():
                self._output.end()
                self._finish(finished, claimed)
                self._scheduler.put_back(waiting)

    def _run_plain_ones(self, waiting: list[int], finished: list[int]) -> bool:
        """Runs tasks from the end of `waiting` that need no more than a call; False if the last one does."""
        files = stop_files(self._before_each)
        if (
            files is None
            or self._after_each
            or (self._supervised is not None and not self._supervised.is_plain())
            or self._end_time is not None
            or self._limits.has_timeouts
            or self._suspects
            or self._options.debug
            or self._reasons is not None
            or log.is_shown()
        ):
            return False
        with file_uses.watching() as uses:
            failed = self._runs.run(waiting, finished, attempts=self._retries.runs, stop_files=files)
        if failed is None:
            return not waiting
        name = self._names[failed.node]
        error = failed.error
        self._raise_if_forked(name, error)
        if error is not None and failed.returned:
            error = unstorable_result(name, failed.value, error)
        elif failed.returned:
            # It is the first here that uses files.
            error = uses.changed()
        outcome = Outcome(failed.value, error, failed.started, failed.began, failed.duration)
        if self._settle(failed.node, self._keys[failed.node], self._task(failed.node), outcome):
            self._has_run(failed.node, finished)
        return True

    def _has_run(self, node: int, finished: list[int]) -> None:
        """Takes note of a task that has a result now."""
        finished.append(node)
        if self._supervised is not None:
            self._supervised.slot.executed(node)
        # A hook may end the worker: the task is among those that were run by then.
        if self._after_each:
            with self._output.apart():
                jug_hook("execute.task-executed1", (self._task(node),))

    def _raise_if_forked(self, name: str, error: BaseException | None) -> None:
        """Raises something in a process that a task forked, and which returned from it."""
        if os.getpid() != self._pid:
            raise error or UserError(
                f"a process that task {name} forked returned from it and ends here; "
                "end such a process with os._exit()"
            )

    def _run_one(self, node: int, key: bytes) -> bool:
        """Runs a claimed task; whether it has a result now."""
        t, name = self._task(node), self._names[node]
        is_apart, limit = self._start(node, key, t)
        if self._reasons is not None:
            with self._output.apart():
                self._reasons.say(node, self._retries.next_attempt(key))
        if self._before_each:
            with self._output.apart():
                jug_hook("execute.task-pre-execute", (t,))
        log.info("executing %s", name)
        outcome = self._crashes.run(key, t, limit) if is_apart else self._executor.run(t)
        self._raise_if_forked(name, outcome.error)
        return self._settle(node, key, t, outcome)

    def _start(self, node: int, key: bytes, t: task.Task) -> tuple[bool, TimeLimit | None]:
        """Says that a task starts; whether it runs apart, and for how long.

        Apart runs what may end its process, and what may run for too long where no supervisor ends it then.
        """
        limit = self._limits.time(t.f) if self._limits.has_timeouts else None
        is_suspect = bool(self._suspects) and key in self._suspects and not self._options.pdb
        if self._supervised is None:
            return is_suspect or limit is not None, limit
        seconds = None if limit is None or is_suspect else limit.seconds
        self._supervised.starts(node, t, self._retries.next_attempt(key), seconds)
        return is_suspect, limit
