"""The process that `isolated` starts: makes the task from the command line, and runs it on demand."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from ..internal import supervision
from ..internal.console import show
from ..internal.printing import flush_output
from ..internal.tracebacks import users_traceback
from ..leases.interrupt import Interruptible
from .exceptions import OneInstanceWatchdogError, Terminate
from .metrics import BaseMetrics
from .oneinstance import BaseLock

__all__ = ["main"]

_REQUESTS = (signal.SIGTERM, signal.SIGINT)


class _LauncherLock(BaseLock):
    """The lock of the launcher, as the task has it: what is asked of it, the launcher does."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def acquire(self) -> bool:
        return self._channel.ask("acquire")  # type: ignore[no-any-return]

    def release(self) -> bool:
        return self._channel.ask("release")  # type: ignore[no-any-return]

    def refresh(self) -> bool:
        return self._channel.ask("refresh")  # type: ignore[no-any-return]

    def get_lock_owner_info(self) -> dict[str, Any] | None:
        return self._channel.ask("get_lock_owner_info")  # type: ignore[no-any-return]


class _LauncherMetrics(BaseMetrics):
    """The numbers of the task, which the launcher keeps."""

    def __init__(self, channel: _Channel) -> None:
        self._channel = channel

    def push(self, metrics: Mapping[str, Mapping[str, Any]]) -> None:
        self._channel.say("push", metrics)


class _Channel:
    """Messages from and to the launcher."""

    def __init__(self, mine: supervision.Supervision, pipe: int) -> None:
        self._mine = mine
        self._pipe = pipe
        self._answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._asking, self._saying = threading.Lock(), threading.Lock()
        self.runs: queue.Queue[bool] = queue.Queue()
        #: What has the task know that the lock is lost.
        self.lose: Callable[[], object] = lambda: None
        threading.Thread(target=self._read, name="jug-launcher", daemon=True).start()

    def say(self, kind: str, value: Any = None) -> None:
        """Writes a message."""
        with self._saying:
            self._mine.note("launcher", json.dumps([kind, value]))

    def ask(self, method: str) -> Any:
        """What the lock of the launcher answers. RuntimeError with what it raised."""
        with self._asking:
            self.say("lock", method)
            kind, value = self._answers.get()
        if kind == "error":
            raise RuntimeError(value)
        return value

    def _read(self) -> None:
        with open(self._pipe) as lines:
            for line in lines:
                kind, value = json.loads(line)
                if kind == "run":
                    self.runs.put(True)
                elif kind == "lost":
                    self.lose()
                else:
                    self._answers.put((kind, value))
        self.runs.put(False)


def main(pipe: int) -> None:
    """Serves the launcher that started this process, until that closes the pipe.

    Parameters
    ----------
    pipe : int
        The descriptor on which requests come.
    """
    import faulthandler

    mine = supervision.begin()
    faulthandler.enable(mine.faults)
    os.set_inheritable(pipe, False)
    mail: Any = mine.mail
    sys.path[:] = mail["path"]
    channel = _Channel(mine, pipe)
    from .main import prepared

    try:
        task = prepared(mail["words"]).make()
        task.context.config._configure_logging()
        task.context.__dict__["one_instance_lock"] = _LauncherLock(channel)
        if getattr(task.context.config.metrics.backend, "belongs_to_launcher", False):
            task.context.__dict__["metrics"] = _LauncherMetrics(channel)
    except Exception:
        channel.say("failed", traceback.format_exc())
        raise
    mine.slot.load([task.name or "task"], None, mail["timeout"])
    mine.slot.set_phase("working")
    mine.ring()
    while channel.runs.get():
        _run(task, channel, mine, mail["timeout"])
    mine.slot.set_phase("ended")


def _run(task: Any, channel: _Channel, mine: supervision.Supervision, timeout: float | None) -> None:
    """Runs the task once, and says what became of it."""
    kind, value = "done", None  # type: tuple[str, Any]
    mine.slot.starts(0, bytes(32), task.name or "task", 1, timeout)
    try:
        for number in _REQUESTS:
            signal.signal(number, task.terminate_process)
        try:
            with Interruptible(OneInstanceWatchdogError) as block:
                channel.lose = block.interrupt
                task.task()
        finally:
            for number in _REQUESTS:
                signal.signal(number, signal.SIG_DFL)
    except SystemExit as leaving:
        kind, value = "exit", leaving.code
        if not isinstance(value, int | None):
            show(str(value))
            value = 1
    except Terminate:
        kind = "terminated"
    except OneInstanceWatchdogError:
        kind = "lost"
    except BaseException as error:
        kind, value = "failed", users_traceback(error).strip()
    flush_output()
    mine.slot.rests()
    channel.say(kind, value)
