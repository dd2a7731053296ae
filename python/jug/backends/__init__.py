"""Stores: where results live, and the locks that go with them."""

from . import base, dict_store, file_store
from .select import select

__all__ = ["base", "dict_store", "file_store", "select"]
