"""A task in a process of its own, which a supervisor starts, watches and kills."""

from __future__ import annotations

import contextlib
import json
import logging
import operator
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from .. import _native
from ..internal.units import format_size
from ..leases.base import Lease
from ..process.managed import program_of
from ..supervisor.deaths import death_of
from .exceptions import OneInstanceWatchdogError, TaskDied, TaskRaised, Terminate
from .launcher import Launcher
from .launcher_lock import LauncherLease

__all__ = ["IsolatedTask"]

#: How long the supervisor sleeps at most before this process looks whether a signal has come.
_SLICE = 0.1
_SLICE_MS = 100

#: How many seconds a child has that is not needed any more to end by itself.
_FAREWELL = 5.0

#: What says how a run has ended, or that it is to end.
_ENDS = (TaskRaised, TaskDied, Terminate, OneInstanceWatchdogError)


class IsolatedTask:
    """Runs a task, again and again, in a child that lives as long as it does not die.

    Parameters
    ----------
    config : Config
        The configuration of this process, which has the lock.
    task_cls : type
        The class of the task.
    words : sequence of str
        The command line, from which the child makes a configuration and a task of its own.
    options : Launcher
        The limits.
    """

    def __init__(self, config: Any, task_cls: Any, words: Sequence[str], options: Launcher) -> None:
        self.name: str = task_cls.name
        self.context: Any = config.context_class.from_config(config)
        self.logger = logging.getLogger(f"{task_cls.__module__}.{task_cls.__name__}")
        self._words = list(words)
        self._options = options
        self._supervisor = _native.Supervisor(options.memory_limit, takes_signals=False)
        self._printed = _native.OutputQueue()
        #: Whether the child has said what became of the last run.
        self._is_idle = True
        #: The pipe to the child, if there is one, and its process.
        self._pipe: int | None = None
        self._pid = 0
        #: What has happened there, and was not looked at yet.
        self._events: deque[Any] = deque()
        #: Whether the task runs; then requests to end it are taken note of, and break into nothing.
        self._is_running = False
        self._is_asked = False
        #: Whether it was ever asked: then nobody waits any more for who reads what is printed.
        self._is_hurried = False
        self._loss = threading.Event()
        #: Whether the task was asked to end.
        self._is_ending = False

    def terminate_process(self, number: int, frame: FrameType | None) -> None:
        """Has the task end, and the launcher then; where it was asked before, at once."""
        self._is_hurried = True
        if not self._is_running or self._is_asked:
            raise Terminate
        self._is_asked = True

    def loss(self) -> Callable[[], object]:
        """What is to be called if the lock is lost while the next run goes on."""
        self._loss = threading.Event()
        return self._loss.set

    def task(self) -> None:
        """Runs the task once.

        Raises
        ------
        TaskRaised
            If the task raised something.
        TaskDied
            If its process died, or was killed for a limit.
        SystemExit
            If it called ``sys.exit``.
        Terminate, OneInstanceWatchdogError
            If this launcher was asked to end, or the lock was lost. The task has ended, then.
        """
        self._is_running = True
        try:
            self._run()
        finally:
            self._is_running = False
            if self._is_asked:
                # In the moment in which it ended, however that was.
                raise Terminate

    def _run(self) -> None:
        try:
            if self._pipe is None:
                self._start()
            self._is_idle = False
            self._send("run", LauncherLease.is_held_by(self._lease))
            self._wait()
        except Terminate:
            self._end_task(lambda: os.kill(self._pid, signal.SIGTERM), self._options.grace)
            raise
        except OneInstanceWatchdogError:
            self._end_task(lambda: self._send("lost"), self._options.kill_on_lock_loss)
            raise

    def close(self) -> None:
        """Ends the child: it has some time to end by itself, as a process does, and is killed then."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
            # What it printed last need not be a whole line.
            with contextlib.suppress(TimeoutError, OSError, SystemExit, *_ENDS):
                self._wait(_FAREWELL)
        self._supervisor.kill()
        while not self._printed.flush(_SLICE_MS):
            if self._is_hurried:
                # What this process prints last must not wait for a reader either.
                self._printed.abandon()
                return

    def _start(self) -> None:
        theirs, self._pipe = os.pipe()
        self._events.clear()
        patience = self._options.kill_on_lock_loss
        facts = LauncherLease.facts_of(self._lease, patience) if self._lease is not None else None
        given = [theirs, facts["page"]] if facts else [theirs]
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        program = program_of("jobslib.isolated_child", f"main({theirs})")
        mail = {
            "max_tasks": None,
            "tasks": None,
            "is_logged": True,
            "words": self._words,
            "path": list(sys.path),
            "timeout": self._options.task_timeout,
            "lease": facts,
        }
        arguments = [*flags, "-P", "-c", program, *self._words]
        try:
            self._pid = self._supervisor.start(1, sys.executable, arguments, [], pickle.dumps(mail), given)
        finally:
            for descriptor in given:
                os.close(descriptor)

    @property
    def _lease(self) -> Lease | None:
        """That of the lock, if this has one."""
        lease = getattr(self.context.one_instance_lock, "lease", None)
        return lease if isinstance(lease, Lease) else None

    def _send(self, kind: str, value: Any = None) -> None:
        assert self._pipe is not None
        # Where nobody reads any more, its end is about to be noticed.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._pipe, json.dumps([kind, value]).encode() + b"\n")

    def _wait(self, seconds: float | None = None) -> None:
        """Waits until the task has ended in one way or another; TimeoutError if it takes longer."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            # By slices, so that handlers of signals are called.
            self._events.extend(self._supervisor.wait(_SLICE))
            while self._events:
                if self._is_over(self._events.popleft()):
                    return
            self._heed()
            if end is not None and time.monotonic() > end:
                raise TimeoutError

    def _heed(self) -> None:
        """Raises what this process was asked to meanwhile, once."""
        if self._is_asked:
            self._is_asked = False
            raise Terminate
        if self._loss.is_set():
            self._loss.clear()
            raise OneInstanceWatchdogError

    def _is_over(self, event: Any) -> bool:
        """Whether the task has ended with this event; raises how, if not well."""
        if event[0] == "output":
            self._print(event[5], is_error=bool(event[2]))
        elif event[0] == "note":
            return self._is_last(*json.loads(pickle.loads(event[2])[1]))
        elif event[0] == "ended":
            self._take_end(event[1])
        return False

    def _print(self, data: bytes, *, is_error: bool) -> None:
        """Prints what the task has printed, and waits for who reads it, unless there is something to do."""
        (sys.stderr if is_error else sys.stdout).flush()
        self._printed.write(data, is_error=is_error)
        while not self._printed.flush(_SLICE_MS):
            if self._is_hurried or self._is_ending or self._loss.is_set():
                return

    def _is_last(self, kind: str, value: Any) -> bool:
        """The same for a message of the child."""
        if kind == "lock":
            self._answer(value)
            return False
        if kind == "push":
            self.context.metrics.push(value)
            return False
        self._is_idle = True
        if kind == "failed":
            raise TaskRaised(value)
        if kind == "exit":
            raise SystemExit(value)
        if kind in ("lost", "terminated") and not self._is_ending:
            raise OneInstanceWatchdogError if kind == "lost" else Terminate
        return kind in ("done", "lost", "terminated")

    def _answer(self, method: str) -> None:
        """Does with the lock what the task asks for."""
        try:
            answer = operator.attrgetter(method)(self.context.one_instance_lock)()
        except Exception as error:
            self._send("error", str(error))
        else:
            self._send("answer", answer)

    def _take_end(self, ended: Any) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        self._is_idle = True
        death = death_of(ended)
        if death is None:
            status = f"status {ended['number']}" if ended["kind"] == "exit" else f"signal {ended['number']}"
            raise TaskDied(ended["kind"], f"could not begin: its process ended with {status}")
        message = death["message"]
        if "memory" in ended:
            message = f"took {format_size(ended['memory'])} of memory, and was killed"
        elif message.startswith("killed"):
            message = f"was {message}"
        raise TaskDied(death["kind"], message, death["traceback"])

    def _end_task(self, ask: Any, patience: float | None) -> None:
        """Asks the task to end, and kills its process if it does not within so many seconds."""
        if self._pipe is None or self._is_idle:
            return
        self._is_ending = True
        try:
            ask()
            self._wait(patience)
        except TimeoutError:
            self.logger.warning("Task did not end within %g seconds, and is killed", patience)
            self._kill()
        except (Terminate, OneInstanceWatchdogError):
            # Asked once more: there is no time.
            self._kill()
        except (TaskRaised, TaskDied, ProcessLookupError):
            pass
        finally:
            self._is_ending = False

    def _kill(self) -> None:
        self._supervisor.kill()
        while self._pipe is not None:
            with contextlib.suppress(SystemExit, *_ENDS):
                self._wait()
