"""What cannot run because a task has failed that is not tried again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from .. import _native
from .task_state import NODE_BUSY, NODE_FAILED, NODE_READY, NODE_TAKEN, NODE_WAITING

__all__ = ["Blockade", "Blocked"]

_UNFINISHED = bytes((NODE_WAITING, NODE_READY, NODE_TAKEN, NODE_BUSY))


class Blocked(NamedTuple):
    """How many tasks cannot run any more; true if there are any."""

    #: Failed in this process.
    failed: int = 0
    #: Marked as failed, by an earlier run or another worker.
    marked: int = 0
    #: Need one of those, directly or not.
    waiting: int = 0

    def __bool__(self) -> bool:
        return any(self)

    def __str__(self) -> str:
        """What is the matter, and which commands help."""
        parts = []
        if self.failed:
            parts.append(f"{_tasks(self.failed)} failed")
        if self.marked:
            parts.append(f"{_tasks(self.marked)} {'is' if self.marked == 1 else 'are'} marked as failed")
        if self.waiting and parts:
            parts.append(f"{self.waiting} cannot run without {_it(self.failed + self.marked)}")
        elif self.waiting:
            parts.append(f"{_tasks(self.waiting)} cannot run because others are marked as failed")
        help = "'jug status --verbose=info' says why"
        if self.marked or not self.failed:
            help += ", 'jug retry' removes the marks"
        return f"{', '.join(parts)}; {help}"


def _tasks(number: int) -> str:
    return f"{number} task{'' if number == 1 else 's'}"


def _it(number: int) -> str:
    return "it" if number == 1 else "them"


class Blockade:
    """The tasks of a graph that failed for good, and what waits for them.

    Parameters
    ----------
    graph : _native.Graph
    scheduler : _native.Scheduler
        Knows which nodes failed.
    selected : collection of int, optional
        The nodes that matter. Default: all.
    """

    def __init__(
        self, graph: _native.Graph, scheduler: _native.Scheduler, selected: Collection[int] | None = None
    ) -> None:
        self._graph = graph
        self._scheduler = scheduler
        self._selected = selected
        self._states = b""
        self._is_all = False

    def count(self, failed_here: Collection[bytes]) -> Blocked:
        """How many tasks it holds up; `failed_here` are the hashes of those that failed in this process."""
        states = self._scheduler.states()
        failed, waiting = self._failed_and_waiting(states)
        if self._selected is not None:
            failed = [node for node in failed if node in self._selected]
        keys = self._graph.keys()
        here = sum(keys[node].hex().encode() in failed_here for node in failed) if failed_here else 0
        return Blocked(here, len(failed) - here, len(waiting))

    def is_all(self) -> bool:
        """Whether it is all that is left to do."""
        states = self._scheduler.states()
        # Somebody who waits asks many times, and seldom has anything changed.
        if states != self._states:
            self._states = states
            blocked = set(self._failed_and_waiting(states)[1])
            nodes = range(len(states)) if self._selected is None else self._selected
            self._is_all = all(states[node] not in _UNFINISHED or node in blocked for node in nodes)
        return self._is_all

    def _failed_and_waiting(self, states: bytes) -> tuple[Sequence[int], Sequence[int]]:
        failed = (
            [node for node, state in enumerate(states) if state == NODE_FAILED]
            if NODE_FAILED in states
            else []
        )
        waiting = [
            node
            for node in (self._graph.closure(failed) if failed else ())
            if states[node] == NODE_WAITING and (self._selected is None or node in self._selected)
        ]
        return failed, waiting
