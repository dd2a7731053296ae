"""A child process that is watched: its end has a reason, and nothing below it outlives it."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from .. import _native

__all__ = ["Child", "End", "draw_anew", "fork", "program_of", "spawn"]

#: The package that this module belongs to, and its file.
_PACKAGE = __name__.partition(".")[0]
_INIT = sys.modules[_PACKAGE].__file__

#: The exit status of a child that :func:`fork` made and whose function raised something.
_RAISED = 70


#: The signals that a process brings upon itself.
_OWN_SIGNALS = (
    *(signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL),
    *(signal.SIGTRAP, signal.SIGSYS, signal.SIGXCPU, signal.SIGXFSZ),
)


class End(NamedTuple):
    """Why a process is there no more.

    Attributes
    ----------
    kind : {"signal", "exit", "lost"}
        Whether a signal killed it, it ended itself, or somebody else has taken its status.
    number : int
        Of the signal, or the exit status.
    """

    kind: Literal["signal", "exit", "lost"]
    number: int

    @property
    def is_own(self) -> bool:
        """Whether the process is sure to have ended by its own doing."""
        return self.kind == "exit" or (self.kind == "signal" and self.number in _OWN_SIGNALS)

    @property
    def text(self) -> str:
        """In words."""
        if self.kind == "exit":
            return f"ended its process with status {self.number}"
        if self.kind == "lost":
            return "ended its process, and its status is not known"
        try:
            name = signal.Signals(self.number).name
        except ValueError:
            name = f"signal {self.number}"
        why = ", perhaps for want of memory" if self.number == signal.SIGKILL else ""
        return f"killed by {name}{why}"

    @property
    def clause(self) -> str:
        """In words that follow what has ended."""
        return f"was {self.text}" if self.kind == "signal" else self.text


class Child:
    """A process that :func:`spawn` or :func:`fork` started.

    Parameters
    ----------
    process : _native.Child
        What it is for the system.
    """

    def __init__(self, process: _native.Child) -> None:
        self._process = process
        self._end: End | None = None

    @property
    def pid(self) -> int:
        """Its id, which is that of its process group."""
        return self._process.pid

    def fileno(self) -> int:
        """A descriptor that can be read when it has ended."""
        return self._process.fileno()

    def wait_for(self, fd: int, seconds: float | None = None) -> bool:
        """Sleeps until `fd` can be read or the process has ended; whether there may be something to read.

        TimeoutError if neither has happened after so many seconds.
        """
        found = _readable([fd, self._process.fileno()], seconds)
        if not found:
            raise TimeoutError
        return fd in found

    def end(self) -> End:
        """Waits for its end and kills what is left of its process group, and all below that."""
        if self._end is None:
            # In Python, where a signal to this process ends the wait.
            _readable([self._process.fileno()], None)
            try:
                status = self._process.reap()
            except ChildProcessError:
                self._end = End("lost", 0)
            else:
                self._end = End("signal", -status) if status < 0 else End("exit", status)
        return self._end

    def end_alone(self) -> End:
        """Waits for its end, and leaves alone what it leaves behind."""
        if self._end is None:
            _readable([self._process.fileno()], None)
            try:
                _, status = os.waitpid(self.pid, 0)
            except ChildProcessError:
                self._end = End("lost", 0)
            else:
                code = os.waitstatus_to_exitcode(status)
                self._end = End("signal", -code) if code < 0 else End("exit", code)
        return self._end

    def leave(self, seconds: float) -> End:
        """Gives it so long to end by itself, and kills it then."""
        if self._end is None and not _readable([self._process.fileno()], seconds):
            self.kill()
        return self.end()

    def kill(self) -> None:
        """Kills it and everything below it at once."""
        if self._end is None:
            self._process.kill_tree()
            self.end()


def _readable(descriptors: Sequence[int], seconds: float | None) -> list[int]:
    """Sleeps until one of them can be read, so long at most; those that can."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(None if seconds is None else seconds * 1000)]


def program_of(module: str, call: str) -> str:
    """What another Python runs (``-P -c``) to call a function of this very package.

    Nothing joins ``sys.path`` for it: Python's own modules stay before those that are installed beside this
    package, and that has imported no others when it takes over the path of the process that starts it.

    Parameters
    ----------
    module : str
        The module, by its name in this package.
    call : str
        The call, in Python.
    """
    name = call.partition("(")[0]
    return (
        "import sys; from importlib.util import module_from_spec, spec_from_file_location; "
        f"spec = spec_from_file_location({_PACKAGE!r}, {_INIT!r}); "
        f"sys.modules[{_PACKAGE!r}] = package = module_from_spec(spec); spec.loader.exec_module(package); "
        f"from {_PACKAGE}.{module} import {name}; {call}"
    )


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
    return Child(_native.Child.spawn(command, keep=keep, cwd=cwd))


def fork(run: Callable[[], object]) -> Child:
    """Starts a copy of this process that calls `run` and ends.

    Locks that other threads of this process hold stay locked there.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        status = _RAISED
        try:
            os.setpgid(0, 0)
            _native.become_subreaper()
            _native.end_with(parent)
            draw_anew()
            run()
            status = 0
        finally:
            os._exit(status)
    return Child(_native.Child.adopt(pid))


def draw_anew() -> None:
    """Has this process, which was forked, draw other random numbers than its parent and its siblings.

    ``random`` does so by itself, numpy's global generator does not.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
