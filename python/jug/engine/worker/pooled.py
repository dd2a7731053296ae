"""A worker that has its tasks run in a pool: it claims them, sends them, and stores what comes back."""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import Signalled, UserError
from ...executors.base import Outcome
from ...executors.chunk import CallFailed
from ...executors.coordinator import Coordinator
from ...executors.endings import Ended, LimitBroken, Unloadable, WorkerDied
from ...executors.flights import Limits
from ...hooks.register import jug_hook
from ...internal import log
from ...internal.console import say
from ...internal.limits import declared_limits, limits_of
from ...internal.short_repr import describe_call
from ...internal.tracebacks import users_traceback
from ...internal.units import format_size
from ...process.signals import leave_at_once, requests_to
from ...task import Task
from ..failures.errors import Crashed, FailedInChild, unstorable_message
from .claiming import ClaimingWorker
from .pool_progress import PoolProgress
from .run_limits import TimeLimit

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...configuration import Options
    from ...internal.task_selection import Matcher
    from ...internal.types import FailureReport
    from .state import ExecutionState

__all__ = ["PooledWorker"]

#: How long it waits at most for what is in flight, before it looks what others did, in seconds.
_LOOK = 0.5

#: How many seconds of work it claims at least, where others may be at work, too.
_SMALL = 0.02

#: From half of this on tasks are long, in seconds: that they wait in the pool for each other saves nothing.
_LONG = 1.0


