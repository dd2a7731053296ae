"""Waiting for other processes to finish a jugfile."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from .. import _native, task
from ..engine.blocked import Blockade, Blocked
from ..engine.drift import Drift, load_steadily
from ..engine.failures.query import failure_reports, is_kept, stored_failures
from ..engine.failures.report import used_up
from ..engine.result_files import ResultFiles
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from ..internal import log

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.session.base import StoreSession

__all__ = ["wait_until_complete"]


#: After how many seconds in which nothing was finished it is looked whether all loads make the same tasks.
_PATIENCE = 1.0


def wait_until_complete(options: Options) -> Blocked:
    """Returns when every task of the jugfile has a result, behind its barriers too.

    Or when all that is left cannot run any more; that is returned.

    Raises
    ------
    UserError
        If tasks are others in each load of the jugfile, so that nobody ever runs those that are waited on.
    """
    store = None
    drift = Drift()
    is_steady = False
    while True:
        loaded = load_steadily(options, store, drift, only_waits=True)
        store = loaded.store
        limit = int(options.execute_crash_limit)
        blocked = _wait_for(graph_of(task.alltasks), store, limit, math.inf if is_steady else _PATIENCE)
        if blocked or (blocked is not None and not loaded.has_barrier):
            return blocked
        # Where nothing has come, a second load shows whether others can know these tasks at all.
        is_steady = blocked is None
        drift.ended(task.alltasks)


def _wait_for(graph: _native.Graph, store: base_store, crash_limit: int, patience: float) -> Blocked | None:
    """Waits for the tasks of one load; None if none of them was finished for `patience` seconds."""
    session = open_session(store)
    keys: Sequence[bytes] = graph.keys()
    before = None
    since = time.monotonic()
    session.refresh()
    marked, dead = _given_up(session, crash_limit)
    try:
        while True:
            # A worker that was started later tries them once more. First the claims, then the results: what
            # ends in between has one.
            died = list(compress(dead, map(not_, session.claimed(dead)))) if dead else []
            changes = session.refresh()
            if not session.reports_changes or any(state != "result" for _, state in changes):
                marked, dead = _given_up(session, crash_limit)
            outdated = _outdated(session, graph)
            there = zip(keys, session.present(keys), strict=True)
            keys = [key for key, found in there if not found or key in outdated]
            if not keys:
                return Blocked()
            if before != (len(keys), marked, died):
                before, since = (len(keys), marked, died), time.monotonic()
                log.info("waiting for %d tasks", len(keys))
                blocked = _blocked(graph, keys, marked, died)
                if blocked:
                    return blocked
            if time.monotonic() - since > patience:
                return None
            if not _has_news(session, graph, keys, since + patience):
                return None
    finally:
        session.close()


def _outdated(session: StoreSession, graph: _native.Graph) -> set[bytes]:
    """Results that are to be made again because of a file in them."""
    files, keys = ResultFiles.of(session), graph.keys()
    return {keys[it.node] for it in files.outdated(graph) if not it.is_out_of_reach} if files else set()


def _has_news(session: StoreSession, graph: _native.Graph, keys: Sequence[bytes], until: float) -> bool:
    """Waits until all is finished or nothing but a look tells (True), or `until` has passed (False)."""
    left = set(graph.find(keys))
    finished: set[int] = set()
    while True:
        session.wait_for_news(1.0)
        if not session.is_quiet():
            return True
        results, gone = session.finished_elsewhere()
        finished.update(graph.find_prefixes(results))
        if left <= finished or left.intersection(graph.find_prefixes(gone)) - finished:
            return True
        if time.monotonic() > until:
            return False


def _given_up(session: StoreSession, crash_limit: int) -> tuple[list[bytes], list[bytes]]:
    """The tasks that are marked as failed, and those that ended their process too often."""
    stored = stored_failures(session)
    marked = [key for key, report in stored.items() if is_kept(report)]
    return marked, used_up(failure_reports(stored), crash_limit)


def _blocked(
    graph: _native.Graph, missing: Sequence[bytes], marked: Sequence[bytes], died: Sequence[bytes]
) -> Blocked:
    """What cannot run, if nothing else is missing."""
    left = set(graph.find(missing))
    failed = [node for node in graph.find(list({*marked, *died})) if node in left and node is not None]
    if not failed:
        return Blocked()
    present = [node not in left for node in range(len(graph))]
    blockade = Blockade(graph, _native.Scheduler(graph, present=present, failed=failed))
    only_died = {key.hex().encode() for key in set(died).difference(marked)}
    return blockade.count(only_died) if blockade.is_all() else Blocked()
