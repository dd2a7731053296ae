"""Taking over the results of an old jugdir for the tasks of a jugfile."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import task
from ..backends.capabilities import has_jugdir
from ..engine.failures.errors import StoreFailure
from ..engine.jugfile import LoadedJugfile, load
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from .jugdir import OldJugdir
from .keys import NoKey
from .pairs import KeyPairs
from .untouched import texts_without_arrow, untouched, without_a_trace
from .values import Unreadable

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["ADOPTED", "MISSING", "PRESENT", "UNREADABLE", "Adopted", "adopt"]

ADOPTED, PRESENT, MISSING, UNREADABLE = "Adopted", "Present", "Missing", "Unreadable"


class Adopted(NamedTuple):
    """What came of it.

    Attributes
    ----------
    counts : dict of str to Counter
        For each of ADOPTED, PRESENT (had a result here), MISSING and UNREADABLE the number of tasks by name.
    faults : list of str
        A line for each result that cannot be read, and for the pack.
    no_keys : list of str
        Why jug 2.x could have no result of some tasks, and of all that depends on them.
    unused : int
        How many old results no task asked for; 0 where not all tasks are known.
    has_barrier : bool
        Whether a barrier that is not met hides tasks.
    """

    counts: dict[str, Counter[str]]
    faults: list[str]
    no_keys: list[str]
    unused: int
    has_barrier: bool


def adopt(options: Options, old: OldJugdir) -> Adopted:
    """Loads the jugfile of `options` and stores every result that `old` has for its tasks, and that is not
    stored yet. Nothing in `old` is changed.
    """
    return _Adoption(old).run(options)


class _Adoption:
    def __init__(self, old: OldJugdir) -> None:
        self._old = old
        self._pairs = KeyPairs()
        #: Those of this load that need no second look; `_pairs` keeps them.
        self._done: set[int] = set()
        self._asked: set[bytes] = set()
        self._taken: set[bytes] = set()
        self._unreadable: dict[bytes, str] = {}
        self._no_keys: dict[str, None] = {}

    def run(self, options: Options) -> Adopted:
        # What a barrier waits for, or what is computed while the jugfile loads, is taken over when asked for.
        with untouched(self._look, self._read):
            loaded, is_complete = self._load(options, None)
            if not is_complete and (loaded.has_barrier or self._unused()):
                with texts_without_arrow() as is_other:
                    if is_other:
                        self._load(options, loaded.store)
        # As `jug execute` does: a task has another key there if an argument was changed after it was made.
        loaded = load(options, loaded.store)
        return self._report(loaded.store, loaded.has_barrier)

    def _load(self, options: Options, store: base_store | None) -> tuple[LoadedJugfile, bool]:
        """Loads the jugfile as often as that brings it further, and takes over what there is.

        Returns it, and whether every task has a result.
        """
        while True:
            self._pairs, self._done = KeyPairs(), set()
            loaded = load(options, store)
            store = loaded.store
            self._old.forget_classes()
            before = len(self._taken)
            is_complete = self._take_all(store) and not loaded.has_barrier
            if len(self._taken) == before or not loaded.has_barrier:
                return loaded, is_complete

    def _look(self, t: task.Task) -> None:
        self._pairs.look(t)
        if id(t) in self._done:
            return
        store = t._open_store()
        old_key = self._old_key(t)
        if old_key is not None and not store.can_load(t.hash()):
            try:
                self._take(store, t, old_key)
            except Unreadable:
                return  # It may be readable later, when the jugfile has defined more classes.
        self._done.add(id(t))

    def _read(self, t: task.Task, load: Callable[[bytes], Any]) -> Any:
        """The result as jug 2.x has it: what is read from here is equal, but may have another pickle."""
        old_key = self._old_key(t)
        if old_key is not None:
            with contextlib.suppress(Unreadable):
                return self._old.load(old_key)[0]
        return load(t.hash())

    def _old_key(self, t: task.Task) -> bytes | None:
        """The key in jug 2.x of a task that has a result there."""
        try:
            old_keys = self._pairs.old_keys(t)
        except NoKey as error:
            self._no_keys[str(error)] = None
            return None
        self._asked.update(old_keys)
        return next((key for key in old_keys if key in self._old), None)

    def _take_all(self, store: base_store) -> bool:
        """Takes over what is still missing; whether nothing is missing then."""
        self._pairs.look_at_all()
        with without_a_trace(()):
            graph = graph_of(task.alltasks)
        present = list(open_session(store).present(graph.keys()))
        for t, node in zip(task.alltasks, graph.node_ids(), strict=True):
            old_key = self._old_key(t)
            if present[node] or old_key is None:
                continue
            try:
                self._take(store, t, old_key)
            except Unreadable as error:
                self._unreadable[t.key()] = f"task {t.name} ({_place(self._old, old_key)}): {error}"
                continue
            present[node] = True
        return all(present)

    def _take(self, store: base_store, t: task.Task, old_key: bytes) -> None:
        value, stored = self._old.load(old_key)
        try:
            if has_jugdir(store):
                store.native.save(t.key(), value, name=t.name, started=stored)
            else:
                store.dump(value, t.hash())
        except OSError as error:
            raise StoreFailure(t.name, error) from error
        except Exception as error:
            raise Unreadable(f"it cannot be stored here: {error}") from error
        self._taken.add(t.key())
        self._unreadable.pop(t.key(), None)

    def _report(self, store: base_store, has_barrier: bool) -> Adopted:
        session = open_session(store)
        session.sync()
        session.refresh()
        graph = graph_of(task.alltasks)
        present = session.present(graph.keys())
        counts: dict[str, Counter[str]] = {s: Counter() for s in (ADOPTED, PRESENT, MISSING, UNREADABLE)}
        for t, node in zip(task.alltasks, graph.node_ids(), strict=True):
            key = t.key()
            if key in self._taken:
                state = ADOPTED
            elif present[node]:
                state = PRESENT
            else:
                state = UNREADABLE if key in self._unreadable else MISSING
            counts[state][t.name] += 1
        faults = list(self._unreadable.values())
        unused = 0 if has_barrier else self._unused()
        if self._old.pack_fault:
            faults.insert(0, f"{os.path.join(self._old.path, 'packs', 'jugpack')}: {self._old.pack_fault}")
        return Adopted(counts, faults, list(self._no_keys), unused, has_barrier)

    def _unused(self) -> int:
        return sum(key not in self._asked for key in self._old)


def _place(old: OldJugdir, key: bytes) -> str:
    name = key.decode()
    return os.path.join(old.path, name[:2], name[2:])
