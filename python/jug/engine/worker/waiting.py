"""A worker that has nothing to run sleeps until others finish or abandon something, or a pause ends."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from itertools import compress
from operator import not_

from ... import _native
from ...internal import log
from ...internal.console import warn
from ..blocked import Blockade
from ..session.base import StoreSession
from .end_time import EndTime
from .progress import Progress
from .retries import Retries
from .state import ExecutionState
from .supervised import SupervisedWork

__all__ = ["Waiting"]

#: After how many seconds a worker that sleeps notices at the latest that its supervisor ends.
_NOTICE = 0.25


class Waiting:
    """Waits for others, on behalf of a worker.

    Parameters
    ----------
    graph : _native.Graph
    scheduler : _native.Scheduler
        Of the worker; it is told what may run.
    session : StoreSession
    progress : Progress
    retries : Retries
    blockade : Blockade
    state : ExecutionState
        Where the time is counted in which nothing happens.
    patience : float
        How many seconds of that are the most.
    selected : collection of int, optional
        The nodes that this worker runs. Default: all.
    supervised : SupervisedWork, optional
        What says when it is to end.
    end_time : EndTime, optional
        When its time is over.
    """

    def __init__(
        self,
        graph: _native.Graph,
        scheduler: _native.Scheduler,
        session: StoreSession,
        progress: Progress,
        retries: Retries,
        blockade: Blockade,
        state: ExecutionState,
        patience: float,
        selected: Collection[int] | None,
        supervised: SupervisedWork | None,
        end_time: EndTime | None,
    ) -> None:
        self._graph = graph
        self._keys = graph.keys()
        self._scheduler = scheduler
        self._session = session
        self._progress = progress
        self._retries = retries
        self._blockade = blockade
        self._state = state
        self._patience = patience
        self._selected = selected
        self._supervised = supervised
        self._end_time = end_time
        #: What others finished since the last look, by their news.
        self._finished: set[int] = set()
        #: The workers that may have died of which it was looked whether others wait for them.
        self._late: set[str] = set()

    def until_work(self) -> bool:
        """Sleeps until a task may run; False when there is no sense in waiting any longer."""
        before = time.monotonic()
        # What was met while claiming may be over: a dead worker's claim can look like a living one's.
        is_due = True
        if not self._is_blocked():
            log.info("waiting for other workers; %d tasks are left", self._scheduler.nr_unfinished())
        while (self._state.idle < self._patience or self._retries.held()) and not self._is_blocked():
            if self._supervised is not None:
                self._supervised.check()
            # Who waits for a pause to end is not idle.
            is_idle = not self._retries.held()
            if self._end_time is None:
                self._session.wait_for_news(self._longest_sleep())
            else:
                self._end_time.sleep(self._session.wait_for_news, self._longest_sleep())
                self._end_time.check()
            now = time.monotonic()
            self._state.idle += (now - before) if is_idle else 0.0
            before = now
            if self._has_news() or is_due:
                self.look()
                is_due = False
            self._name_the_late()
            self._scheduler.free(self._retries.take_due())
            if self._scheduler.nr_ready() or not self._scheduler.nr_unfinished():
                return True
        return False

    def glance(self) -> None:
        """Looks what others did if there may be anything, for a worker that does something else meanwhile."""
        self._session.glance()
        if self._has_news():
            self.look()

    def _name_the_late(self) -> None:
        """Says once of each worker that may have died that its tasks have to wait, and for how long."""
        for worker, quiet, lease in self._session.late_workers():
            if worker in self._late:
                continue
            self._late.add(worker)
            if self._session.has_claims(worker):
                warn(
                    f"there has been no sign of worker {worker} for {quiet:.0f} s: if that goes on, "
                    f"others run its tasks in {lease - quiet:.0f} s"
                )

    def _has_news(self) -> bool:
        """Whether others did something that matters here. What frees no task is counted at the next look."""
        if not self._session.is_quiet():
            return True
        results, gone = self._session.finished_elsewhere()
        if not results and not gone:
            return False
        finished = self._graph.find_prefixes(results)
        if finished:
            self._state.idle = 0.0
            self._finished.update(finished)
        return self._scheduler.would_matter(self._finished, self._graph.find_prefixes(gone))

    def _is_blocked(self) -> bool:
        # With --name or --pattern, what is missing may be for others to run. Otherwise it waits for a task
        # that failed and will not be tried again.
        return self._scheduler.stuck() and (self._selected is None or self._blockade.is_all())

    def _longest_sleep(self) -> float:
        left = self._retries.seconds_left()
        if left is None:
            return min(self._session.poll_interval, self._patience - self._state.idle)
        # In between only claims of others are to be looked at, and whether a supervisor ends its workers.
        if self._busy_elsewhere():
            return min(self._session.poll_interval, left)
        return left if self._supervised is None else min(_NOTICE, left)

    def _busy_elsewhere(self) -> Sequence[int]:
        busy, held = self._scheduler.busy_nodes(), self._retries.held()
        return [node for node in busy if node not in held] if held else busy

    def look(self) -> None:
        """Takes note of what others finished or abandoned."""
        busy = self._busy_elsewhere()
        self._finished.clear()
        # First the claims, then the results: a claim that ended with a result must not look abandoned.
        claimed = self._session.claimed(self._keys.of(busy))
        abandoned = set(compress(busy, map(not_, claimed)))
        self._progress.apply(self._session.refresh())
        busy = self._scheduler.busy_nodes()
        present = self._session.present(self._keys.of(busy))
        self._progress.finished_elsewhere(list(compress(busy, present)))
        abandoned.difference_update(self._retries.held())
        self._scheduler.free(
            [n for n, found in zip(busy, present, strict=True) if n in abandoned and not found]
        )
