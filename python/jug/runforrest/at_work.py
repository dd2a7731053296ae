"""A task that runs in a process of its own, and what that prints."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from .. import _native
from ..internal.printing import bytes_of
from ..process.managed import Child, End, fork, program_of, spawn
from .performance import READ, perform_order, print_to

__all__ = ["Running", "Starter", "need_descriptors"]

_CHUNK = 1 << 16

#: How much of a line is kept until its end comes.
_LONGEST_LINE = 1 << 16


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
    printed : sequence of _native.Collector
        What keeps what it prints, if that goes to this process: all of it, or stdout and stderr apart.
    claim : int
        The descriptor of its claim, which this object does not close.

    Attributes
    ----------
    is_overdue : bool
        Whether it was killed because it ran for too long.
    is_read : bool
        Whether it was read from its file before it ended.
    taken : int
        How much memory it had when it was killed for that, in bytes; 0: it was not.
    outputs : list of int
        The pipes to which it prints, as long as it may.
    """

    def __init__(
        self, name: str, child: Child, report: int, printed: Sequence[_native.Collector], claim: int
    ) -> None:
        self.name, self.child, self.claim = name, child, claim
        self.started = time.monotonic()
        self.is_overdue = False
        self.is_read = False
        self.taken = 0
        #: Whether it has printed more than was passed on by now.
        self.is_held = False
        self._report = report
        self.outputs = [it.fileno() for it in printed]
        self._printed = printed
        #: What was printed behind the last line feed, where it is passed on.
        self._rests = [bytearray() for _ in printed]
        os.set_blocking(report, False)

    @property
    def is_killed(self) -> bool:
        """Whether it was killed for passing a limit."""
        return self.is_overdue or self.taken > 0

    def watched(self) -> Iterable[int]:
        """What can be read when something happens."""
        yield self.child.fileno()
        yield from self.outputs

    def descriptors(self) -> Iterable[int]:
        """All that no other task is to have."""
        yield from (self._report, self.claim, self.child.fileno())
        for collector in self._printed:
            yield from collector.descriptors

    def read(self) -> None:
        """Keeps what it has printed."""
        for collector in self._printed:
            collector.collect()

    def take_printed(self) -> bytes:
        """What it has printed since the last call, the beginning and the end of it."""
        return b"".join(bytes_of(*it) for it in (collector.take() for collector in self._printed) if it)

    def take_lines(self, *, is_over: bool) -> Iterable[tuple[bytes, bool]]:
        """The same in whole lines, and whether they are those of stderr; of very long ones the parts."""
        for number, (collector, rest) in enumerate(zip(self._printed, self._rests, strict=True)):
            printed = collector.take()
            text = bytes_of(*printed) if printed else b""
            end = text.rfind(b"\n") + 1
            if is_over or len(rest) + len(text) - end > _LONGEST_LINE:
                end = len(text)
            if end or is_over:
                whole = bytes(rest) + text[:end]
                rest.clear()
                if whole:
                    yield whole, number == 1
            rest += text[end:]

    def end(self) -> tuple[End, str]:
        """How it ended, and what it reported; what it left behind must have been killed."""
        end = self.child.end_alone()
        report = b""
        with contextlib.suppress(BlockingIOError):
            report = os.read(self._report, _CHUNK)
        os.close(self._report)
        self.is_read = report.startswith(READ)
        return end, report.removeprefix(READ).decode(errors="replace")


def need_descriptors(like: int, count: int) -> None:
    """Sees whether this process can have so many more, `like` one that it has. OSError if not."""
    opened = []
    try:
        for _ in range(count):
            opened.append(os.dup(like))
    finally:
        for descriptor in opened:
            os.close(descriptor)


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
        #: How many pipes tasks print to.
        self._pipes = 2 if order["shows"] else int(order["log"] is not None or order["capture"])
        #: How many descriptors it takes to start one, and some for what else is done with the next ones.
        self.needs = 6 + 3 * self._pipes + 8
        self._order_fd: int | None = None
        if not is_forking:
            self._order_fd = os.memfd_create("jug-order")
            os.write(self._order_fd, json.dumps(order).encode())

    def start(self, name: str, claim: int, others: Iterable[int]) -> Running:
        """Starts a task, which gets none of the descriptors in `others`."""
        printed = [_native.Collector() for _ in range(self._pipes)]
        outputs = [collector.printed_to for collector in printed]
        report, its_report = os.pipe()
        here = [report, *(it for collector in printed for it in collector.descriptors)]
        try:
            if self._order_fd is None:
                child = fork(lambda: self._become(name, its_report, outputs, [*here, *others]))
            else:
                child = self._spawn(name, its_report, outputs, claim)
        except OSError:
            os.close(report)
            raise
        finally:
            os.close(its_report)
            for collector in printed:
                collector.is_given()
        return Running(name, child, report, printed, claim)

    def _become(self, name: str, report: int, outputs: Sequence[int], closed: Iterable[int]) -> None:
        for descriptor in closed:
            os.close(descriptor)
        print_to(outputs)
        perform_order(self._order, name, report)

    def _spawn(self, name: str, report: int, outputs: Sequence[int], claim: int) -> Child:
        assert self._order_fd is not None
        call = f"main({self._order_fd}, {name!r}, {report}, {outputs!r}, {os.getpid()})"
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        command = [sys.executable, *flags, "-P", "-c", program_of("runforrest.performance", call)]
        return spawn(command, keep=[self._order_fd, report, claim, *outputs])
