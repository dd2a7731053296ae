"""The loop of a launcher: lock, task, stamp, metrics, sleep."""

from __future__ import annotations

import contextlib
import enum
import logging
import os
import signal
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Protocol

from ..errors import UserError
from ..leases.interrupt import Interruptible
from .exceptions import OneInstanceWatchdogError, RemoteError, Terminate
from .forks import end_fork
from .launcher import launcher_of
from .schedule import Due, Intervals, Schedule, boot_time, sleep_until
from .signs import Signs
from .time import get_current_time

__all__ = ["JobStatus", "Loop", "Runnable"]

_REQUESTS = (signal.SIGTERM, signal.SIGINT)


class JobStatus(enum.Enum):
    """What became of a run."""

    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PENDING = "pending"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


class Runnable(Protocol):
    """What a loop runs: a task, or the process that runs one."""

    name: str
    context: Any
    logger: logging.Logger

    def task(self) -> object: ...
    def terminate_process(self, number: int, frame: FrameType | None) -> None: ...


class Loop:
    """Runs a task until it is asked to end, or once.

    Parameters
    ----------
    task : Runnable
        The task.
    loss : callable, optional
        For a task that looks itself for the loss of its lock: it is called before each run, and what it
        returns is called at a loss. Without it OneInstanceWatchdogError breaks into the task.
    """

    def __init__(self, task: Runnable, loss: Callable[[], Callable[[], object]] | None = None) -> None:
        self._task = task
        self._loss = loss
        self._logger = task.logger
        self._config: Any = task.context.config
        self._options = launcher_of(self._config)
        self._signs = Signs(task, self._options)
        #: The signal that asked this process to end while it was not to be interrupted; 0: none did.
        self._asked = 0
        self._handler: Callable[[int, FrameType | None], object] | None = None

    def run(self) -> None:
        """Runs it. Raises what ends the loop: Terminate, SystemExit, with `run_once` what the task raised."""
        self._config._configure_logging()
        context = self._task.context
        self._lock: Any = context.one_instance_lock
        self._liveness: Any = context.liveness
        self._metrics: Any = context.metrics
        try:
            self._go_on(self._schedule())
        finally:
            self._signs.stopping()

    def _go_on(self, schedule: Schedule) -> None:
        self._signs.begin(getattr(self._liveness, "served_at", None))
        first = schedule.first()
        if first is not None and not self._config.run_once:
            self._pause(first)
        while True:
            schedule.begins()
            with self._requests_to(self._note):
                status = self._turn()
            if self._config.run_once:
                if status is JobStatus.PENDING and self._options.lock_busy_exit:
                    raise SystemExit(self._options.lock_busy_exit)
                break
            if self._asked:
                self._end(self._asked, None)
            self._sleep(schedule, status)

    def _schedule(self) -> Schedule:
        times, jitter = self._options.times(self._config), self._options.jitter
        if times is None:
            return Intervals(self._config.sleep_interval, self._config.run_interval, jitter)
        from .cron import CronTimes

        return CronTimes(times, self._options.time_zone, jitter)

    # --- one run ---

    def _turn(self) -> JobStatus:
        """Runs the task once, if the lock is to be had; what became of that."""
        began = boot_time()
        status, is_done = JobStatus.UNKNOWN, False
        try:
            if self._acquire():
                self._run_task()
                self._liveness.write()
                status, is_done = JobStatus.SUCCEEDED, True
            else:
                self._report_owner()
                status = JobStatus.PENDING
        except OneInstanceWatchdogError:
            self._logger.exception("Lock has expired after %d seconds", boot_time() - began)
            status = JobStatus.INTERRUPTED
            if self._config.run_once:
                raise
        except Terminate:
            self._logger.warning("Task has been terminated")
            status = JobStatus.KILLED
            raise
        except Exception as error:
            trace = None if isinstance(error, RemoteError | UserError) else error.__traceback__
            self._logger.error("%s task failed", self._task.name, exc_info=(type(error), error, trace))
            status = JobStatus.FAILED
            if self._config.run_once:
                raise
        finally:
            self._signs.ended(status.value, is_done=is_done)
            self._push(boot_time() - began, status, is_done=is_done)
        return status

    def _acquire(self) -> bool:
        self._signs.asked_for_lock(None)
        is_ours = bool(self._lock.acquire())
        self._signs.asked_for_lock("held" if is_ours else "elsewhere")
        return is_ours

    def _run_task(self) -> None:
        """Runs the task with the lock, and releases that if it is not to be kept."""
        is_ending = False
        try:
            if self._asked:
                raise Terminate
            self._logger.info("Run task")
            self._signs.runs()
            with self._requests_to(self._task.terminate_process), self._lock_watched():
                self._call_task()
            self._logger.info("Task done")
        except Terminate:
            is_ending = True
            raise
        finally:
            if self._config.keep_lock and not self._config.run_once and not is_ending:
                self._lock.refresh()
            else:
                self._lock.release()

    def _call_task(self) -> None:
        process = os.getpid()
        try:
            self._task.task()
        except BaseException as error:
            if os.getpid() != process:
                end_fork(error)
            raise
        if os.getpid() != process:
            end_fork(None)

    @contextlib.contextmanager
    def _lock_watched(self) -> Iterator[None]:
        """Has the loss of the lock raise OneInstanceWatchdogError here, if the lock notices it by itself."""
        watch = getattr(self._lock, "interrupt_with", None)
        if watch is None:
            yield
            return
        if self._loss is not None:
            yield from self._watched(watch, self._loss())
            return
        with Interruptible(OneInstanceWatchdogError) as block:
            yield from self._watched(watch, block.interrupt)

    @staticmethod
    def _watched(watch: Any, interrupt: Callable[[], object]) -> Iterator[None]:
        try:
            watch(interrupt)
            yield
        finally:
            watch(None)

    def _report_owner(self) -> None:
        owner = self._lock.get_lock_owner_info()
        if owner:
            self._logger.info(
                "Can't acquire lock (lock owner is %s, locked at %s UTC)",
                owner.get("fqdn"),
                owner.get("time_utc"),
            )
        else:
            self._logger.info("Can't acquire lock")

    def _push(self, seconds: float, status: JobStatus, *, is_done: bool) -> None:
        tags = {"status": status.value, "type": "task"}
        metrics: dict[str, Any] = {"job_duration_seconds": {"value": seconds, "tags": tags}}
        if is_done:
            metrics["last_successful_run_timestamp"] = {"value": get_current_time()}
        self._metrics.push(metrics)

    # --- between runs ---

    def _sleep(self, schedule: Schedule, status: JobStatus) -> None:
        due = schedule.next()
        is_given_up = status is JobStatus.FAILED and self._config.release_on_error
        if self._config.keep_lock and status is not JobStatus.PENDING and not is_given_up:
            self._logger.info("Sleep for %s seconds, lock is kept", self._described(due.seconds))
            self._signs.sleeps(due)
            with self._requests_to(self._task.terminate_process):
                try:
                    sleep_until(due, self._lock.refresh)
                finally:
                    self._lock.release()
            return
        if is_given_up:
            self._lock.release()
            # So that another instance has the time to take the lock.
            due = due.doubled()
        self._pause(due)

    def _pause(self, due: Due) -> None:
        """Sleeps without the lock."""
        self._logger.info("Sleep for %s seconds", self._described(due.seconds))
        self._signs.sleeps(due)
        with self._requests_to(self._end):
            sleep_until(due)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        """Ends this process by that signal."""
        self._signs.stopping()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        # The first process of a container is spared by the kernel.
        os._exit(128 + number)

    def _described(self, seconds: float) -> str:
        """Whole seconds, as in jobslib, unless the sleep was set to a part of one."""
        interval = self._config.sleep_interval
        return f"{seconds:g}" if interval and interval != int(interval) else f"{int(seconds)}"

    @contextlib.contextmanager
    def _requests_to(self, handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
        """Has requests to end call that; after the last of these they end the process at once."""
        before, self._handler = self._handler, handler
        for number in _REQUESTS:
            signal.signal(number, handler)
        try:
            yield
        finally:
            self._handler = before
            for number in _REQUESTS:
                signal.signal(number, before or signal.SIG_DFL)

    def _note(self, number: int, frame: FrameType | None) -> None:
        """Takes note of a request while the lock is asked for or released; a second one ends it at once."""
        if self._asked:
            self._end(number, frame)
        self._asked = number
