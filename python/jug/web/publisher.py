"""Puts what a watcher sees onto the feed, in the words of the page."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..internal.tracebacks import users_traceback
from ..monitor.snapshot import Problem, Snapshot
from .feed import StateFeed
from .page_state import FailureCount, FailureItem, PageState, ShownProblem
from .serialize import listed_workers, recent_failures, status_rows, store_label

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["Publisher"]

#: How many lines about damaged files are shown.
_MOST_DAMAGE = 10


class Publisher:
    """Shows a computation on the page.

    Parameters
    ----------
    options : jug options
        Of the command, whose jugfile is shown.
    feed : StateFeed
        From which the requests are answered.
    """

    def __init__(self, options: Options, feed: StateFeed) -> None:
        self._options = options
        self._feed = feed
        self._shown: PageState | None = None
        #: Which failures are shown, and how often these have changed.
        self._failed: list[tuple[str, float]] = []
        self._revision = 0

    def show(self, snapshot: Snapshot) -> None:
        """Publishes a snapshot, if it is another one than before."""
        reports = recent_failures(snapshot.failures)
        failed = [(report["id"], report["at"]) for report in reports.items]
        if failed != self._failed:
            self._failed, self._revision = failed, self._revision + 1
        count: FailureCount = {"revision": self._revision, "total": reports.total, "kinds": reports.kinds}
        self._publish(self._state(snapshot, count), reports.items)

    def show_problem(self, problem: Problem) -> None:
        """Publishes a problem beside what is shown."""
        if self._shown is not None:
            self._publish({**self._shown, "problem": _described(problem)})

    def _state(self, snapshot: Snapshot, failures: FailureCount) -> PageState:
        it = snapshot
        return {
            "jugfile": self._options.jugfile,
            "jugdir": store_label(it.store, self._options.jugdir),
            **status_rows(it.counts),
            "blocked": it.nr_blocked,
            "barrier": it.has_barrier,
            "damage": it.damage[:_MOST_DAMAGE],
            "problem": None if it.problem is None else _described(it.problem),
            "left": {
                "seconds": it.left.seconds,
                "at_least": it.left.at_least,
                "why": it.left.why,
                "at": time.time(),
            },
            "workers": None
            if it.workers is None
            else listed_workers(it.workers, it.claims, it.nodes, it.graph),
            "failures": failures,
        }

    def _publish(self, state: PageState, failures: list[FailureItem] | None = None) -> None:
        # An estimate that is new only because time went by is no news.
        if self._shown is None or state != {**self._shown, "left": state["left"]}:
            self._shown = state
            self._feed.publish(state, failures)


def _described(problem: Problem) -> ShownProblem:
    return {"what": problem.text, "detail": users_traceback(problem.error)}
