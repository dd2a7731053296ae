"""Tasks that are run apart: in a watched child, so that their death costs no worker and has a reason."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection, Pipe
from typing import Any

from ...executors.inline import InlineExecutor
from ...internal import log
from ...internal.printing import flush_output
from ...internal.tracebacks import fault_of_user
from ...process.managed import Child, End, fork, program_of, spawn
from ..failures.errors import FailedInChild, UnstorableResult
from ..failures.report import failure_report
from ..jugfile import Jugfile
from .nesting import RunsInChild, worker_at_work
from .output import TaskOutput

__all__ = ["Death", "IsolatedRunner", "Overtime", "answer", "tell_of_ends"]

#: How long a child may take to end when nothing is left for it to do: exit handlers run, and no more.
_GRACE = 2.0

#: The signal at which a child writes where it is, and how long it may take for that.
_TELL = signal.SIGRTMAX - 1
_TELLING = 0.2

#: How long a signal that is sent to all processes of a worker may take to reach this one too.
_SAME_SIGNAL = 0.2


class Death(Exception):
    """The process ended in which a task ran apart."""

    def __init__(self, end: End, traceback: str) -> None:
        super().__init__(end.text)
        self.end = end
        self.traceback = traceback


class Overtime(Exception):
    """A task ran apart for too long, and its process was killed; `traceback` says where it was."""

    def __init__(self, traceback: str) -> None:
        super().__init__("ran for too long")
        self.traceback = traceback


class IsolatedRunner:
    """Runs tasks in a child process, one at a time; the child is started for the first of them.

    Parameters
    ----------
    jugfile : Jugfile, optional
        Where a fresh interpreter finds the tasks. Without it, and for tasks that it does not find there, the
        child is a copy of this process.
    output : TaskOutput, optional
        Where what tasks print is kept, if it is.
    """

    def __init__(self, jugfile: Jugfile | None, output: TaskOutput | None = None) -> None:
        self._jugfile = jugfile
        self._output = output or TaskOutput(None)
        #: The child and the pipe to it, once it has loaded the jugfile.
        self._child: tuple[Child, Connection] | None = None
        self._deaths: Any = None

    def run(self, t: Any, timeout: float | None = None) -> Any:
        """What the task returns, if it does not take longer than `timeout`, in seconds.

        Raises
        ------
        Death
            If its process died.
        Overtime
            If it took longer, and was killed with all that it had started. The next task has a fresh process.
        FailedInChild
            If it raised something, or its result cannot be handed over.
        """
        flush_output()
        self._open_deaths()
        if self._jugfile is not None and self._child is None:
            self._child = self._start(self._jugfile)
        if self._child is not None:
            kind, reply = self._ask(t.key(), *self._child, timeout)
            if kind != "unknown":
                return _result(kind, reply)
            log.info(
                "task %s, or what it needs, is not there when the jugfile is loaded again: it runs in a copy",
                t.name,
            )
        return self._run_copy(t, timeout)

    def close(self) -> None:
        """Ends the child, if there is one."""
        if self._child is not None:
            child, pipe = self._child
            self._child = None
            pipe.close()
            child.leave(_GRACE)

    def _start(self, jugfile: Jugfile) -> tuple[Child, Connection] | None:
        """A child that has loaded the jugfile; None if it cannot."""
        pipe, theirs = Pipe()
        printed_to = self._output.fileno()
        call = f"main({theirs.fileno()}, {self._deaths.fileno()}, {os.getpid()}, {printed_to})"
        program = program_of("engine.worker.isolated_child", call)
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        with theirs:
            keep = [theirs.fileno(), self._deaths.fileno()]
            if printed_to is not None:
                keep.append(printed_to)
            # What it prints while it loads the jugfile is no task's.
            with self._output.apart():
                child = spawn([sys.executable, *flags, "-P", "-c", program], keep=keep, cwd=jugfile.cwd)
        try:
            pipe.send((tuple(jugfile), sys.path))
            kind, reply = self._receive(child, pipe)
        except (Death, OSError) as error:
            kind, reply = "unloadable", str(error)
        except BaseException:
            child.kill()
            raise
        if kind == "ready":
            return child, pipe
        log.info("the jugfile cannot be loaded in a process of its own: %s", reply)
        child.kill()
        pipe.close()
        return None

    def _ask(self, key: bytes, child: Child, pipe: Connection, timeout: float | None) -> tuple[str, Any]:
        try:
            pipe.send_bytes(key)
            return self._receive(child, pipe, timeout)
        except BaseException:
            self._child = None
            child.kill()
            pipe.close()
            raise

    def _run_copy(self, t: Any, timeout: float | None) -> Any:
        pipe, theirs = Pipe()

        def run() -> None:
            tell_of_ends(self._deaths.fileno())
            answer(t, theirs)

        child = fork(run)
        theirs.close()
        try:
            return _result(*self._receive(child, pipe, timeout))
        finally:
            child.kill()
            pipe.close()

    def _receive(self, child: Child, pipe: Connection, timeout: float | None = None) -> tuple[str, Any]:
        """The next message of the child; Death if it ends without one, Overtime if it takes too long."""
        try:
            if child.wait_for(pipe.fileno(), timeout):
                return pickle.loads(pipe.recv_bytes())  # type: ignore[no-any-return]
        except TimeoutError:
            self._ask_where(child)
            child.kill()
            raise Overtime(self._last_words()) from None
        except (EOFError, ConnectionError):
            pass
        end = child.leave(_GRACE)
        if end.kind == "signal" and end.number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # Perhaps all processes of this worker are asked to end: then the signal ends this call, too.
            time.sleep(_SAME_SIGNAL)
        raise Death(end, self._last_words())

    # --- what is left of a process that died ---

    def _open_deaths(self) -> None:
        """Makes an empty file in memory, where a process that dies of a fault writes what it was doing."""
        if self._deaths is None:
            self._deaths = os.fdopen(os.memfd_create("jug-deaths"), "r+b", buffering=0)
        self._deaths.truncate(0)
        self._deaths.seek(0)

    def _ask_where(self, child: Child) -> None:
        """Has a child that is to be killed write where it is, if it does so in a moment."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, _TELL)
        before, size, end = -1, 0, time.monotonic() + _TELLING
        while time.monotonic() < end and (size == 0 or size != before):
            time.sleep(0.01)
            before, size = size, os.fstat(self._deaths.fileno()).st_size

    def _last_words(self) -> str:
        self._deaths.seek(0)
        return fault_of_user(self._deaths.read().decode(errors="replace"))


