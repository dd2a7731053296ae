"""What `jug status` shows: counted anew from the jugfile, or with the help of a cache file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .. import _native, task
from ..backends.file_store import file_store
from ..backends.select import select
from ..errors import UserError
from ..internal.console import warn
from .failures import is_suspicion
from .loading import Loaded, load
from .overview import COMPLETE, Overview
from .status_cache import (
    WORDS,
    About,
    Counts,
    Row,
    StatusCache,
    changed_states,
    source_of,
    stamp_of,
)
from .workspace import warn_of_damage, workspace_of

__all__ = ["Seen", "look", "look_cached", "needs_of", "rows_of"]

_LETTERS = {word: letter for letter, word in WORDS.items()}


class Seen(NamedTuple):
    """How many tasks of each name are in which state, and why tasks failed: (name, report)."""

    counts: Counts
    failures: list[tuple[str, Mapping[str, Any]]]
    #: Whether the jugfile goes on behind a barrier that is not met.
    has_barrier: bool


def look(options: Any) -> Seen:
    """Loads the jugfile and looks at every task."""
    loaded = load(options)
    overview = Overview(task.alltasks, loaded.store)
    return Seen(overview.counts(), _failures(overview), loaded.has_barrier)


def look_cached(options: Any) -> Seen:
    """Looks at the tasks that are not known to have a result; loads the jugfile only where it must.

    It must if the cache file is new, if the jugfile or its arguments have changed, if a result is gone, or if
    it ended at a barrier that may be met now.

    Raises
    ------
    UserError
        If the cache file is damaged, or is not one, or is that of another jugfile; it stays as it is.
    """
    path = options.status_cache_file
    cache = StatusCache(path if path == ":memory:" else os.path.abspath(path))
    try:
        about = cache.about()
        jugfile = os.path.abspath(options.jugfile)
        if about is not None and about.jugfile != jugfile:
            raise UserError(
                f"{cache.path} is the status cache of {about.jugfile}; name another --cache-file for this one"
            )
        source = source_of(options)
        if about is not None and about.source == source:
            seen = _look_again(cache, about, options)
            if seen is not None:
                return seen
        return _load_and_fill(cache, jugfile, source, options)
    finally:
        cache.close()


def _look_again(cache: StatusCache, about: About, options: Any) -> Seen | None:
    """What is to be seen of the tasks in the cache; None if the jugfile must be loaded."""
    from ..options import set_jugdir

    store = set_jugdir(about.chosen or options.jugdir)
    work = workspace_of(store)
    try:
        work.refresh()
        now = about._replace(stamp=stamp_of(store))
        if not now.stamp or now.stamp != about.stamp:
            # Something may have been removed, or this is another jugdir.
            known = [bytes.fromhex(name.decode()) for name in cache.finished()]
            if not all(work.present(known)):
                return None
        rows = cache.unfinished()
        states = changed_states(work, rows, cache.needs())
        if about.has_barrier and "finished" in states.values():
            return None
        counts = {name: Counter({COMPLETE: n}) for name, n in cache.nr_finished().items()}
        for number, name, *_ in rows:
            counts.setdefault(name, Counter())[_LETTERS[states[number]]] += 1
        changed = {number: states[number] for number, _, _, before in rows if states[number] != before}
        if changed or now != about:
            _keep(lambda: cache.update(now, changed))
        reports = {key: it for key, it in work.failures().items() if not is_suspicion(it)}
        failures = [
            (name, reports[key])
            for _, name, text, _ in (rows if reports else ())
            if (key := bytes.fromhex(text.decode())) in reports
        ]
        if rows:
            warn_of_damage(work)
        return Seen(counts, failures, about.has_barrier)
    finally:
        work.close()


def _load_and_fill(cache: StatusCache, jugfile: str, source: str, options: Any) -> Seen:
    """Loads the jugfile, looks at every task, and writes it all down."""
    selected = select(options.jugdir)
    loaded = load(options, selected)
    overview = Overview(task.alltasks, loaded.store)
    states = overview.node_states()
    seen = Seen(overview.counts(states), _failures(overview), loaded.has_barrier)
    chosen = _chosen_by(loaded, selected)
    if chosen is None:
        warn("the jugfile opens a store of its own that is no directory: its status is not kept in a cache")
        return seen
    about = About(jugfile, source, chosen, loaded.has_barrier, stamp_of(loaded.store))
    words = [WORDS[chr(state)] for state in states]
    _keep(lambda: cache.fill(about, rows_of(overview.graph, words), needs_of(overview.graph)))
    return seen


def rows_of(graph: _native.Graph, words: Sequence[str]) -> Iterator[Row]:
    """Number, name, hash and state of each task of the jugfile, in its order; `words`: the states by node."""
    names, keys = graph.names(), graph.keys()
    for number, node in enumerate(graph.node_ids()):
        yield number, names[node], keys[node].hex().encode(), words[node]


def needs_of(graph: _native.Graph) -> Iterator[tuple[int, int]]:
    """Pairs of numbers as in `rows_of`: a task, and one that it needs directly."""
    nodes = graph.node_ids()
    first: dict[int, int] = {}
    for number, node in enumerate(nodes):
        first.setdefault(node, number)
    for number, node in enumerate(nodes):
        for needed in graph.dependencies(node):
            # A task that nobody listed has no row.
            if needed in first:
                yield number, first[needed]


def _chosen_by(loaded: Loaded, selected: Any) -> str | None:
    """The jugdir that the jugfile chose; empty if it did not, None if it cannot be opened again by name."""
    if loaded.store is selected:
        return ""
    return loaded.store.native.path if isinstance(loaded.store, file_store) else None


def _keep(write: Callable[[], None]) -> None:
    """Writes the cache; what is seen is true also where that fails."""
    try:
        write()
    except UserError as error:
        warn(str(error))


def _failures(overview: Overview) -> list[tuple[str, Mapping[str, Any]]]:
    return [(t.name, report) for t, report in overview.failures()]
