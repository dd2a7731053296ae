"""Waiting for other processes to finish a jugfile."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from .. import task
from .graph import graph_of
from .loading import load
from .workspace import workspace_of

__all__ = ["wait_until_complete"]

_log = logging.getLogger("jug")


def wait_until_complete(options: Any) -> None:
    """Returns when every task of the jugfile has a result, behind its barriers too."""
    store = None
    while True:
        loaded = load(options, store)
        store = loaded.store
        _wait_for(graph_of(task.alltasks).keys(), store)
        if not loaded.has_barrier:
            return


def _wait_for(keys: Sequence[bytes], store: Any) -> None:
    work = workspace_of(store)
    told = None
    try:
        while True:
            work.refresh()
            keys = [key for key, found in zip(keys, work.present(keys), strict=True) if not found]
            if not keys:
                return
            if len(keys) != told:
                told = len(keys)
                _log.info("waiting for %d tasks", told)
            work.wait(1.0)
    finally:
        work.close()