def tell_of_ends(deaths: int) -> None:
    """Has this process write into that file what it does when it dies of a fault, or is asked where it is."""
    import faulthandler

    faulthandler.enable(deaths)
    faulthandler.register(_TELL, deaths)


def _result(kind: str, reply: Any) -> Any:
    if kind == "result":
        return pickle.loads(reply)
    raise FailedInChild(reply)


def answer(t: Any, pipe: Connection, *, debug: bool = False) -> None:
    """Runs a task and sends what became of it."""
    here = os.getpid()
    with worker_at_work(RunsInChild(t.key())):
        outcome = InlineExecutor(debug=debug).run(t)
    if os.getpid() != here:
        if outcome.error is not None:
            raise outcome.error
        os._exit(1)  # A process that the task forked returned from it.
    reply: tuple[str, Any] | None = None
    if outcome.error is None:
        try:
            reply = ("result", pickle.dumps(outcome.value, 5))
        except Exception as cause:
            unstorable = UnstorableResult(t.name, outcome.value, cause)
            unstorable.__cause__ = cause
            outcome = outcome._replace(error=unstorable)
    if reply is None:
        reply = ("failed", failure_report(t, outcome, attempt=0, kept=False))
    flush_output()
    pipe.send_bytes(pickle.dumps(reply, 5))
