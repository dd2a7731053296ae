"""``jug execute --explain``: a line for each task that runs, which says why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import TYPE_CHECKING

from ... import _native
from ...internal.console import say
from ..argument_differences import identity_of
from ..result_files import ResultFiles

if TYPE_CHECKING:
    from ..session.base import StoreSession

__all__ = ["Reasons"]

#: How many digits of its key a task is named with.
_DIGITS = 8


class Reasons:
    """What is known of why tasks run; kept over all the loads of a jugfile."""

    def __init__(self) -> None:
        self._graph: _native.Graph
        self._session: StoreSession
        self._keys: _native.Keys
        self._files: ResultFiles | None
        #: What had no result when it was first looked for, or lost it since.
        self._absent: set[bytes] = set()
        self._removed: set[bytes] = set()
        self._damaged: frozenset[bytes] = frozenset()

    def loaded(
        self, graph: _native.Graph, session: StoreSession, known: int, present: Sequence[bool]
    ) -> None:
        """A jugfile was loaded; `present` says of each node but the first `known` whether it has a result."""
        self._graph, self._session, self._keys = graph, session, graph.keys()
        self._files = ResultFiles.of(session)
        found = zip(self._keys.since(known), present, strict=True)
        absent = [key for key, is_there in found if not is_there]
        self._absent.update(absent)
        self._removed.update(compress(absent, session.removed(absent)))
        self._damaged = frozenset(session.damaged())

    def forgotten(self, keys: Iterable[bytes]) -> None:
        """Their results went while this worker was at work."""
        self._removed.update(keys)
        self._absent.update(keys)
        self._damaged = frozenset(self._session.damaged())

    def say(self, node: int, attempt: int) -> None:
        """Prints why a task runs now, for the time `attempt`."""
        key, name = self._keys[node], identity_of(self._graph.task(node)).name
        say(f"run {name} {key.hex()[:_DIGITS]}: {self._reason(node, key, attempt)}")

    def _reason(self, node: int, key: bytes, attempt: int) -> str:
        if key in self._damaged:
            return "the result was damaged"
        if attempt > 1:
            kind = self._session.reports([key]).get(key, {}).get("kind")
            return f"failed before ({f'{kind}, ' if kind else ''}attempt {attempt})"
        if key in self._removed:
            lost = "" if self._files is None else self._files.lost(key)
            return lost or "was invalidated"
        inputs = self._graph.dependencies(node)
        if not inputs:
            return "no result; it needs no other task"
        computed = [it for it in inputs if self._keys[it] in self._absent]
        if not computed:
            return f"no result; its input{'s are' if len(inputs) > 1 else ' is'} done"
        first = identity_of(self._graph.task(computed[0])).name
        if len(computed) == 1:
            return f"no result; its input {first} was computed in this run"
        others = f"{len(computed) - 1} other{'s' if len(computed) > 2 else ''}"
        return f"no result; its inputs {first} and {others} were computed in this run"
