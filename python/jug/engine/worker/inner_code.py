"""Whether the result of a compound task was made of results of other code, which are hidden behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from typing import TYPE_CHECKING

from ..code_changes import CodeChanges

if TYPE_CHECKING:
    from ... import _native
    from ...compound import Carrier
    from ..code_watch import CodeWatch
    from ..session.base import StoreSession

__all__ = ["InnerCode"]


class InnerCode:
    """Looks at the tasks inside of compound tasks when those are finished.

    Parameters
    ----------
    graph : Graph
    session : StoreSession
    watch : CodeWatch
    known : int
        How many of the first tasks of the graph had results before this worker began.
    present : sequence of bool
        Whether each of the others had one.
    """

    def __init__(
        self,
        graph: _native.Graph,
        session: StoreSession,
        watch: CodeWatch,
        known: int,
        present: Sequence[bool],
    ) -> None:
        self._graph = graph
        self._session = session
        self._watch = watch
        self._known = known
        self._present = bytes(present)
        self._had_any = session.notes_code and (known > 0 or any(present))

    def is_other(self, t: Carrier) -> bool:
        """Whether something inside was made by other code than that of today before this worker began."""
        node = self._graph.node_of(t)
        if node is None or not self._had_any:
            return False
        # What the arguments are made of is not hidden.
        arguments = set(map(self._graph.node_of, t.whole.direct_dependencies()))
        inside = self._needed_by(self._graph.dependencies(node), arguments)
        nodes = sorted(it for it in inside if self._had_result(it))
        if not nodes:
            return False
        return bool(CodeChanges(self._graph, self._session, self._watch).changed_among(nodes))

    def _had_result(self, node: int) -> bool:
        return node < self._known or bool(self._present[node - self._known])

    def _needed_by(self, nodes: Iterable[int], without: Set[int | None]) -> set[int]:
        """These nodes and all that they need, directly or not, up to others."""
        dependencies: Callable[[int], list[int]] = self._graph.dependencies
        found: set[int] = set()
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            if node not in found and node not in without:
                found.add(node)
                waiting.extend(dependencies(node))
        return found
