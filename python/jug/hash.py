"""Hashes of values: what distinguishes one task's arguments from another's.

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


class _Rules(Protocol):
    """Another way to hash than ours."""

    def hash_one(self, obj: object) -> bytes: ...
    def hash_update(self, M: Any, elems: Iterable[tuple[object, object]]) -> Any: ...
    def new_hash_object(self) -> Any: ...


#: Set while an object's `__jug_hash__` is asked for its hash of jug 2.x, see `jug.legacy.keys`: users have
#: imported these functions by name, so that it is the functions that must know.
other_rules: _Rules | None = None


def hash_one(obj: object) -> bytes:
    """The key of a value.

    Equal values have equal keys, in every process and on every machine.

    Parameters
    ----------
    obj : object
        The value.

    Returns
    -------
    bytes
        64 hexadecimal digits.

    Raises
    ------
    TypeError
        If nothing distinguishes the value from others: a lambda, an open file.
    """
    if other_rules is not None:
        return other_rules.hash_one(obj)
    return _native.key(obj).hex().encode()


def new_hash_object() -> Any:
    """A new hash object, for :func:`hash_update`.

    Returns
    -------
    hash object
        It has ``update()`` and ``hexdigest()``.
    """
    if other_rules is not None:
        return other_rules.new_hash_object()
    import hashlib

    return hashlib.blake2b(digest_size=32)


def hash_update(M: _H, elems: Iterable[tuple[object, object]]) -> _H:
    """Adds pairs of a name and a value to a hash object.

    Parameters
    ----------
    M : hash object
        One of :func:`new_hash_object`, or of :mod:`hashlib`.
    elems : iterable of (name, value)
        The pairs, whose order counts.

    Returns
    -------
    hash object
        `M`.

    Raises
    ------
    TypeError
        If a name or a value has no key, as in :func:`hash_one`.
    """
    if other_rules is not None:
        other_rules.hash_update(M, elems)
        return M
    for name, value in elems:
        M.update(_native.key((name, value)))
    return M
