"""A child process that is watched: its end has a reason, and nothing of its process group outlives it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

__all__ = ["Child", "End", "fork", "spawn"]

#: The exit status of a child that :func:`fork` made and whose function raised something.
_RAISED = 70


class End(NamedTuple):
    """Why a process is there no more.

    Attributes
    ----------
    kind : {"signal", "exit"}
        Whether a signal killed it, or it ended itself.
    number : int
        Of the signal, or the exit status.
    """

    kind: Literal["signal", "exit"]
    number: int

    @property
    def text(self) -> str:
        """In words."""
        if self.kind == "exit":
            return f"ended its process with status {self.number}"
        try:
            name = signal.Signals(self.number).name
        except ValueError:
            name = f"signal {self.number}"
        why = ", perhaps for want of memory" if self.number == signal.SIGKILL else ""
        return f"killed by {name}{why}"


class Child:
    """A process that :func:`spawn` or :func:`fork` started.

    Parameters
    ----------
    pid : int
        It leads a process group of its own.
    reap : callable
        Waits for its end: its exit status, or minus the number of the signal that killed it.
    """

    def __init__(self, pid: int, reap: Callable[[], int]) -> None:
        self.pid = pid
        self._reap = reap
        self._pidfd = os.pidfd_open(pid)
        self._end: End | None = None

    def wait_for(self, fd: int) -> bool:
        """Sleeps until `fd` can be read or the process has ended; whether there may be something to read."""
        return fd in _readable([fd, self._pidfd], None)

    def end(self) -> End:
        """Waits for its end and kills what is left of its process group."""
        if self._end is None:
            _readable([self._pidfd], None)
            # While it is not reaped, no other group can have its number.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            status = self._reap()
            os.close(self._pidfd)
            self._end = End("signal", -status) if status < 0 else End("exit", status)
        return self._end

    def leave(self, seconds: float) -> End:
        """Gives it so long to end by itself, and kills it then."""
        if self._end is None and not _readable([self._pidfd], seconds):
            self.kill()
        return self.end()

    def kill(self) -> None:
        """Kills it and its process group at once."""
        if self._end is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self.end()


def _readable(descriptors: Sequence[int], seconds: float | None) -> list[int]:
    """Sleeps until one of them can be read, so long at most; those that can."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)]


def spawn(command: Sequence[str], *, keep: Sequence[int], cwd: str | None = None) -> Child:
    """Starts a program.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    keep : sequence of int
        The descriptors that it gets beside stdout and stderr. Its stdin is empty: it is not in the
        foreground of a terminal, from which it would wait to read for ever.
    cwd : str, optional
        Its working directory; default that of this process.
    """
    process = subprocess.Popen(
        command, cwd=cwd, pass_fds=keep, stdin=subprocess.DEVNULL, process_group=0, close_fds=True
    )
    return Child(process.pid, process.wait)


def fork(run: Callable[[], object]) -> Child:
    """Starts a copy of this process that calls `run` and ends.

    Locks that other threads of this process hold stay locked there.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = _RAISED
        try:
            from .._native import end_with

            os.setpgid(0, 0)
            end_with(parent)
            run()
            status = 0
        finally:
            os._exit(status)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.setpgid(pid, pid)
    return Child(pid, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
