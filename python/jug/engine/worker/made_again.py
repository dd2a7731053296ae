"""Makes results again whose files are gone or changed, and what was made of files that are others now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING

from ... import _native
from ...backends.capabilities import is_keyed
from ...internal import file_uses
from ...internal.console import warn
from ..result_files import Outdated, ResultFiles
from ..session.base import StoreSession

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...task import Task

__all__ = ["MadeAgain"]

#: How many results are named.
_MOST_NAMED = 3

#: What was said of results that stay: a jugfile may be loaded many times.
_said: set[str] = set()


class MadeAgain:
    """What a worker does about files in results.

    Parameters
    ----------
    graph : _native.Graph
    session : StoreSession
    store : store
        That of the session.
    files : ResultFiles
    """

    def __init__(
        self, graph: _native.Graph, session: StoreSession, store: base_store, files: ResultFiles
    ) -> None:
        self._graph = graph
        self._session = session
        self._store = store
        self._files = files

    def remove_outdated(self, selected: set[int] | None) -> None:
        """Removes the results that count no more, of those tasks that may run here."""
        lost: list[Outdated] = []
        kept: list[Outdated] = []
        for each in self._files.outdated(self._graph):
            if selected is not None and each.node not in selected:
                continue
            if each.is_out_of_reach:
                kept.append(each)
            elif what := self._remove(self._graph.task(each.node)):  # type: ignore[arg-type]  # no others are made
                lost.append(each._replace(what=what))
        names = self._graph.names()
        for each in lost[:_MOST_NAMED]:
            warn(f"the result of task {names[each.node]} counts no more: {each.what}")
        if len(lost) > _MOST_NAMED:
            warn(
                f"the same holds of {len(lost) - _MOST_NAMED} other results, whose files are gone or changed"
            )
        if kept:
            name, others = names[kept[0].node], len(kept) - 1
            more = f", and so {'is that' if others == 1 else 'are those'} of {others} more" if others else ""
            _warn_once(
                f"the result of task {name} is kept{more}: {kept[0].what}; bring that back, or have it made "
                f"again by 'jug invalidate --name {name}'"
            )
        if lost:
            self._session.refresh()

    def _remove(self, t: Task) -> str:
        """Removes a result, if it says the same as the note of it; what is the matter with a file in it."""
        t.unload()
        try:
            _, what, files = file_uses.loading(lambda: self._store.load(t.hash()))
        except (Exception, SystemExit):
            return ""  # Who needs it gets the error.
        if what:
            self._store.remove(t.hash())
        else:
            self._files.stored(t.key(), files)
        return what

    def stored(self, node: int, key: bytes, files: Sequence[file_uses.UsedFile]) -> Sequence[int]:
        """A result was stored that has these files.

        Returns
        -------
        sequence of int
            The tasks that lost their results: they were made of other files.
        """
        if not self._files.stored(key, files):
            return ()
        nodes = [it for it in self._graph.closure([node]) if it != node]
        keys = self._graph.keys()
        stale = list(compress(nodes, self._session.present(keys.of(nodes))))
        if not stale or not is_keyed(self._store):
            return ()
        self._store.remove_keys([keys[it] for it in stale])
        names = self._graph.names()
        counts = Counter(names[it] for it in stale)
        removed = ", ".join(f"{number} of {name}" for name, number in counts.most_common())
        warn(
            f"the files of task {names[node]} are others than before: removed what was made of those "
            f"({removed})"
        )
        return stale


def _warn_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        warn(line)
