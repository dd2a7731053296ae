"""What `jug status --cache` shows: only tasks that had no result are looked at, by a cache file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from .. import _native, task
from ..backends.capabilities import has_jugdir
from ..backends.select import select
from ..engine.failures.query import failure_reports, stored_failures
from ..engine.jugfile import LoadedJugfile, load
from ..engine.session.base import warn_of_damage
from ..engine.session.open import open_session
from ..engine.task_state import TaskState
from ..errors import UserError
from ..internal.console import warn
from .cache_file import CacheHeader, Row, StatusCache, changed_states, source_of, stamp_of
from .status import Status, StatusCollector, status_of
from .times import times_of

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["collect_cached", "needs_of", "rows_of"]

_BY_WORD = {state.in_cache: state for state in TaskState}


def collect_cached(options: Options, *, with_times: bool = False) -> Status:
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
        header = cache.about()
        jugfile = os.path.abspath(options.jugfile)
        if header is not None and header.jugfile != jugfile:
            raise UserError(
                f"{cache.path} is the status cache of {header.jugfile}; name another --cache-file for this "
                "one"
            )
        source = source_of(options)
        if header is not None and header.source == source:
            status = _status_from_cache(cache, header, options, with_times)
            if status is not None:
                return status
        return _load_and_fill(cache, jugfile, source, options, with_times)
    finally:
        cache.close()


def _status_from_cache(
    cache: StatusCache, header: CacheHeader, options: Options, with_times: bool
) -> Status | None:
    """The status of the tasks in the cache; None if the jugfile must be loaded."""
    from ..engine.jugfile import set_jugdir

    store = set_jugdir(header.chosen or options.jugdir)
    session = open_session(store)
    try:
        session.refresh()
        now = header._replace(stamp=stamp_of(store))
        # Something may have been removed, or this is another jugdir.
        is_doubtful = not now.stamp or now.stamp != header.stamp
        if is_doubtful and not all(session.present([*cache.finished()])):
            return None
        rows = cache.unfinished()
        stored = stored_failures(session)
        states = changed_states(session, stored, rows, cache.needs())
        if header.has_barrier and "finished" in states.values():
            return None
        counts = {name: Counter({TaskState.COMPLETE: n}) for name, n in cache.nr_finished().items()}
        for number, name, *_ in rows:
            counts.setdefault(name, Counter())[_BY_WORD[states[number]]] += 1
        times = None
        if with_times:
            now_finished = (row for row in rows if states[row[0]] == "finished")
            done = cache.finished() | {
                bytes.fromhex(text.decode()): name for _, name, text, _ in now_finished
            }
            times = times_of(session, done.values(), [*done])
        changed = {number: states[number] for number, _, _, before in rows if states[number] != before}
        if changed or now != header:
            _try_write_cache(lambda: cache.update(now, changed))
        reports = failure_reports(stored)
        # Equal calls are several rows, and one failure.
        names: dict[bytes, str] = {}
        for _, name, text, _ in rows if reports else ():
            names.setdefault(bytes.fromhex(text.decode()), name)
        failures = [(name, reports[key]) for key, name in names.items() if key in reports]
        if rows:
            warn_of_damage(session)
        return Status(counts, failures, header.has_barrier, times)
    finally:
        session.close()


def _load_and_fill(
    cache: StatusCache, jugfile: str, source: str, options: Options, with_times: bool
) -> Status:
    """Loads the jugfile, looks at every task, and writes it all down."""
    selected = select(options.jugdir)
    loaded = load(options, selected)
    collector = StatusCollector(task.alltasks, loaded.store)
    states = collector.node_states()
    status = status_of(collector, states, loaded.has_barrier, with_times=with_times)
    chosen = _jugdir_set_by_jugfile(loaded, selected)
    if chosen is None:
        warn("the jugfile opens a store of its own that is no directory: its status is not kept in a cache")
        return status
    header = CacheHeader(jugfile, source, chosen, loaded.has_barrier, stamp_of(loaded.store))
    words = [TaskState(chr(state)).in_cache for state in states]
    _try_write_cache(lambda: cache.fill(header, rows_of(collector.graph, words), needs_of(collector.graph)))
    return status


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


def _jugdir_set_by_jugfile(loaded: LoadedJugfile, selected: base_store) -> str | None:
    """The jugdir that the jugfile chose; empty if it did not, None if it cannot be opened again by name."""
    if loaded.store is selected:
        return ""
    return loaded.store.native.path if has_jugdir(loaded.store) else None


def _try_write_cache(write: Callable[[], None]) -> None:
    """Writes the cache; the status is right also where that fails."""
    try:
        write()
    except UserError as error:
        warn(str(error))
