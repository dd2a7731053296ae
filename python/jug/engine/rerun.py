"""What is done about results of other code before tasks are executed."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from .. import task
from ..backends.capabilities import is_keyed
from ..internal.console import say, warn
from ..internal.task_selection import prepare_matcher_from_options
from ..internal.units import counted
from .code_changes import CodeChanges, Findings, count
from .code_watch import CodeWatch
from .session.open import open_session
from .task_graph import graph_of

if TYPE_CHECKING:
    from .. import _native
    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.task_selection import Matcher
    from .session.base import StoreSession

__all__ = ["look_at_code"]

#: What was said already: a jugfile may be loaded many times.
_said: set[str] = set()


def look_at_code(options: Options, store: base_store) -> bool:
    """Does about results of other code what ``--on-code-change`` says, before tasks are executed.

    Returns
    -------
    bool
        Whether results were removed: the jugfile is to be loaded again.
    """
    mode = "rerun" if options.execute_rerun_changed else options.on_code_change
    if mode not in ("warn", "rerun"):
        return False
    matcher = prepare_matcher_from_options(options.execute_name, options.execute_pattern)
    graph = graph_of(task.alltasks)
    with closing(open_session(store)) as session:
        if not session.notes_code:
            _warn_once(
                "this store does not note by which code results are made: what has changed is not known"
            )
            return False
        session.refresh()
        found = CodeChanges(graph, session, CodeWatch(options)).find(session.present(graph.keys()))
        chosen = found if matcher is None else found.of(matcher)
        for name, why in chosen.unknown.items():
            _warn_once(f"the code of {name} is not known, its results stay: {why}")
        if matcher is not None:
            _warn_of_inputs(graph, found.of(lambda name: not matcher(name)), matcher)
        counts = ", ".join(f"{number} of {name}" for name, number in sorted(count(chosen).items()))
        if not counts:
            return False
        if mode == "warn":
            _warn_once(
                f"results were made by other code than that of today: {counts}; see 'jug status --code'"
            )
            return False
        return _remove(graph, session, store, chosen, counts, matcher)


def _remove(
    graph: _native.Graph,
    session: StoreSession,
    store: base_store,
    found: Findings,
    counts: str,
    matcher: Matcher | None,
) -> bool:
    """Removes results and all that depends on them; what was made of them can be found later on."""
    from ..fingerprint.removals import notes_of_removal, removals_in

    nodes = graph.closure(found.nodes)
    keys = list(graph.keys().of(nodes))
    number = removals_in(session.notes()).next_number
    # First of all: who is killed in between leaves results that are found again.
    for key, text in notes_of_removal(keys, number):
        session.note(key, text)
    session.flush()
    assert is_keyed(store)
    removed = set(store.remove_keys(keys))
    # Not before: until then they are stale.
    stale = graph.keys().of([node for one in found.stale for node in one.nodes])
    for key, text in notes_of_removal(stale, number, is_settled=True):
        session.note(key, text)
    session.flush()
    if removed:
        results = counted(len(removed), "result that was made", "results that were made")
        say(f"removed {results} by other code ({counts}) or of such results")
    if matcher is not None:
        names = graph.names()
        others = sum(
            not matcher(names[node]) for node, key in zip(nodes, keys, strict=True) if key in removed
        )
        if others:
            results = counted(others, "removed result is", "removed results are")
            say(f"{results} not among the chosen tasks, which alone run now")
    return bool(removed)


def _warn_of_inputs(graph: _native.Graph, others: Findings, matcher: Matcher) -> None:
    """Says which of the chosen tasks need results of other code that are not chosen."""
    names = graph.names()
    needing = sorted({names[node] for node in graph.closure(others.nodes) if matcher(names[node])})
    if needing:
        counts = ", ".join(f"{number} of {name}" for name, number in sorted(count(others).items()))
        _warn_once(
            f"inputs of {', '.join(needing)} were made by other code, and are not among the chosen tasks: "
            f"{counts}"
        )


def _warn_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        warn(text)
