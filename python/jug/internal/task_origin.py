"""Where tasks come from: which jugfile made them, and the store that was theirs then.

Under the command there is one jugfile and one store, ``Task.store``. A notebook may open several jugfiles one
after the other; each task goes on looking for its result in the store it was made for.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from typing import Any

from .. import _native

__all__ = ["LoadBefore", "Origin", "is_known", "keep_store", "knowing", "loading", "of_this_load"]


class Origin:
    """What the tasks of one load of a jugfile have in common, or those made between two loads.

    Parameters
    ----------
    jugfile : str or None
        Its absolute path; None where no jugfile was being loaded.
    before : LoadBefore, optional
        What is known of the load before, if it is one of several.
    """

    __slots__ = ("__weakref__", "before", "jugfile", "store")

    def __init__(self, jugfile: str | None, before: LoadBefore | None = None) -> None:
        self.jugfile = jugfile
        self.before = before
        #: Set once another store takes the place of the one the tasks were made for; until then it is
        #: ``Task.store``, which a jugfile may choose after its first tasks.
        self.store: Any = None


class LoadBefore:
    """What is known of the load of a jugfile before, for the next one.

    Attributes
    ----------
    recall : Recall
        Its tasks.
    held : int
        How many of the first ones had results, because a barrier had asked for them.
    store, losses
        In which store that was, and how many results it had lost by then.
    """

    __slots__ = ("held", "losses", "recall", "store")

    def __init__(self) -> None:
        self.recall = _native.Recall()
        self.held = 0
        self.store: Any = None
        self.losses = 0

    def held_in(self, store: Any, losses: int | None = None) -> int:
        """How many of the first tasks that were noted still have results in `store`.

        Parameters
        ----------
        store : store
        losses : int, optional
            How many results it has lost by now. Default: it is asked.

        Returns
        -------
        int
        """
        if self.store is not store or not self.held:
            return 0
        return self.held if self.losses == (store.losses() if losses is None else losses) else 0


_loading: Origin | None = None
_before: LoadBefore | None = None
#: The origins whose tasks use ``Task.store``, as long as there are such tasks.
_current: weakref.WeakSet[Origin] = weakref.WeakSet()
_jugfiles: set[str] = set()


def of_this_load() -> Origin | None:
    """The origin of the tasks of the jugfile that is being loaded; None outside of one."""
    return _loading


@contextlib.contextmanager
def knowing(before: LoadBefore | None) -> Iterator[None]:
    """Has the jugfile that is loaded meanwhile, and none that it loads, know of its load before."""
    global _before
    outer, _before = _before, before
    try:
        yield
    finally:
        _before = outer


def is_known(jugfile: str) -> bool:
    """Whether the jugfile of this absolute path was loaded before."""
    return jugfile in _jugfiles


@contextlib.contextmanager
def loading(jugfile: str) -> Iterator[None]:
    """Gives the tasks that are made meanwhile an origin of their own."""
    global _loading
    outer, _loading = _loading, Origin(jugfile, _before if _loading is None else None)
    _jugfiles.add(jugfile)
    _current.add(_loading)
    _native.set_origin(_loading)
    try:
        yield
    finally:
        _loading = outer
        _native.set_origin(outer or _begin())


def keep_store(store: Any) -> None:
    """Lets the tasks that exist keep `store`, because ``Task.store`` is about to become another one.

    But not those of a jugfile that is being loaded: it chooses the store for all its tasks.
    """
    for origin in _current:
        if origin is not _loading:
            origin.store = store
    _current.clear()
    if _loading is None:
        _native.set_origin(_begin())
    else:
        _current.add(_loading)


def _begin() -> Origin:
    """An origin for what is made outside of jugfiles from now on."""
    origin = Origin(None)
    _current.add(origin)
    return origin


# What is made before the first jugfile is loaded has an origin, too.
_native.set_origin(_begin())
