"""Waiting for other processes to finish a jugfile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from .. import _native, task
from .blocked import Blockade, Blocked
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
        blocked = _wait_for(graph_of(task.alltasks), store)
        if blocked or not loaded.has_barrier:
            return blocked


def _wait_for(graph: _native.Graph, store: Any) -> Blocked:
    work = workspace_of(store)
    keys: Sequence[bytes] = graph.keys()
    seen = None
    try:
        while True:
            work.refresh()
            keys = [key for key, found in zip(keys, work.present(keys), strict=True) if not found]
            if not keys:
                return Blocked()
            given_up = work.kept_failures()
            if seen != (len(keys), given_up):
                seen = (len(keys), given_up)
                _log.info("waiting for %d tasks", len(keys))
                blocked = _blocked(graph, keys, given_up)
                if blocked:
                    return blocked
            work.wait(1.0)
    finally:
        work.close()


def _blocked(graph: _native.Graph, missing: Sequence[bytes], given_up: Sequence[bytes]) -> Blocked:
    """What cannot run, if nothing else is missing."""
    failed = [node for node in graph.find(given_up) if node is not None]
    if not failed:
        return Blocked()
    left = set(graph.find(missing))
    done = [node for node in range(len(graph)) if node not in left]
    blockade = Blockade(graph, _native.Scheduler(graph, done=done, failed=failed))
    return blockade.count(()) if blockade.is_all() else Blocked()
