"""From the name of a jugdir to its store."""

from __future__ import annotations

import os
from typing import Any

from .dict_store import dict_store
from .file_store import file_store

__all__ = ["select"]

_open_file_stores: dict[str, file_store] = {}


def select(jugdir: Any) -> Any:
    """The store that `jugdir` names.

    Parameters
    ----------
    jugdir : str, path, store or None
        A path (None: ``jugdata``); ``file_keepalive:PATH`` (the same: a dead worker's tasks are free by
        themselves); ``dict_store`` (memory); ``dict_store:FILE`` (memory, saved to FILE at the end). A store
        object is returned as it is.

    Raises
    ------
    UserError
        If the name is of a kind that this version does not have.
    """
    if jugdir is None:
        jugdir = "jugdata"
    if isinstance(jugdir, os.PathLike):
        jugdir = os.fspath(jugdir)
    if not isinstance(jugdir, str):
        return jugdir
    if jugdir == "dict_store":
        return dict_store()
    scheme, _, rest = jugdir.partition(":")
    if scheme == "dict_store":
        return dict_store(rest)
    if scheme in ("redis", "rediss"):
        from ..errors import UserError

        raise UserError(
            f"cannot open {jugdir}: this version has no redis store; name a directory with --jugdir"
        )
    return _open(rest if scheme == "file_keepalive" else jugdir)


def _open(path: str) -> file_store:
    # A jugfile that calls set_jugdir() is loaded again after each barrier: one process must not register as
    # one more worker each time.
    absolute = os.path.abspath(path)
    store = _open_file_stores.get(absolute)
    if store is None or not store.is_usable():
        store = _open_file_stores[absolute] = file_store(path)
    return store
