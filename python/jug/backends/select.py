"""From the name of a jugdir to its store."""

from __future__ import annotations

import os

from ..errors import UserError
from ..internal.redact import redact_url
from .base import base_store, missing_methods
from .dict_store import dict_store
from .file_store import file_keepalive_store, open_directory
from .redis_store import redis_store

__all__ = ["directory_named", "select"]

_open_redis_stores: dict[str, redis_store] = {}


def select(jugdir: str | os.PathLike[str] | base_store | None) -> base_store:
    """The store that a jugdir names.

    Parameters
    ----------
    jugdir : str, path, store or None
        A path (None: ``jugdata``); ``file_keepalive:PATH`` (the same, under a name of jug 2.x);
        ``redis://host:port/db`` or ``rediss://`` (see :class:`jug.backends.redis_store.redis_store`);
        ``dict_store`` (memory); ``dict_store:FILE`` (memory, saved to FILE at the end). A store object is
        returned as it is.

    Returns
    -------
    base_store
        The store. A directory or server that is open in this process gives the same object again.

    Raises
    ------
    UserError
        If the URL of a server is wrong; if there is no such kind of store; if an object lacks a method of a
        store.
    """
    if jugdir is None:
        jugdir = "jugdata"
    if isinstance(jugdir, os.PathLike):
        jugdir = os.fspath(jugdir)
    if not isinstance(jugdir, str):
        _check_store(jugdir)
        return jugdir
    if jugdir == "dict_store":
        return dict_store()
    scheme, _, rest = jugdir.partition(":")
    if scheme in ("dict_store", "file_keepalive") and not rest:
        raise UserError(f"the jugdir {jugdir!r} names no file or directory after the colon")
    if scheme == "dict_store":
        return dict_store(rest)
    if scheme in ("redis", "rediss"):
        return _open_redis(jugdir)
    if rest.startswith("//") and scheme.isalnum():
        raise UserError(
            f"there is no store for {redact_url(jugdir)!r}: a jugdir is a path, redis://HOST:PORT/DB, "
            "rediss://..., dict_store or dict_store:FILE"
        )
    if scheme == "file_keepalive":
        return open_directory(rest, file_keepalive_store)
    return open_directory(jugdir)


def directory_named(jugdir: object) -> str:
    """The directory that a jugdir names, without looking whether there is one.

    Parameters
    ----------
    jugdir : str, path or store
        As in :func:`select`.

    Returns
    -------
    str
        Its path. For another kind of store a text that is none.
    """
    return str(jugdir).removeprefix("file_keepalive:")


def _check_store(store: object) -> None:
    """Whether an object can be a store, as far as that is known before it is used."""
    if isinstance(store, type):
        raise UserError(f"the class {store.__name__} was given as a store; an object of it is needed")
    missing = missing_methods(store, base_store)
    if missing:
        raise UserError(
            f"an object of the class {type(store).__name__} cannot be a store: it has no method "
            f"{missing} (see jug.backends.base.base_store)"
        )


def _open_redis(url: str) -> redis_store:
    store = _open_redis_stores.get(url)
    if store is None or not store.is_usable():
        store = _open_redis_stores[url] = redis_store(url)
    return store
