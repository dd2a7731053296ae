"""A task that runs in a process of its own, and what that prints."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

from ..process.managed import Child, End, fork, program_of, spawn
from .performance import COMPUTED, perform_order, print_to

__all__ = ["Running", "Starter"]

#: How much of what a task prints is kept for the log: so much of its beginning and of its end.
_KEPT = 8 << 20

_CHUNK = 1 << 16


class Running:
    """A task that runs.

    Parameters
    ----------
    name : str
        The name of its file.
    child : Child
        Its process.
    report : int
        The pipe on which it says what became of it.
    output : int or None
        The pipe to which it prints, if that is read here.
    claim : int
        The descriptor of its claim, which this object does not close.

    Attributes
    ----------
    is_computed : bool
        Whether it has nothing left to do but to store its result.
    awaits_report : bool
        Whether it has reported nothing yet.
    is_overdue : bool
        Whether it was killed because it ran for too long.
    """

    def __init__(self, name: str, child: Child, report: int, output: int | None, claim: int) -> None:
        self.name, self.child, self.claim = name, child, claim
        self.started = time.monotonic()
        self.output = output
        self.is_overdue = False
        self.is_computed = False
        self.awaits_report = True
        self.report = report
        self._reported = b""
        self._head, self._tail, self._left_out = bytearray(), bytearray(), 0
        for descriptor in (report, output):
            if descriptor is not None:
                os.set_blocking(descriptor, False)

    def descriptors(self) -> Iterable[int]:
        """All that no other task is to have."""
        yield from (self.report, self.claim, self.child.fileno())
        if self.output is not None:
            yield self.output

    def read(self) -> bool:
        """Keeps what it has printed; whether more may come."""
        while self.output is not None:
            try:
                data = os.read(self.output, _CHUNK)
            except BlockingIOError:
                return True
            if not data:
                return False
            room = _KEPT - len(self._head)
            self._head += data[:room]
            self._tail += data[room:]
            if len(self._tail) > 2 * _KEPT:
                self._left_out += len(self._tail) - _KEPT
                del self._tail[:-_KEPT]
        return False

    def read_report(self) -> None:
        """Takes note of what it has reported."""
        self.awaits_report = False
        with contextlib.suppress(BlockingIOError):
            self._reported += os.read(self.report, _CHUNK)
        if self._reported.startswith(COMPUTED):
            self._reported = self._reported.removeprefix(COMPUTED)
            self.is_computed = True

    @property
    def printed(self) -> bytes:
        """What it has printed."""
        gap = f"\n... {self._left_out} bytes left out ...\n".encode() if self._left_out else b""
        return bytes(self._head) + gap + bytes(self._tail)

    def end(self) -> tuple[End, str]:
        """How it ended, and what it reported; what it left behind must have been killed."""
        end = self.child.end_alone()
        self.read()
        self.read_report()
        os.close(self.report)
        if self.output is not None:
            os.close(self.output)
        return end, self._reported.decode(errors="replace")


class Starter:
    """Starts tasks.

    Parameters
    ----------
    order : dict
        What the script has asked for.
    is_forking : bool
        Whether tasks are copies of this process; else each is an interpreter of its own.
    """

    def __init__(self, order: dict[str, Any], *, is_forking: bool) -> None:
        self._order = order
        self._captures = order["log"] is not None
        self._order_fd: int | None = None
        if not is_forking:
            self._order_fd = os.memfd_create("jug-order")
            os.write(self._order_fd, json.dumps(order).encode())

    def start(self, name: str, claim: int, others: Iterable[int]) -> Running:
        """Starts a task, which gets none of the descriptors in `others`."""
        report, its_report = os.pipe()
        output, its_output = os.pipe() if self._captures else (None, None)
        here = [report] if output is None else [report, output]
        try:
            if self._order_fd is None:
                child = fork(lambda: self._become(name, its_report, its_output, [*here, *others]))
            else:
                child = self._spawn(name, its_report, its_output, claim)
        finally:
            os.close(its_report)
            if its_output is not None:
                os.close(its_output)
        return Running(name, child, report, output, claim)

    def _become(self, name: str, report: int, output: int | None, closed: Iterable[int]) -> None:
        for descriptor in closed:
            os.close(descriptor)
        if output is not None:
            print_to(output)
        perform_order(self._order, name, report)

    def _spawn(self, name: str, report: int, output: int | None, claim: int) -> Child:
        assert self._order_fd is not None
        printed_to = -1 if output is None else output
        call = f"main({self._order_fd}, {name!r}, {report}, {printed_to}, {os.getpid()})"
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        command = [sys.executable, *flags, "-P", "-c", program_of("runforrest.performance", call)]
        keep = [self._order_fd, report, claim, *([] if output is None else [output])]
        return spawn(command, keep=keep)
