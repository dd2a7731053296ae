"""Taking over the results of an old jugdir for the tasks of a jugfile."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from .. import task
from ..backends.capabilities import has_jugdir
from ..engine.failures.errors import StoreFailure
from ..engine.jugfile import load
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from .jugdir import OldJugdir
from .keys import Keys, NoKey
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
        self._keys = Keys()
        self._taken: set[bytes] = set()
        self._unreadable: dict[bytes, str] = {}
        self._no_keys: dict[str, None] = {}

    def run(self, options: Options) -> Adopted:
        store = None
        # What a barrier waits for, or what is computed while the jugfile loads, is taken over when asked for.
        task.before_lookup = self._look
        try:
            while True:
                loaded = load(options, store)
                store = loaded.store
                self._old.forget_classes()
                if not (self._take_all(store) and loaded.has_barrier):
                    return self._report(store, loaded.has_barrier)
        finally:
            task.before_lookup = None

    def _look(self, t: task.Task) -> None:
        # In this order: an object that remembers its hash must not remember ours when the old one is wanted.
        old_key = self._old_key(t)
        if old_key is not None and not t._open_store().can_load(t.hash()):
            # It may be readable later, when the jugfile has defined more classes.
            with contextlib.suppress(Unreadable, KeyError):
                self._take(t._open_store(), t, old_key)

    def _old_key(self, t: task.Task) -> bytes | None:
        try:
            return self._keys.of(t)
        except NoKey as error:
            self._no_keys[str(error)] = None
            return None

    def _take_all(self, store: base_store) -> bool:
        """Takes over what is still missing; whether there was anything."""
        old_keys = [self._old_key(t) for t in task.alltasks]
        graph = graph_of(task.alltasks)
        present = list(open_session(store).present(graph.keys()))
        before = len(self._taken)
        for t, node, old_key in zip(task.alltasks, graph.node_ids(), old_keys, strict=True):
            if present[node] or old_key is None:
                continue
            try:
                self._take(store, t, old_key)
            except KeyError:
                continue
            except Unreadable as error:
                self._unreadable[t.key()] = f"task {t.name} ({_place(self._old, old_key)}): {error}"
                continue
            present[node] = True
        return len(self._taken) > before

    def _take(self, store: base_store, t: task.Task, old_key: bytes) -> None:
        if old_key not in self._old:
            raise KeyError(old_key)
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
        asked = set()
        for t, node in zip(task.alltasks, graph.node_ids(), strict=True):
            key = t.key()
            if key in self._taken:
                state = ADOPTED
            elif present[node]:
                state = PRESENT
            else:
                state = UNREADABLE if key in self._unreadable else MISSING
            counts[state][t.name] += 1
            asked.add(self._old_key(t))
        faults = list(self._unreadable.values())
        unused = 0 if has_barrier else sum(key not in asked for key in self._old)
        if self._old.pack_fault:
            faults.insert(0, f"{os.path.join(self._old.path, 'packs', 'jugpack')}: {self._old.pack_fault}")
        return Adopted(counts, faults, list(self._no_keys), unused, has_barrier)


def _place(old: OldJugdir, key: bytes) -> str:
    name = key.decode()
    return os.path.join(old.path, name[:2], name[2:])
