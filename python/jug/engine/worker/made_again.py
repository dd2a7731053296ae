"""Makes results again whose files are gone or changed, and what was made of results that are others now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import compress
from operator import not_
from typing import TYPE_CHECKING

from ... import _native
from ...errors import Leave
from ...internal import file_uses
from ...internal.console import warn
from ..removing import remove_results, removing
from ..result_files import Outdated, Replaced, ResultFiles
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
    """

    def __init__(self, graph: _native.Graph, session: StoreSession, store: base_store) -> None:
        self._graph = graph
        self._session = session
        self._store = store
        #: None until there is a file in a result.
        self._files = ResultFiles.of(session)
        #: What had no result any more when this began, and was not run here.
        self._gone: set[int] = set()
        #: What was made of others than what is to be stored, and removed here.
        self._removed: set[int] = set()

    def remove_outdated(self, selected: set[int] | None) -> bool:
        """Removes the results that count no more, of those tasks that may run here; whether there were any.

        A task that is run elsewhere with such a result notices by itself what has become of a file: nobody
        writes it again below that task, which might then end as if nothing had happened.
        """
        if self._files is None:
            return False
        found, lost = self._find(self._files, selected), []
        if not all(each.is_out_of_reach for each in found):
            with removing(self._session):
                self._files.refresh()
                found = self._find(self._files, selected)
                lost = self._remove(self._files, [each for each in found if not each.is_out_of_reach])
            self._gone.update(it.node for it in lost)
            self._say_lost(lost)
            self._session.refresh()
        self._say_kept([each for each in found if each.is_out_of_reach])
        return bool(lost)

    def _find(self, files: ResultFiles, selected: set[int] | None) -> list[Outdated]:
        outdated = files.outdated(self._graph)
        return [each for each in outdated if selected is None or each.node in selected]

    def _remove(self, files: ResultFiles, outdated: Sequence[Outdated]) -> list[Outdated]:
        """Removes what was made of other files, and those of these results that say what their notes say."""
        in_use = self._in_use([each.node for each in outdated])
        keys = self._graph.keys()
        lost = []
        made_of: defaultdict[Replaced, list[bytes]] = defaultdict(list)
        for each in outdated:
            if each.replaced is not None:
                made_of[each.replaced].append(keys[each.node])
                lost.append(each)
            elif each.node not in in_use and (what := self._problem(files, self._graph.task(each.node))):  # type: ignore[arg-type]  # no others are made
                lost.append(each._replace(what=what))
        # What uses a result that was made of others now is not to count either.
        stale = self._graph.closure([each.node for each in lost if each.replaced is not None])
        remove_results(self._store, keys.of([*stale, *(it.node for it in lost if it.replaced is None)]))
        files.settle(made_of)
        return lost

    def _in_use(self, nodes: Sequence[int]) -> set[int]:
        """Those of these tasks of which a task needs the result that is claimed."""
        keys = self._graph.keys()
        dependents = sorted({it for node in nodes for it in self._graph.dependents(node)})
        missing = list(compress(dependents, map(not_, self._session.present(keys.of(dependents)))))
        claimed = compress(missing, self._session.claimed(keys.of(missing)))
        return {needed for node in claimed for needed in self._graph.dependencies(node)}

    def _problem(self, files: ResultFiles, t: Task) -> str:
        """What is the matter with a file in a result; where all are what they were, that is noted."""
        t.unload()
        try:
            value, what, used = file_uses.loading(lambda: self._store.load(t.hash()))
        except Leave:
            raise
        except (Exception, SystemExit):
            return ""  # Who needs it gets the error.
        if not what:
            files.stored(t.key(), value, used)
        return what

    def _say_lost(self, lost: Sequence[Outdated]) -> None:
        names = self._graph.names()
        for each in lost[:_MOST_NAMED]:
            warn(f"the result of task {names[each.node]} counts no more: {each.what}")
        if len(lost) > _MOST_NAMED:
            warn(
                f"the same holds of {len(lost) - _MOST_NAMED} other results, whose files are gone or changed"
            )

    def _say_kept(self, kept: Sequence[Outdated]) -> None:
        if not kept:
            return
        name, others = self._graph.names()[kept[0].node], len(kept) - 1
        more = f", and so {'is that' if others == 1 else 'are those'} of {others} more" if others else ""
        _warn_once(
            f"the result of task {name} is kept{more}: {kept[0].what}; bring that back, or have it made "
            f"again by 'jug invalidate --name {name}'"
        )

    def remove_made_of_others(self, node: int, key: bytes, value: object) -> Sequence[int]:
        """Removes what was made of an earlier result of a task, if this one has files with other content.

        To be called before the new result is stored: what others make of that must not be removed.

        Returns
        -------
        sequence of int
            The tasks that lost their results.
        """
        # What cannot be stored replaces nothing.
        if self._files is None or not self._files.had(key) or file_uses.files_in(value) is None:
            return ()
        if not self._files.differs(key, value):
            return ()
        # For what is made of it and not known here: behind a barrier, say.
        self._files.replaced(key)
        if node in self._gone:
            self._gone.discard(node)
            if self._removed.issuperset(self._graph.dependents(node)):
                # Nothing of that can have run since, nor what needs it: it waited for this one.
                return ()
        nodes = [it for it in self._graph.closure([node]) if it != node]
        self._removed.update(nodes)
        keys = self._graph.keys()
        stale = list(compress(nodes, self._session.present(keys.of(nodes))))
        # All of them: what runs elsewhere now, of what was made of the other files, is not to count either.
        remove_results(self._store, keys.of(nodes))
        if not stale:
            return ()
        names = self._graph.names()
        counts = Counter(names[it] for it in stale)
        removed = ", ".join(f"{number} of {name}" for name, number in counts.most_common())
        warn(
            f"the files of task {names[node]} are others than before: removed what was made of those "
            f"({removed})"
        )
        return stale

    def stored(self, key: bytes, value: object, files: Sequence[file_uses.UsedFile]) -> None:
        """Takes note of the files in a result that was stored."""
        if files and self._files is None:
            # The task that made it was the first that said that there are such files.
            self._files = ResultFiles(self._session)
        if self._files is not None:
            self._files.stored(key, value, files)


def _warn_once(line: str) -> None:
    if line not in _said:
        _said.add(line)
        warn(line)
