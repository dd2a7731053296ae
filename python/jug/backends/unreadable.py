"""Which stored results are whole and cannot be loaded by this process, and why."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from .. import _native
from ..internal.unreadable import load_error, reason
from .native_store import native_store

if TYPE_CHECKING:
    from ..internal.unreadable import Reason
    from .base import Name, base_store

__all__ = ["is_unreadable", "reason_of"]

#: Many tasks may fail because of one result: what was found out, by the result and the error.
_reasons: weakref.WeakKeyDictionary[native_store, dict[tuple[bytes, str], Reason | None]] = (
    weakref.WeakKeyDictionary()
)
#: How many reasons are kept of a store.
_MOST_KEPT = 4096


def reason_of(store: object, name: Name, error: BaseException) -> Reason | None:
    """Why loading a result from `store` gives `error`, where a package is missing or has another version.

    None where that is not the reason. Of versions only some stores know.
    """
    if not isinstance(store, native_store):
        return reason(None, b"", error)
    known = _reasons.setdefault(store, {})
    key = store.key_of(name)
    sort = (key, f"{type(error).__name__}: {error}")
    if sort not in known:
        if len(known) >= _MOST_KEPT:
            known.clear()
        try:
            known[sort] = reason(store.native, key, error)
        except (OSError, RuntimeError, _native.DamagedResult):
            # What was read a moment ago cannot be read again; then there is nothing more to say about it.
            return None
    return known[sort]


def is_unreadable(store: base_store, name: Name) -> bool:
    """Whether there is a result that is whole, and that this process cannot load.

    Of other stores than jug's own it is not known whether an OSError or a KeyError is of the value or of the
    store; it is taken for one of the store.
    """
    if not store.can_load(name):
        return False
    if isinstance(store, native_store):
        try:
            return load_error(store.native, store.key_of(name)) is not None
        except Exception:
            # There is none any more, or it is no matter of what is installed here.
            return False
    try:
        store.load(name)
    except (KeyError, MemoryError, RecursionError, OSError):
        return False
    except (Exception, SystemExit):
        return True
    return False
