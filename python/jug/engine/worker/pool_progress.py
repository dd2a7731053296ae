"""How far tasks are that run in a pool, for a display."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...display.eta import TimeLeft, time_left
from ...display.progress import Progress, TaskProgress, all_of
from ...display.rates import Rates
from ..task_state import NODE_DONE, NODE_FAILED

if TYPE_CHECKING:
    from ... import _native
    from ...executors.coordinator import Coordinator

__all__ = ["PoolProgress"]


class PoolProgress:
    """Looks at the tasks of a graph.

    Parameters
    ----------
    names : sequence of str
        Of the nodes.
    scheduler : _native.Scheduler
    coordinator : Coordinator
    has_more : bool
        Whether there will be more tasks than these.
    """

    def __init__(
        self,
        names: Sequence[str],
        scheduler: _native.Scheduler,
        coordinator: Coordinator[int],
        *,
        has_more: bool,
    ) -> None:
        self._names = names
        self._scheduler = scheduler
        self._coordinator = coordinator
        self._has_more = has_more
        self._rates = Rates()

    def look(self) -> Progress:
        """How far they are."""
        total = Counter(self._names)
        done: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        for name, state in zip(self._names, self._scheduler.states(), strict=True):
            if state == NODE_DONE:
                done[name] += 1
            elif state == NODE_FAILED:
                failed[name] += 1
        self._rates.look(done, time.monotonic())
        remaining = {name: total[name] - done[name] - failed[name] for name in total}
        names = [
            TaskProgress(name, done[name], total[name], 0, failed[name], self._rates.rate(name))
            for name in sorted(total)
        ]
        everything = all_of(names, self._left(remaining))
        running = min(self._coordinator.in_flight(), self._coordinator.nr_workers())
        return Progress(names, everything._replace(running=running))

    def _left(self, remaining: dict[str, int]) -> TimeLeft:
        durations, workers = self._coordinator.durations, self._coordinator.nr_workers()
        return time_left(remaining, durations, workers, more_to_come=self._has_more)
