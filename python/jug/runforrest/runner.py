"""The process that runs the tasks of a folder for a script: a child of it, from which tasks are forked.

It reads no task itself: whatever is in one, and whatever it imports, happens in the task's own process. What
became of a task it says to the script, which reads the result and puts the files where they belong.
"""

from __future__ import annotations

import contextlib
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
from ..process.managed import Child
from .at_work import Running, Starter, need_descriptors
from .claims import Claims, all_claimed
from .folder import Folder, Log
from .memory import MemoryLimit
from .messages import Messages, milliseconds
from .outcomes import Ended, judged, reason_of
from .patience import Patience
from .performance import STATES, prepare
from .storing import MOST, Storing

__all__ = ["main"]

#: How many bytes may wait for the script to read them before there is to be no more of them.
_MOST_UNSENT = 4 << 20


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
        #: Those that have ended and whose results are not on the disk yet.
        self._being_stored: dict[str, Ended] = {}
        #: Those that are claimed, until the script says that their files are where they belong.
        self._unsettled: set[str] = set()
        self._poll = select.poll()
        self._poll.register(messages, select.POLLIN)
        self._memory = MemoryLimit(order["memory_limit"])
        self._patience = Patience()

    def run(self) -> None:
        """Runs all tasks, and returns when the script knows what became of each."""
        prepare(self._order)
        try:
            with all_claimed(self._folder.claims) as is_alone:
                if is_alone:
                    self._folder.remove_unfinished()
            self._claims = Claims(self._folder.claims)
            is_forking = self._can_fork()
            self._memory.check()
        except UserError as error:
            self._messages.send("error", str(error))
        except OSError as error:
            self._messages.send("error", f"no tasks can run: {reason_of(error)}")
        else:
            flush_output()
            gc.collect()
            gc.freeze()
            self._begin(is_forking)
        self._messages.finish()

    def _begin(self, is_forking: bool) -> None:
        self._starter = Starter(self._order, is_forking=is_forking)
        try:
            others = [self._messages.fileno()]
            claims = self._claims.fileno()
            self._storing = Storing(self._folder, claims, others, is_forking=is_forking)
            self._poll.register(self._storing, select.POLLIN)
            self._run_all()
            self._storing.close()
        except OSError as error:
            self._kill_all()
            self._messages.send("error", f"no more tasks can run: {reason_of(error)}")

    def _run_all(self) -> None:
        while True:
            self._start()
            if not self._is_busy and (not self._elsewhere or self._patience.is_over):
                break
            self._wait()
        left = sum(self._folder.file("todo", name).exists() for name in self._elsewhere)
        self._messages.send("end", left)

    @property
    def _is_busy(self) -> bool:
        """Whether there is a task that this process has to do with."""
        return bool(self._waiting or self._running or self._being_stored or self._unsettled)

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
        most = self._order["nprocesses"]
        if self._elsewhere and not self._waiting and len(self._running) < most:
            self._look_elsewhere()
        while self._waiting and len(self._running) < most and not self._is_behind:
            name = self._waiting.popleft()
            try:
                self._start_one(name)
            except OSError:
                if not self._running:
                    raise
                # There is more room when another one has ended.
                self._waiting.appendleft(name)
                return

    @property
    def _is_behind(self) -> bool:
        """Whether the disk or the script has so much to do that there is to be no more for the moment."""
        return len(self._being_stored) >= MOST or self._messages.unsent > _MOST_UNSENT

    def _look_elsewhere(self) -> None:
        """Takes what others had whose processes have died, or who have done something else with it."""
        if not self._is_busy and self._patience.is_long():
            self._messages.send("awaits", len(self._elsewhere))
        if not self._patience.is_time(len(self._elsewhere)):
            return
        there = set(self._folder.names("todo"))
        names, self._elsewhere = self._elsewhere, deque()
        for name in names:
            if name in there:
                self._waiting.append(name)
            else:
                self._drop(name)

    def _drop(self, name: str) -> None:
        """Somebody else has run a task."""
        if self._order["progress"]:
            self._messages.send("dropped", name)

    def _start_one(self, name: str) -> None:
        need_descriptors(self._messages.fileno(), self._starter.needs)
        is_claimed = name in self._unsettled
        claimed = self._claims.of_process(name) if is_claimed else self._claims.claim(name)
        if claimed is None:
            if is_claimed:
                self._settle(name)
            self._elsewhere.append(name)
            return
        self._unsettled.add(name)
        try:
            if self._is_found(name):
                os.close(claimed)
                return
            self._log.add("start", name)
            task = self._starter.start(name, claimed, self._descriptors())
        except OSError:
            os.close(claimed)
            self._settle(name)
            raise
        self._unsettled.discard(name)
        self._running[task.child.pid] = task
        for descriptor in task.watched():
            self._poll.register(descriptor, select.POLLIN)
        if self._order["progress"]:
            self._messages.send("started", name, task.child.pid)

    def _is_found(self, name: str) -> bool:
        """Whether a task that was claimed just now does not have to run: somebody else has run it."""
        if not self._folder.file("todo", name).exists():
            self._settle(name)
            self._drop(name)
            return True
        if name in self._attempts or (state := self._folder.result_of(name)) is None:
            return False
        self._messages.send("found", name, state, None, "")
        return True

    def _settle(self, name: str) -> None:
        """The files of a task are where they belong: others may have it, if there is anything left."""
        self._unsettled.discard(name)
        self._claims.release(name)

    def _descriptors(self) -> list[int]:
        """All that is of no concern to a task."""
        own = [it.fileno() for it in (self._messages, self._claims, self._storing)]
        return own + [it for task in self._running.values() for it in task.descriptors()]

    # --- what happens ---

    def _wait(self) -> None:
        """Sleeps until something happens, and does what that asks for."""
        self._poll.modify(self._messages, select.POLLIN | (select.POLLOUT if self._messages.unsent else 0))
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
        if self._storing.fileno() in ready:
            for name, why in self._storing.stored():
                self._stored(self._being_stored.pop(name), why)

    def _read(self, task: Running, ready: dict[int, int]) -> None:
        """Reads what a task has printed."""
        is_more = task.is_held
        for output in [it for it in task.outputs if it in ready]:
            is_more = True
            task.read()
            if not ready[output] & select.POLLIN:
                # Nobody can print to it any more.
                self._poll.unregister(output)
                task.outputs.remove(output)
        if is_more:
            # What the script has no time for is kept as if it were captured: the beginning and the end.
            task.is_held = self._messages.unsent > _MOST_UNSENT
            if not task.is_held:
                self._show(task, is_over=False)

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
        dues = []
        if self._running:
            oldest = min(task.started for task in self._running.values())
            dues.append(None if self._limit is None else oldest + self._limit - time.monotonic())
            dues.append(self._memory.due_in())
        if self._elsewhere and len(self._running) < self._order["nprocesses"]:
            dues.append(self._patience.due_in())
        return min((it for it in dues if it is not None), default=None)

    def _take(self, kind: str, name: str) -> None:
        """A message of the script: files of a task are where they belong, or it has to run after all."""
        if kind == "run":
            self._waiting.append(name)
        elif kind == "leave":
            self._patience.is_over = True
        else:
            self._settle(name)

    def _kill_all(self) -> None:
        for task in self._running.values():
            task.child.kill()

    def _ended(self, task: Running) -> None:
        """What a task has returned is put onto the disk; what has none is at its end."""
        del self._running[task.child.pid]
        for descriptor in task.watched():
            self._poll.unregister(descriptor)
        seconds = time.monotonic() - task.started
        self._kill_what_is_left(task.child)
        end, report = task.end()
        os.close(task.claim)
        self._unsettled.add(task.name)
        word, _, more = report.partition(" ")
        message, said = judged(task, end, word, more, self._folder, self._memory, self._order)
        self._show(task, is_over=True)
        ended = Ended(task.name, message, said, seconds, task.take_printed())
        if word not in STATES:
            self._conclude(ended)
        elif word == "fail" and self._may_try(task.name):
            Path(self._folder.path, more).unlink(missing_ok=True)
            self._conclude(ended)
        else:
            self._being_stored[task.name] = ended
            self._storing.store(task.name, word, os.path.join(self._folder.path, more))

    def _stored(self, ended: Ended, why: str) -> None:
        """A result is on the disk, or it cannot be."""
        self._conclude(ended._replace(message=("unstored", why), word="fail") if why else ended)

    def _may_try(self, name: str) -> bool:
        """Whether a task that has failed is to run again."""
        return self._attempts.get(name, 0) < int(self._order["retries"])

    def _conclude(self, ended: Ended) -> None:
        """Says to the script and the log what became of a task."""
        name = ended.name
        self._log.add(ended.word, name)
        if ended.printed:
            self._log.add(ended.printed, name)
        if ended.may_succeed and self._may_try(name):
            self._attempts[name] = self._attempts.get(name, 0) + 1
            self._folder.file("fail", name).unlink(missing_ok=True)
            self._waiting.append(name)
        elif ended.message is None:
            self._settle(name)
            self._messages.send("requeued", name)
        else:
            kind, *facts = ended.message
            output = ended.printed.decode(errors="replace") if self._order["capture"] else ""
            self._messages.send(kind, name, *facts, ended.seconds, output)

    def _kill_what_is_left(self, ended: Child) -> None:
        """Kills all that a task has left behind: it comes to this process, as a subreaper."""
        ended.end_alone()
        known = [self._storing.pid, *(task.child.pid for task in self._running.values())]
        with contextlib.suppress(OSError), open(f"/proc/self/task/{os.getpid()}/children") as children:
            if set(map(int, children.read().split())) <= set(known):
                return
        _native.kill_orphans(known)
