"""A task in a process of its own, which a supervisor starts, watches and kills."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

from .. import _native
from ..internal.units import format_size
from ..process.managed import program_of
from ..supervisor.deaths import death_of
from .exceptions import OneInstanceWatchdogError, TaskDied, TaskRaised, Terminate
from .launcher import Launcher

__all__ = ["IsolatedTask"]

#: How long the supervisor sleeps at most before this process looks whether a signal has come.
_SLICE = 0.1


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
        #: The pipe to the child, if there is one, and its process.
        self._pipe: int | None = None
        self._pid = 0
        #: Whether the task was asked to end.
        self._is_ending = False

    def terminate_process(self, number: int, frame: FrameType | None) -> None:
        """Has the task end, and the launcher then."""
        raise Terminate

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
        try:
            if self._pipe is None:
                self._start()
            self._send("run")
            self._wait()
        except Terminate:
            self._end_task(lambda: os.kill(self._pid, signal.SIGTERM), self._options.grace)
            raise
        except OneInstanceWatchdogError:
            self._end_task(lambda: self._send("lost"), self._options.kill_on_lock_loss)
            raise

    def close(self) -> None:
        """Ends the child."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
        self._supervisor.kill()

    def _start(self) -> None:
        theirs, self._pipe = os.pipe()
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        program = program_of("jobslib.isolated_child", f"main({theirs})")
        mail = {
            "max_tasks": None,
            "tasks": None,
            "is_logged": True,
            "words": self._words,
            "path": list(sys.path),
            "timeout": self._options.task_timeout,
        }
        arguments = [*flags, "-P", "-c", program, *self._words]
        try:
            self._pid = self._supervisor.start(1, sys.executable, arguments, [], pickle.dumps(mail), [theirs])
        finally:
            os.close(theirs)

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
            for event in self._supervisor.wait(_SLICE):
                if event[0] == "output":
                    stream = sys.stderr if event[2] else sys.stdout
                    stream.write(event[5].decode(errors="backslashreplace"))
                    stream.flush()
                elif event[0] == "note":
                    if self._is_over(*json.loads(pickle.loads(event[2])[1])):
                        return
                elif event[0] == "ended":
                    self._take_end(event[1])
            if end is not None and time.monotonic() > end:
                raise TimeoutError

    def _is_over(self, kind: str, value: Any) -> bool:
        """Whether a message of the child says that the task has ended; raises how, if not well."""
        if kind == "lock":
            self._answer(value)
            return False
        if kind == "push":
            self.context.metrics.push(value)
            return False
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
            answer = getattr(self.context.one_instance_lock, method)()
        except Exception as error:
            self._send("error", str(error))
        else:
            self._send("answer", answer)

    def _take_end(self, ended: Any) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
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
        if self._pipe is None:
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
        with contextlib.suppress(TaskDied):
            self._wait()
