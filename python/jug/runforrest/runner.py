"""The process that runs the tasks of a folder for a script: a child of it, from which tasks are forked.

It reads no task itself: whatever is in one, and whatever it imports, happens in the task's own process. What
became of a task it says to the script, which reads the result and puts the files where they belong.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import _native
from ..engine.preloading import preload
from ..errors import UserError
from ..internal.printing import flush_output
from ..process.forkserver import import_for_forks
from ..process.managed import Child, End
from .at_work import Running, Starter
from .claims import claim, claim_all
from .folder import Folder, Log
from .memory import MemoryLimit
from .messages import Messages, milliseconds
from .performance import prepare

__all__ = ["main"]


def main(channel: int, parent: int) -> None:
    """Runs tasks as the process `parent` asks for it, and ends with that.

    Parameters
    ----------
    channel : int
        A socket on which messages come and go.
    parent : int
        The id of the process that started this one.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _native.become_subreaper()
    try:
        _native.end_with(parent)
    except ProcessLookupError:
        # It was killed meanwhile.
        return
    messages = Messages(socket.socket(fileno=channel))
    os.set_inheritable(channel, False)
    poll = select.poll()
    poll.register(messages, select.POLLIN)
    orders: list[Any] = []
    while not orders and not messages.is_over:
        poll.poll()
        orders = list(messages.received())
    if orders:
        Runner(messages, orders[0][0]).run()


