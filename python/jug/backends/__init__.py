"""Stores: where results live, and the locks that go with them."""

from . import base, dict_store, file_store, redis_store

# From here on `memoize_store` and `select` of this package are the class and the function, not their modules.
from .memoize_store import memoize_store
from .select import select

__all__ = ["base", "dict_store", "file_store", "memoize_store", "redis_store", "select"]