class PooledWorker(ClaimingWorker):
    """A worker whose tasks run in a pool; see :class:`ClaimingWorker`.

    Parameters
    ----------
    coordinator : Coordinator
        Which sends them. It outlasts this worker.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        store: base_store,
        options: Options,
        state: ExecutionState,
        matcher: Matcher | None,
        coordinator: Coordinator[int],
    ) -> None:
        super().__init__(tasks, store, options, state, matcher)
        self._coordinator = coordinator
        self._memory_limit: int | None = options.execute_memory_limit
        #: What came back and is not stored yet.
        self._arrived: deque[Ended[int]] = deque()
        #: What was sent and has not come back.
        self._sent: set[int] = set()
        #: The epochs of what was sent and is not stored yet: others are claimed meanwhile.
        self._epochs: dict[int, int | None] = {}
        #: The signal that asked for the end, and whether it came once more.
        self._signal = 0
        self._is_killed = False
        self._is_draining = False
        self._display = state.display
        self._shown = PoolProgress(
            self._names, self._scheduler, coordinator, has_more=bool(state.has_barrier)
        )

    def _epoch_of(self, node: int) -> int | None:
        return self._epochs.pop(node)

    def running(self) -> bytes | None:
        """None: tasks run elsewhere."""
        return None

    def pause(self) -> None:
        """Never needed: a hook may begin a worker, which can wait for what is claimed here."""

    def resume(self) -> None:
        """Nothing is to be said again."""

    def _run_all(self) -> None:
        if not self._is_work_left():
            return
        self._prepare()
        with requests_to(self._take_signal):
            try:
                while self._is_work_left() and not self._signal:
                    self._feed()
                    is_busy = bool(self._coordinator.in_flight() or self._arrived)
                    if self._end_time is not None:
                        self._end_time.check(nothing_runs=not is_busy)
                    if is_busy:
                        self._receive()
                    elif not self._scheduler.nr_ready() and not self._wait_for_work():
                        log.info("no task can be run")
                        break
            except BaseException:
                self._drain()
                raise
            if self._signal:
                self._drain()
                by_user = self._signal == signal.SIGINT
                raise KeyboardInterrupt if by_user else Signalled(self._signal)

    def _refuse_limits(self) -> None:
        """That depends on the pool, which is opened when there is something to run."""

    def _prepare(self) -> None:
        self._coordinator.open()
        has_memory = self._memory_limit is not None or any(it.memory is not None for it in declared_limits())
        if (self._limits.has_timeouts or has_memory) and not self._coordinator.can_hold_limits():
            raise UserError(
                f"the backend {self._coordinator.backend.name} cannot end a task that takes too long or too "
                "much memory: leave --timeout, --memory-limit and limits of functions out, or use another "
                "backend, such as workers, processes or loky",
                status=2,
            )
        self._coordinator.prepare({id(t.f): t.f for t in self._to_run()}.values())

    def _take_signal(self, number: int) -> None:
        """Called by the handler of a signal."""
        if self._signal:
            self._is_killed = True
        else:
            self._signal = number
        self._coordinator.wake()

    # --- sending ---

    def _feed(self) -> None:
        """Claims tasks and sends them, as many as the pool takes."""
        if self._retries.held():
            self._scheduler.free(self._retries.take_due())
        while (room := self._room()) and (ready := self._scheduler.nr_ready()):
            # Never all of them, so that others find some too, unless they take less time than to share them.
            share = max(ready // 4, self._coordinator.per_chunk(_SMALL), self._coordinator.nr_workers())
            nodes = self._scheduler.take(min(room, share))
            if self._end_time is not None and not (nodes := self._end_time.choose(nodes, self._scheduler)):
                continue
            claimed: list[int] = []
            waiting: list[int] = []
            try:
                self._claim(nodes, claimed, waiting)
                if self._progress.inputs_removed:
                    # Some of these may have lost an input, and have to wait again.
                    self._scheduler.put_back(waiting)
                    waiting.clear()
                self._epochs.update(dict.fromkeys(waiting, self._session.epoch()))
                self._send(waiting)
            except BaseException:
                self._scheduler.put_back(waiting)
                self._session.release(self._keys.of(waiting))
                raise
            kept = set(waiting)
            self._session.release(self._keys.of([node for node in claimed if node not in kept]))
            if not waiting:
                break

    def _room(self) -> int:
        """How many tasks may be sent."""
        room = self._coordinator.room()
        if self._end_time is not None and self._coordinator.per_chunk(_LONG) == 1:
            # What waits for another one to end would begin later than now, by which it was chosen.
            free = self._coordinator.nr_workers() - self._coordinator.in_flight()
            room = max(0, min(room, free))
        return room

    def _send(self, nodes: Sequence[int]) -> None:
        """Has claimed tasks run."""
        if self._reasons is not None:
            for node in nodes:
                self._reasons.say(node, self._retries.next_attempt(self._keys[node]))
        if self._before_each:
            for node in nodes:
                jug_hook("execute.task-pre-execute", (self._task(node),))
        self._submit(nodes)

    def _submit(self, nodes: Sequence[int]) -> None:
        plain: list[tuple[int, Task, Limits]] = []
        suspected: list[tuple[int, Task, Limits]] = []
        for node in nodes:
            t = self._task(node)
            seconds = self._limits.time(t.f) if self._limits.has_timeouts else None
            memory = limits_of(t.f).memory or self._memory_limit
            limits = Limits(None if seconds is None else seconds.seconds, memory)
            is_suspect = bool(self._suspects) and self._keys[node] in self._suspects
            (suspected if is_suspect else plain).append((node, t, limits))
        self._sent.update(nodes)
        if plain:
            self._coordinator.submit(plain)
        if suspected:
            self._coordinator.submit(suspected, alone=True)

    # --- receiving ---

    def _receive(self) -> None:
        """Waits for what comes back, and stores it; looks what others do where nothing does."""
        self._display.refresh(self._shown.look)
        pauses = (_LOOK, self._retries.seconds_left(), self._display.due_in())
        ended = self._coordinator.wait(min(it for it in pauses if it is not None))
        self._arrived.extend(ended)
        if not ended and not self._signal:
            self._idle.glance()
        self._settle_arrived()

    def _settle_arrived(self) -> None:
        finished: list[int] = []
        over: list[int] = []
        try:
            while self._arrived:
                ended = self._arrived.popleft()
                node = ended.token
                self._sent.discard(node)
                key, t = self._keys[node], self._task(node)
                outcome = self._in_words(node, key, t, ended.outcome)
                if outcome is None:
                    continue  # It is tried again, alone.
                over.append(node)
                if self._settle(node, key, t, outcome):
                    finished.append(node)
                    if ended.residence is not None and self._graph.dependents(node):
                        self._coordinator.keep(key, ended.residence)
                    # A hook that ends the worker has done so before it is drained.
                    if self._after_each and not (self._is_draining and not self._signal):
                        jug_hook("execute.task-executed1", (t,))
        finally:
            self._finish(finished, over)

    def _in_words(self, node: int, key: bytes, t: Task, outcome: Outcome) -> Outcome | None:
        """An outcome with the error that is kept of it; None if the task is tried again at once."""
        error = outcome.error
        kept: BaseException | None = error
        if isinstance(error, WorkerDied):
            end, traceback = error.death
            kept = self._crashes.died(key, t, outcome.started, end, traceback, believes=True)
            if kept is None:
                self._submit([node])
                return None
        elif key in self._suspects:
            self._crashes.survived(key)
        if isinstance(error, LimitBroken):
            limit = self._limits.time(t.f) if error.kind == "timeout" else None
            kept = Crashed(_broken_limit(error, limit), error.kind, "", None)
        elif isinstance(error, (CallFailed, Unloadable)):
            report = error.report if isinstance(error, CallFailed) else _unloadable(error)
            report["arguments"] = describe_call(t)
            if report["kind"] == "unstorable":
                kind, report["type"] = report["type"], "jug.engine.failures.errors.UnstorableResult"
                report["message"] = unstorable_message(t.name, kind, report["message"])
            kept = FailedInChild(report)
        return outcome._replace(error=kept)

    def _unload(self, nodes: Sequence[int]) -> None:
        super()._unload(nodes)
        self._coordinator.forget(self._keys[node] for node in nodes)

    # --- the end ---

    def _drain(self) -> None:
        """Starts nothing more, and stores what still comes back, unless it is to be killed."""
        self._is_draining = True
        self._take_back()
        running = min(self._coordinator.in_flight(), self._coordinator.nr_workers())
        if running and self._signal:
            by = "" if self._signal == signal.SIGINT else f" by {signal.Signals(self._signal).name}"
            what = "1 that runs may" if running == 1 else f"{running} that run may"
            say(f"interrupted{by}: no other task starts, {what} finish; to kill what runs, do it again")
        while (self._coordinator.in_flight() or self._arrived) and not self._is_killed:
            try:
                self._arrived.extend(self._coordinator.wait(_LOOK))
                self._settle_arrived()
            except BaseException as error:
                log.info("%s", error)  # It is stored; what was raised first is raised on.
            self._take_back()
        if self._is_killed and self._coordinator.kill():
            leave_at_once()
        # What is lost with its pool is for others, and for a later call in this process.
        self._give_back(list(self._sent))

    def _take_back(self) -> None:
        """Takes back what was given and does not run."""
        self._give_back(self._coordinator.stop())

    def _give_back(self, nodes: Sequence[int]) -> None:
        self._sent.difference_update(nodes)
        self._scheduler.put_back(nodes)
        self._session.release(self._keys.of(nodes))

    def _request_of(self, error: BaseException, outcome: Outcome) -> BaseException | None:
        # Requests to end go to this process, and reach no task.
        return None


def _broken_limit(broken: LimitBroken, limit: TimeLimit | None) -> str:
    if broken.kind == "memory":
        return f"took its worker to {format_size(int(broken.taken))} of memory, and was killed"
    return f"ran longer than {limit}, and was killed"


def _unloadable(error: Unloadable) -> FailureReport:
    return {
        "kind": "unstorable",
        "type": "value that cannot be loaded again",
        "message": str(error),
        "traceback": users_traceback(error.__cause__ or error, is_ours_whole=False),
    }
