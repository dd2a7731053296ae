"""Opens the session of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...backends.file_store import file_store
from ...backends.redis_store import redis_store
from .base import StoreSession
from .file import FileSession

if TYPE_CHECKING:
    from ...backends.base import base_store

__all__ = ["open_session"]


def open_session(store: base_store) -> StoreSession:
    """The session of any store: of ours many tasks at a time, of a user's backend one task at a time.

    Parameters
    ----------
    store : store
        Anything with the interface of :class:`jug.backends.base.base_store`.
    """
    if isinstance(store, file_store):
        return FileSession(store)
    if isinstance(store, redis_store):
        from .redis import RedisSession

        return RedisSession(store)
    from .generic import GenericSession

    return GenericSession(store)
