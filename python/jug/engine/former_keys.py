"""Results that an earlier version stored under other keys than those of today."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .. import _native
from ..internal.console import warn
from .session.base import StoreSession

if TYPE_CHECKING:
    from ..backends.base import base_store

__all__ = ["FormerResults"]


class FormerResults:
    """Warns once of results that are not found any more, because the keys of values were mended."""

    def __init__(self) -> None:
        self._reported: set[bytes] = set()

    def report(
        self,
        graph: _native.Graph,
        store: base_store,
        session: StoreSession,
        known: int,
        present: Sequence[bool],
    ) -> None:
        """Warns of those results whose tasks have none by the key of today; costs nothing without such tasks.

        Parameters
        ----------
        graph : Graph
        store, session
            What the results are in.
        known : int
            How many of the first nodes of the graph have results.
        present : sequence of bool
            Whether each of the others has one.
        """
        nodes = [node for node in graph.changed() if node >= known and not present[node - known]]
        # To compute former keys takes as long as the others did. Mostly nothing is stored but what was found.
        if not nodes or sum(1 for _ in store.list()) <= known + sum(present):
            return
        keys = {key for key in graph.former_keys(nodes) if key is not None} - self._reported
        found = [key for key, there in zip(keys, session.present(list(keys)), strict=True) if there]
        if found:
            self._reported.update(found)
            some = f"{len(found)} results lie" if len(found) > 1 else "1 result lies"
            warn(
                f"{some} under keys of an earlier version, which gave some different values "
                "the same key; their tasks run again, and `jug cleanup` removes what is no longer needed"
            )
