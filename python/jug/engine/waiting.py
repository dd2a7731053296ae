"""Waiting for other processes to finish a jugfile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import compress
from operator import not_
from typing import Any

from .. import _native, task
from .blocked import Blockade, Blocked
from .crashes import used_up
from .graph import graph_of
from .loading import load
from .workspace import workspace_of

__all__ = ["wait_until_complete"]

_log = logging.getLogger("jug")


def wait_until_complete(options: Any) -> Blocked:
    """Returns when every task of the jugfile has a result, behind its barriers too.

    Or when all that is left cannot run any more; that is returned.
    """
    store = None
    while True:
        loaded = load(options, store)
        store = loaded.store
        blocked = _wait_for(graph_of(task.alltasks), store, int(options.execute_crash_limit))
        if blocked or not loaded.has_barrier:
            return blocked


def _wait_for(graph: _native.Graph, store: Any, crash_limit: int) -> Blocked:
    work = workspace_of(store)
    keys: Sequence[bytes] = graph.keys()
    seen = None
    dead = used_up(work.failures(), crash_limit)
    try:
        while True:
            # A worker that was started later tries them once more. First the claims, then the results: what
            # ends in between has one.
            died = list(compress(dead, map(not_, work.claimed(dead)))) if dead else []
            if any(state == "failed" for _, state in work.refresh()):
                dead = used_up(work.failures(), crash_limit)
            keys = [key for key, found in zip(keys, work.present(keys), strict=True) if not found]
            if not keys:
                return Blocked()
            marked = work.kept_failures()
            if seen != (len(keys), marked, died):
                seen = (len(keys), marked, died)
                _log.info("waiting for %d tasks", len(keys))
                blocked = _blocked(graph, keys, marked, died)
                if blocked:
                    return blocked
            work.wait(1.0)
    finally:
        work.close()


def _blocked(
    graph: _native.Graph, missing: Sequence[bytes], marked: Sequence[bytes], died: Sequence[bytes]
) -> Blocked:
    """What cannot run, if nothing else is missing."""
    left = set(graph.find(missing))
    failed = [node for node in graph.find(list({*marked, *died})) if node in left and node is not None]
    if not failed:
        return Blocked()
    done = [node for node in range(len(graph)) if node not in left]
    blockade = Blockade(graph, _native.Scheduler(graph, done=done, failed=failed))
    only_died = {key.hex().encode() for key in set(died).difference(marked)}
    return blockade.count(only_died) if blockade.is_all() else Blocked()