class Runner:
    """Runs tasks.

    Parameters
    ----------
    messages : Messages
        Those to and from the script.
    order : dict
        What is to be done, as :mod:`jug.runforrest.run` says it.
    """

    def __init__(self, messages: Messages, order: dict[str, Any]) -> None:
        self._messages = messages
        self._order = order
        self._folder = Folder(Path(order["folder"]))
        self._log = Log(None if order["log"] is None else Path(order["log"]))
        self._waiting = deque(order["names"])
        #: How often tasks have failed here that are tried again.
        self._attempts: dict[str, int] = {}
        #: Tasks that somebody else had when they were to start.
        self._elsewhere: deque[str] = deque()
        self._running: dict[int, Running] = {}
        #: The claims of tasks of which the script has not said yet that their files are where they belong.
        self._unsettled: dict[str, int] = {}
        self._poll = select.poll()
        self._poll.register(messages, select.POLLIN)
        self._memory = MemoryLimit(order["memory_limit"])

    def run(self) -> None:
        """Runs all tasks, and returns when the script knows what became of each."""
        prepare(self._order)
        if (everything := claim_all(self._folder.claims)) is not None:
            self._folder.remove_unfinished()
            os.close(everything)
        try:
            is_forking = self._can_fork()
            self._memory.check()
        except UserError as error:
            self._messages.send("error", str(error))
            return
        self._starter = Starter(self._order, is_forking=is_forking)
        flush_output()
        gc.collect()
        gc.freeze()
        try:
            self._run_all()
        except OSError as error:
            self._kill_all()
            self._messages.send("error", f"no more tasks can run: {_reason(error)}")
        while self._messages.is_waiting and not self._messages.is_over:
            self._wait()

    def _run_all(self) -> None:
        while True:
            self._start()
            if not self._running and not self._unsettled and not self._waiting:
                break
            self._wait()
        left = sum(self._folder.file("todo", name).exists() for name in self._elsewhere)
        self._messages.send("end", left)

    # --- tasks start ---

    def _can_fork(self) -> bool:
        """Imports what tasks need, and sees whether this process can be copied after that."""
        if self._order["start_method"] == "spawn":
            return False
        why = import_for_forks(self._imported())
        sys.path[:] = self._order["path"]
        if why:
            self._messages.send("line", f"each task starts an interpreter of its own: {why}")
        return not why

    def _imported(self) -> Iterator[str]:
        yield from preload(self._order["main"], self._order["preload"])
        for name in ("dill", "cloudpickle"):
            with contextlib.suppress(ImportError):
                __import__(name)
                yield name

    def _start(self) -> None:
        """Starts tasks as long as there is room for more."""
        if not self._waiting and not self._running and not self._unsettled:
            # Who had them may have died.
            self._waiting, self._elsewhere = self._elsewhere, deque()
        most = self._order["nprocesses"]
        while self._waiting and len(self._running) < 2 * most and self._computing() < most:
            name = self._waiting.popleft()
            try:
                self._start_one(name)
            except OSError:
                if not self._running:
                    raise
                # There is more room when another one has ended.
                self._waiting.appendleft(name)
                return

    def _computing(self) -> int:
        """How many tasks run that have more to do than to store their results."""
        return sum(not task.is_computed for task in self._running.values())

    def _start_one(self, name: str) -> None:
        claimed = self._unsettled.pop(name, None)
        if claimed is None:
            claimed = claim(self._folder.claims, name)
        if claimed is None:
            self._elsewhere.append(name)
            return
        if not self._folder.file("todo", name).exists():
            os.close(claimed)
            return
        if name not in self._attempts and (state := self._folder.result_of(name)) is not None:
            self._unsettled[name] = claimed
            self._messages.send("found", name, state, None, "")
            return
        try:
            self._log.add("start", name)
            task = self._starter.start(name, claimed, self._descriptors())
        except OSError:
            os.close(claimed)
            raise
        self._running[task.child.pid] = task
        for descriptor in task.watched():
            self._poll.register(descriptor, select.POLLIN)
        if self._order["progress"]:
            self._messages.send("started", name, task.child.pid)

    def _descriptors(self) -> list[int]:
        """All that is of no concern to a task."""
        own = [self._messages.fileno(), *self._unsettled.values()]
        return own + [it for task in self._running.values() for it in task.descriptors()]

    # --- what happens ---

    def _wait(self) -> None:
        """Sleeps until something happens, and does what that asks for."""
        self._poll.modify(self._messages, select.POLLIN | (self._messages.is_waiting and select.POLLOUT))
        seconds = self._due_in()
        ready = dict(self._poll.poll(milliseconds(seconds)))
        if self._messages.fileno() in ready:
            self._messages.go_on()
            for message in self._messages.received():
                self._take(*message)
            if self._messages.is_over:
                # Nobody wants results any more.
                self._kill_all()
                os._exit(0)
        for task in list(self._running.values()):
            self._read(task, ready)
        self._enforce()
        for task in list(self._running.values()):
            if task.child.fileno() in ready or task.is_killed:
                self._ended(task)

    def _read(self, task: Running, ready: dict[int, int]) -> None:
        """Reads what a task has printed and reported."""
        for output in [it for it in task.outputs if it in ready]:
            task.read()
            if not ready[output] & select.POLLIN:
                # Nobody can print to it any more.
                self._poll.unregister(output)
                task.outputs.remove(output)
            self._show(task, is_over=False)
        if task.awaits_report and task.report in ready:
            task.read_report()
            self._poll.unregister(task.report)

    def _show(self, task: Running, *, is_over: bool) -> None:
        """Has the script show what a task prints, if it is to."""
        for text, is_error in task.take_lines(is_over=is_over) if self._order["shows"] else ():
            self._messages.send("printed", text.decode("latin-1"), is_error)

    def _enforce(self) -> None:
        """Kills tasks that have passed a limit."""
        now = time.monotonic()
        for task in self._running.values():
            if self._limit is not None and now - task.started >= self._limit:
                task.is_overdue = True
                task.child.kill()
        for pid, taken in self._memory.too_much(self._running):
            self._running[pid].taken = taken
            self._running[pid].child.kill()

    @property
    def _limit(self) -> float | None:
        limit: float | None = self._order["autokill"]
        return limit

    def _due_in(self) -> float | None:
        if not self._running:
            return None
        oldest = min(task.started for task in self._running.values())
        overdue = None if self._limit is None else oldest + self._limit - time.monotonic()
        return min((it for it in (overdue, self._memory.due_in()) if it is not None), default=None)

    def _take(self, kind: str, name: str) -> None:
        """A message of the script: files of a task are where they belong, or it has to run after all."""
        if kind == "run":
            self._waiting.append(name)
        else:
            os.close(self._unsettled.pop(name))

    def _kill_all(self) -> None:
        for task in self._running.values():
            task.child.kill()

    def _ended(self, task: Running) -> None:
        """Says to the script and the log what became of a task."""
        del self._running[task.child.pid]
        for descriptor in task.watched():
            self._poll.unregister(descriptor)
        seconds = time.monotonic() - task.started
        self._kill_what_is_left(task.child)
        end, report = task.end()
        message, word = self._judged(task, end, report)
        self._log.add(word, task.name)
        self._show(task, is_over=True)
        if printed := task.take_printed():
            self._log.add(printed, task.name)
        failures = self._attempts.get(task.name, 0)
        if word != "done" and failures < self._order["retries"]:
            self._attempts[task.name] = failures + 1
            self._folder.file("fail", task.name).unlink(missing_ok=True)
            self._unsettled[task.name] = task.claim
            self._waiting.append(task.name)
        elif message is None:
            os.close(task.claim)
            self._messages.send("requeued", task.name)
        else:
            self._unsettled[task.name] = task.claim
            output = printed.decode(errors="replace") if self._order["capture"] else ""
            self._messages.send(message[0], task.name, *message[1:], seconds, output)

    def _judged(self, task: Running, end: End, report: str) -> tuple[tuple[Any, ...] | None, str]:
        """What goes to the script and to the log of a task that has ended."""
        word, _, why = report.partition(" ")
        state = word if word in ("done", "fail") else None
        if state is None and word not in ("unreadable", "unstored"):
            # It may have died between the one and the other.
            state = self._folder.result_of(task.name)
        if state is not None:
            return ("finished", state), state
        if word in ("unreadable", "unstored"):
            return (word, why), "fail"
        if task.is_overdue:
            message = ("overdue", self._limit)
            return None if self._order["autokill_requeue"] else message, "autokilled"
        if task.taken:
            return ("overweight", task.taken, self._order["memory_limit"]), "fail"
        return ("crashed", self._memory.kind_of(end), end.number), "fail"

    def _kill_what_is_left(self, ended: Child) -> None:
        """Kills all that a task has left behind: it comes to this process, as a subreaper."""
        ended.end_alone()
        known = [task.child.pid for task in self._running.values()]
        with contextlib.suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children") as children:
            if set(map(int, children.read().split())) <= set(known):
                return
        _native.kill_orphans(known)


def _reason(error: OSError) -> str:
    """Why something could not be done, and what to do about it."""
    advice = ""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        advice = "; run fewer at the same time (nprocesses), or allow more open files (ulimit -n)"
    return f"{error}{advice}"
