"""What is done about results of other code before tasks are executed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from .. import task
from ..internal.console import say, warn
from ..internal.task_selection import prepare_matcher_from_options
from ..internal.units import counted
from .code_changes import CodeChanges, Findings, count
from .code_watch import CodeWatch
from .removing import remove_results, removing
from .session.open import open_session
from .task_graph import graph_of

if TYPE_CHECKING:
    from .. import _native
    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.task_selection import Matcher
    from .session.base import StoreSession

__all__ = ["CodeReruns"]

#: What was said already: a jugfile may be loaded many times.
_said: set[str] = set()


class CodeReruns:
    """What one ``jug execute`` does about results of other code, load after load.

    Parameters
    ----------
    options : Options
        What ``--on-code-change`` says, and which tasks are chosen.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._mode = "rerun" if options.execute_rerun_changed else options.on_code_change
        self._matcher = prepare_matcher_from_options(options.execute_name, options.execute_pattern)
        #: The number of the last removal that is known here.
        self._last_removal = 0

    def look(self, store: base_store, began: float) -> bool:
        """Removes results of other code, or warns of them, before tasks are executed.

        Parameters
        ----------
        store : store
        began : float
            When the load of the jugfile began, in seconds since 1970.

        Returns
        -------
        bool
            Whether results were removed, here or by another worker, that the jugfile may have loaded: then it
            has to be loaded again.
        """
        if self._mode not in ("warn", "rerun"):
            return False
        graph = graph_of(task.alltasks)
        with closing(open_session(store)) as session:
            if not session.notes_code:
                _warn_once(
                    "this store does not note by which code results are made: what has changed is not known"
                )
                return False
            session.refresh()
            chosen = self._find(graph, session)
            if not chosen.nodes:
                return self._removed_elsewhere(graph, session, began)
            if self._mode == "warn":
                _warn_once(
                    f"results were made by other code than that of today: {_listed(chosen)}; see "
                    "'jug status --code'"
                )
                return False
            with removing(session):
                # Another worker may have removed these meanwhile, and made them again.
                chosen = self._find(graph, session)
                is_removed = self._remove(graph, session, store, chosen)
                return is_removed or self._removed_elsewhere(graph, session, began)

    def _find(self, graph: _native.Graph, session: StoreSession) -> Findings:
        """What is to run again of the chosen tasks; says what cannot be known, and what is not chosen."""
        found = CodeChanges(graph, session, CodeWatch(self._options)).find(session.present(graph.keys()))
        matcher = self._matcher
        chosen = found if matcher is None else found.of(matcher)
        for name, why in chosen.unknown.items():
            _warn_once(f"the code of {name} is not known, its results stay: {why}")
        if matcher is not None:
            _warn_of_inputs(graph, found.of(lambda name: not matcher(name)), matcher)
        return chosen

    def _remove(
        self, graph: _native.Graph, session: StoreSession, store: base_store, found: Findings
    ) -> bool:
        """Removes results and all that depends on them; what was made of them can be found later on."""
        from ..fingerprint.removals import notes_of_removal, removals_in

        nodes = graph.closure(found.nodes)
        if not nodes:
            return False
        keys = list(graph.keys().of(nodes))
        number = self._last_removal = removals_in(session.notes()).next_number
        # First of all: who is killed in between leaves results that are found again.
        for key, text in notes_of_removal(keys, number):
            session.note(key, text)
        session.flush()
        removed = remove_results(store, keys)
        # Not before: until then they are stale.
        stale = graph.keys().of([node for one in found.stale for node in one.nodes])
        for key, text in notes_of_removal(stale, number, is_settled=True):
            session.note(key, text)
        session.flush()
        if removed:
            results = counted(len(removed), "result that was made", "results that were made")
            say(f"removed {results} by other code ({_listed(found)}) or of such results")
        if self._matcher is not None:
            names = graph.names()
            others = sum(
                not self._matcher(names[node])
                for node, key in zip(nodes, keys, strict=True)
                if key in removed
            )
            if others:
                results = counted(others, "removed result is", "removed results are")
                say(f"{results} not among the chosen tasks, which alone run now")
        return bool(removed)

    def _removed_elsewhere(self, graph: _native.Graph, session: StoreSession, began: float) -> bool:
        """Whether another worker removed results that a load may have used which began at that time."""
        from ..fingerprint.removals import removals_in

        removals = removals_in(session.notes())
        before, self._last_removal = self._last_removal, removals.next_number - 1
        keys = [key for key, number in removals.removed.items() if number > before]
        known = [key for key, node in zip(keys, graph.find(keys), strict=True) if node is not None]
        for key in known:
            # What was made again after that is not what was loaded.
            facts = session.facts(key)
            if facts is None or facts["started"] >= began:
                return True
        return False


def _warn_of_inputs(graph: _native.Graph, others: Findings, matcher: Matcher) -> None:
    """Says which of the chosen tasks need results of other code that are not chosen."""
    names = graph.names()
    needing = sorted({names[node] for node in graph.closure(others.nodes) if matcher(names[node])})
    if needing:
        _warn_once(
            f"inputs of {', '.join(needing)} were made by other code, and are not among the chosen tasks: "
            f"{_listed(others)}"
        )


def _listed(findings: Findings) -> str:
    """How many results of each name: "3 of jugfile.f, 1 of jugfile.g"."""
    return ", ".join(f"{number} of {name}" for name, number in sorted(count(findings).items()))


def _warn_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        warn(text)
