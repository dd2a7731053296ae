"""The process that `isolated` starts: makes the task from the command line, and runs it on demand."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any

from ..internal import supervision
from ..internal.console import show
from ..internal.printing import flush_output
from ..internal.tracebacks import users_traceback
from ..leases.interrupt import Interruptible
from .exceptions import OneInstanceWatchdogError, Terminate
from .forks import end_fork
from .launcher_lock import LauncherLease, LauncherLock
from .metrics import BaseMetrics

__all__ = ["main"]

_REQUESTS = (signal.SIGTERM, signal.SIGINT)


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
        self._asking, self._saying, self._state = threading.Lock(), threading.Lock(), threading.Lock()
        self._is_running = self._is_lost = False
        self._block: Interruptible | None = None
        #: The runs that the launcher asks for: whether their lease is held; None: no more.
        self.runs: queue.Queue[bool | None] = queue.Queue()
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

    def lose(self) -> None:
        """Has the task know that the lock is lost, if one runs."""
        with self._state:
            self._is_lost = self._is_running
            if self._block is not None:
                self._block.interrupt()

    def opens(self, block: Interruptible | None) -> None:
        """The part of a run in which the task can know of a loss begins, or ends."""
        with self._state:
            self._block = block
            if block is not None and self._is_lost:
                block.interrupt()

    def is_over(self) -> None:
        """The task runs no more, which is about to be said."""
        with self._state:
            self._is_running = self._is_lost = False

    def _read(self) -> None:
        with contextlib.suppress(OSError), open(self._pipe) as lines:
            for line in lines:
                kind, value = json.loads(line)
                if kind == "run":
                    with self._state:
                        self._is_running = True
                    self.runs.put(value)
                elif kind == "lost":
                    self.lose()
                else:
                    self._answers.put((kind, value))
        self.runs.put(None)


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
    lease = LauncherLease(channel, mail["lease"]) if mail["lease"] else None
    if lease is not None:
        os.close(mail["lease"]["page"])
        lease.on_loss(lambda _: channel.lose())
    from .main import prepared

    try:
        task = prepared(mail["words"]).make()
        task.context.config._configure_logging()
        task.context.__dict__["one_instance_lock"] = LauncherLock(channel, lease)
        if getattr(task.context.config.metrics.backend, "belongs_to_launcher", False):
            task.context.__dict__["metrics"] = _LauncherMetrics(channel)
    except Exception:
        channel.say("failed", traceback.format_exc())
        raise
    mine.slot.load([task.name or "task"], None, mail["timeout"])
    mine.slot.set_phase("working")
    mine.ring()
    while (is_held := channel.runs.get()) is not None:
        if lease is not None and not lease.begins() and is_held:
            # Its time was over before this process had begun: the launcher does not know if it is paused.
            channel.lose()
        kind, value = _run(task, channel, mine, mail["timeout"])
        if lease is not None:
            lease.ends()
        channel.is_over()
        channel.say(kind, value)
    mine.slot.set_phase("ended")


def _run(
    task: Any, channel: _Channel, mine: supervision.Supervision, timeout: float | None
) -> tuple[str, Any]:
    """Runs the task once; what became of it, as the launcher is to know."""
    kind, value = "done", None  # type: tuple[str, Any]
    raised: BaseException | None = None
    mine.slot.starts(0, bytes(32), task.name or "task", 1, timeout)
    try:
        for number in _REQUESTS:
            signal.signal(number, task.terminate_process)
        try:
            with Interruptible(OneInstanceWatchdogError) as block:
                try:
                    channel.opens(block)
                    task.task()
                finally:
                    channel.opens(None)
        finally:
            for number in _REQUESTS:
                signal.signal(number, signal.SIG_DFL)
    except SystemExit as leaving:
        raised, kind, value = leaving, "exit", leaving.code
        if mine.is_here and not isinstance(value, int | None):
            show(str(value))
            value = 1
    except Terminate:
        kind = "terminated"
    except OneInstanceWatchdogError:
        kind = "lost"
    except BaseException as error:
        raised, kind, value = error, "failed", users_traceback(error).strip()
    if not mine.is_here:
        end_fork(raised)
    flush_output()
    if not mine.is_connected:
        show("the task closed files that it had not opened: what became of it cannot be said")
        os._exit(1)
    mine.slot.rests()
    return kind, value
