"""Hashes of values: what tells one task's arguments from another's.

An object computes its own hash by a method ``__jug_hash__()`` that returns ``bytes``; the functions here
help to write one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from . import _native

__all__ = ["hash_one", "hash_update", "new_hash_object"]


class _Hash(Protocol):
    """What the objects of `hashlib` have in common."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...


_H = TypeVar("_H", bound=_Hash)


def hash_one(obj: object) -> bytes:
    """Returns the key of any value as 64 hexadecimal digits.

    Equal values have equal keys, in every process and on every machine. Raises TypeError for what has no
    value that could be told from another's: a lambda, an open file.
    """
    return _native.key(obj).hex().encode()


def new_hash_object() -> Any:
    """Returns a fresh hash object, with ``update()`` and ``hexdigest()``, to be fed by `hash_update`."""
    import hashlib

    return hashlib.blake2b(digest_size=32)


def hash_update(M: _H, elems: Iterable[tuple[object, object]]) -> _H:
    """Feeds ``(name, value)`` pairs to the hash object ``M``, in their order, and returns ``M``.

    Raises TypeError for a name or a value that has no key.
    """
    for name, value in elems:
        M.update(_native.key((name, value)))
    return M
