"""What a worker that a supervisor started knows of it, and how it reports to it."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .. import _native
from .console import stay_on
from .printing import flush_output, write_lines_at_once

if TYPE_CHECKING:
    from .types import WorkerMail, WorkerSummary

__all__ = ["VARIABLE", "Supervision", "begin", "current"]

#: In which environment variable a worker finds its descriptors; see `supervisor/mod.rs`.
VARIABLE = "JUG_SUPERVISED"


class Supervision:
    """The connection of this process, a worker, to its supervisor.

    Attributes
    ----------
    slot : _native.WorkerSlot
        Where it says what it runs, at no system call.
    mail : dict
        What the supervisor wrote to it.
    faults : int
        The descriptor of the file for what is to be said when the process dies of a fault.
    capture : _native.Capture or None
        Where what its tasks print is kept, if it is.
    marks_tasks : bool
        Whether it says in the slot which task prints what.
    tasks_left : int or None
        How many tasks this process may still run before another one takes its place; None: any number.
    is_retired : bool
        Whether it ends because it has run as many as it may.
    """

    def __init__(
        self,
        worker: int,
        slot: int,
        board: int,
        mail: int,
        faults: int,
        bell: int,
        notes: int,
        *capture: int,
    ) -> None:
        self.slot = _native.WorkerSlot(slot, board, worker)
        self.capture = _native.Capture(*capture) if capture else None
        # What is captured is known to be the task's.
        self.marks_tasks = self.capture is None
        self.slot.mark_output(tasks=self.marks_tasks)
        for descriptor in (slot, board, *capture):
            os.close(descriptor)
        self._mail = mail
        self._process = os.getpid()
        self.faults = faults
        self._bell = bell
        self._notes = notes
        for descriptor in (mail, faults, bell, notes):
            os.set_inheritable(descriptor, False)
        #: What is what it was as long as no task closes files that it has not opened.
        self._files = {descriptor: _identity(descriptor) for descriptor in (mail, bell, notes)}
        self.mail: WorkerMail = pickle.loads(os.pread(mail, os.fstat(mail).st_size, 0))
        os.ftruncate(mail, 0)
        self.tasks_left: int | None = self.mail["max_tasks"]
        self.is_retired = False

    def pauses(self) -> None:
        """What is printed from now on is of no task."""
        if self.marks_tasks:
            flush_output()
            self.slot.pauses()

    def ring(self) -> None:
        """Has the supervisor look at the slot, which it does not while nothing happens that it waits for."""
        if self._has(self._bell):
            os.eventfd_write(self._bell, 1)

    @property
    def is_here(self) -> bool:
        """Whether this is the worker itself, and no process that a task forked."""
        return os.getpid() == self._process

    @property
    def is_connected(self) -> bool:
        """Whether notes reach the supervisor: the task may have closed what it has not opened."""
        return self._has(self._notes)

    def note(self, name: str, text: str) -> None:
        """Has lines about the task `name` written to the log, if there is one."""
        if text and self.mail["is_logged"] and self.is_here and self._has(self._notes):
            note = pickle.dumps((name, text))
            left = len(note).to_bytes(4, "little") + note
            # If there is no supervisor any more, this process ends in a moment.
            with contextlib.suppress(OSError):
                while left:
                    left = left[os.write(self._notes, left) :]

    def answer(self, summary: WorkerSummary) -> None:
        """Leaves to the supervisor what became of the work."""
        if self.is_here and self._has(self._mail):
            os.ftruncate(self._mail, 0)
            os.pwrite(self._mail, pickle.dumps(summary), 0)

    def _has(self, descriptor: int) -> bool:
        """Whether it is still the file that it was: a task may have closed it, and opened another one."""
        return _identity(descriptor) == self._files[descriptor]


def _identity(descriptor: int) -> tuple[int, ...]:
    try:
        status = os.fstat(descriptor)
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_mode


_current: Supervision | None = None


def begin(numbers: Mapping[int, int] | None = None) -> Supervision:
    """Connects this process, which a supervisor has just started, and has it end with that one.

    Parameters
    ----------
    numbers : mapping of int to int, optional
        The descriptors that this process was given, by their numbers in the supervisor. Default: they have
        the same here.
    """
    global _current
    parent, worker, *given = map(int, os.environ.pop(VARIABLE).split(","))
    numbers = numbers or {}
    slot, board, mail, faults, leash, *files = (numbers.get(number, number) for number in given)
    # What a task leaves behind belongs to the worker that ran it: it ends with that one, and with no other.
    _native.become_subreaper()
    _native.end_on_leash(parent, leash)
    os.close(leash)
    _current = Supervision(worker, slot, board, mail, faults, *files)
    if (tasks := _current.mail["tasks"]) is not None:
        _current.mail["tasks"] = tasks = numbers.get(tasks, tasks)
        os.set_inheritable(tasks, False)
    # Who reads from the terminal gets an error, instead of being stopped without a word.
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    write_lines_at_once()
    if _current.capture is not None:
        stay_on(sys.stderr.fileno())
    return _current


def current() -> Supervision | None:
    """That of this process; None if it has no supervisor, or was forked by a task."""
    return _current if _current is not None and _current.is_here else None
