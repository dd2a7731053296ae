"""The supervisor that a script or a notebook starts: a child process, which starts the workers.

Nothing of a supervisor happens in a process of a user's own: it becomes no subreaper, waits for no child but
this one, and handles no signal but Ctrl-Z. An interrupt reaches it as a KeyboardInterrupt, and is passed on.
What it shows is what the supervisor sees: that sends it, and this process has the terminal or the notebook.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from multiprocessing.connection import Connection, Pipe, wait
from typing import TYPE_CHECKING, Any

from ..display.base import NoDisplay
from ..display.choose import open_display
from ..errors import UserError
from ..internal.console import say
from ..process.managed import Child, program_of, spawn
from ..process.signals import stopping_with

if TYPE_CHECKING:
    from ..display.base import Display
    from ..display.progress import Progress
    from ..internal.types import Order, RunResult

__all__ = ["supervise"]

#: How much is read at once.
_CHUNK = 1 << 16

#: How long a supervisor may take to end that has answered.
_GRACE = 5.0


def supervise(words: list[str], tasks: int | None = None) -> RunResult:
    """Has a supervisor run a jugfile or tasks, and passes on what workers print.

    Parameters
    ----------
    words : list of str
        Those of ``jug execute``.
    tasks : int, optional
        The descriptor of a file with the tasks.

    Raises
    ------
    UserError
        If it ended without an answer, or no worker could work; with status 2 if an option is wrong that only
        a supervisor can judge.
    KeyboardInterrupt
        If this process was interrupted, once nothing runs any more.
    """
    __tracebackhide__ = True
    result = None
    with _Supervisor(words, tasks) as supervisor, stopping_with(supervisor.stop, supervisor.go_on):
        while result is None:
            try:
                result = supervisor.follow()
            except KeyboardInterrupt:
                supervisor.interrupt()
    if result["signal"]:
        raise KeyboardInterrupt
    if result["status"] and not any(result["failed"].values()) and not any(result["blocked"]):
        raise UserError("the workers could not work; what they printed says why")
    return result


class _Supervisor:
    """A supervisor and what comes from it.

    Parameters
    ----------
    words : list of str
    tasks : int, optional
        See :func:`supervise`.
    """

    def __init__(self, words: list[str], tasks: int | None) -> None:
        self._display: Display = NoDisplay()
        self._child, self._reader = _start(words, tasks)
        self._interrupts = 0

    def __enter__(self) -> _Supervisor:
        return self

    def __exit__(self, *_: object) -> None:
        # Without an answer it is not wanted any more.
        if self._reader.answer is None:
            self._child.kill()
        self._child.leave(_GRACE)
        self._reader.join()
        seen = self._reader.progress
        self._display.close(None if seen is None else lambda: seen)

    def follow(self) -> RunResult:
        """Shows what comes until the answer is there, and returns it."""
        __tracebackhide__ = True
        while not self._reader.is_over:
            self._reader.wait(self._display.due_in())
            self._show()
        # What came with the end.
        self._show()
        if self._reader.answer is None:
            raise UserError(
                f"the supervisor has ended ({self._child.end().text}); what was finished is stored"
            )
        kind, content = self._reader.answer
        if kind == "error":
            raise UserError(*content)
        result: RunResult = content
        return result

    def _show(self) -> None:
        """Prints what has come, and shows how far it is."""
        if self._reader.mode is not None:
            self._display = open_display(self._reader.mode, sys.stderr, say)
            self._reader.mode = None
        for data, is_error in self._reader.lines():
            self._display.write(data, is_error=is_error)
        if (seen := self._reader.progress) is not None:
            self._display.refresh(lambda: seen)

    def stop(self) -> None:
        """This process is about to be stopped by Ctrl-Z: so are the workers."""
        self._display.hide()
        os.kill(self._child.pid, signal.SIGTSTP)

    def go_on(self) -> None:
        """It is continued: so are the workers."""
        os.kill(self._child.pid, signal.SIGCONT)

    def interrupt(self) -> None:
        """Lets nothing new start; the second time, kills what runs, and the third time all."""
        __tracebackhide__ = True
        self._interrupts += 1
        if self._reader.is_at_work and self._interrupts < 3:
            os.kill(self._child.pid, signal.SIGINT)
        else:
            self._child.kill()
            raise KeyboardInterrupt


def _start(words: list[str], tasks: int | None) -> tuple[Child, _Reader]:
    """Starts a supervisor, and a thread that reads what comes from it."""
    order: Order = {
        "command": ["jug", "execute", *words],
        "argv": list(sys.argv),
        "path": list(sys.path),
        "tasks": tasks,
    }
    pipe, its_pipe = Pipe()
    (out, its_out), (err, its_err) = os.pipe(), os.pipe()
    descriptors = [its_pipe.fileno(), its_out, its_err]
    call = f"main({', '.join(map(str, descriptors))}, {os.getpid()})"
    program = program_of("cli.from_python", call)
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    keep = descriptors if tasks is None else [*descriptors, tasks]
    try:
        child = spawn([sys.executable, *flags, "-P", "-c", program], keep=keep)
    finally:
        its_pipe.close()
        os.close(its_out)
        os.close(its_err)
    # If it has ended already, the reader says so.
    with contextlib.suppress(OSError):
        pipe.send(order)
    return child, _Reader(pipe, out, err)


class _Reader:
    """Reads what comes from a supervisor, in a thread of its own, where no interrupt can lose any of it.

    Parameters
    ----------
    pipe : Connection
        For its answer.
    out, err : int
        The ends of pipes to which it prints.

    Attributes
    ----------
    is_at_work : bool
        Whether it takes signals.
    mode : str or None
        How it is to be shown; None: that is not known yet, or was seen to.
    progress : Progress or None
        How far it was when the supervisor looked last.
    answer : (str, any) or None
        Its last message.
    is_over : bool
        Whether nothing more can come.
    """

    def __init__(self, pipe: Connection, out: int, err: int) -> None:
        self.is_at_work = False
        self.mode: str | None = None
        self.progress: Progress | None = None
        self.answer: tuple[str, Any] | None = None
        self.is_over = False
        self._pipe = pipe
        self._streams = {out: _Lines(is_error=False), err: _Lines(is_error=True)}
        #: What is to be printed: what, and whether to stderr.
        self._lines: deque[tuple[bytes, bool]] = deque()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._read, name="jug-supervisor", daemon=True)
        self._thread.start()

    def wait(self, seconds: float | None) -> None:
        """Sleeps until there is something new, so long at most."""
        self._news.wait(seconds)
        self._news.clear()

    def lines(self) -> Iterator[tuple[bytes, bool]]:
        """What is to be printed of what was read so far, and whether to stderr."""
        while self._lines:
            # An interrupt may come meanwhile.
            yield self._lines[0]
            self._lines.popleft()

    def join(self) -> None:
        """Waits for the end of the thread: that of the process."""
        self._thread.join()

    def _read(self) -> None:
        try:
            waiting: list[Any] = [self._pipe, *self._streams]
            while waiting:
                source: Any
                for source in wait(waiting):
                    is_open = self._take_message() if source is self._pipe else self._take_text(source)
                    if not is_open:
                        waiting.remove(source)
                self._news.set()
        finally:
            self._pipe.close()
            for descriptor in self._streams:
                os.close(descriptor)
            self.is_over = True
            self._news.set()

    def _take_message(self) -> bool:
        """Reads a message; whether more can come."""
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            return False
        kind, content = message
        if kind == "ready":
            self.is_at_work = True
        elif kind == "display":
            self.mode = content
        elif kind == "progress":
            self.progress = content
        else:
            self.answer = message
        return True

    def _take_text(self, descriptor: int) -> bool:
        data = os.read(descriptor, _CHUNK)
        lines = self._streams[descriptor]
        if text := lines.taken(data):
            self._lines.append((text, lines.is_error))
        return bool(data)


class _Lines:
    """Whole lines of what comes in pieces.

    Parameters
    ----------
    is_error : bool
        Whether they are printed to stderr.
    """

    def __init__(self, *, is_error: bool) -> None:
        self.is_error = is_error
        self._rest = b""

    def taken(self, data: bytes) -> bytes:
        """The lines that are whole with this piece; without one, what is left."""
        whole, feed, self._rest = (self._rest + data).rpartition(b"\n")
        if not data:
            feed, self._rest = feed + self._rest, b""
        return whole + feed
