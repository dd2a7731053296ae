"""A store behind a cache: nothing is asked twice, so that one look at many tasks is consistent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from .base import Name, base_lock, base_store, optional_method

if TYPE_CHECKING:
    from .. import _native

__all__ = ["cache_lock", "memoize_store"]


def _as_bytes(name: Name) -> bytes:
    return name.encode() if isinstance(name, str) else name


def _refuse(act: str) -> NoReturn:
    raise NotImplementedError(f"a memoize_store is for looking only: {act} belongs to the store behind it")


class memoize_store(base_store):
    """What another store has, asked once and remembered, so that one look at many tasks is consistent.

    It can only be read; what would change anything raises NotImplementedError.

    Parameters
    ----------
    base : base_store
        The store that is asked.
    list_base : bool, default False
        Whether all names of results and locks are listed now, instead of asked for one by one.

    Attributes
    ----------
    keys, locks : set of bytes or None
        The names that were listed (with `list_base`).
    """

    def __init__(self, base: base_store, list_base: bool = False) -> None:
        self.base = base
        self.cache: dict[bytes, bool] = {}
        self.keys = {_as_bytes(name) for name in base.list()} if list_base else None
        self.locks = {_as_bytes(name) for name in base.listlocks()} if list_base else None
        self._lengths = {len(name) for name in self.locks or ()}

    def can_load(self, name: Name) -> bool:
        name = _as_bytes(name)
        if self.keys is not None:
            return name in self.keys
        if name not in self.cache:
            self.cache[name] = bool(self.base.can_load(name))
        return self.cache[name]

    def load(self, name: Name) -> Any:
        return self.base.load(name)

    def load_input(self, name: Name) -> Any:
        return optional_method(self.base, "load_input")(name)

    def load_base(self, name: Name) -> Any | None:
        return optional_method(self.base, "load_base")(name)

    def list(self) -> Iterator[bytes]:
        return iter(self.base.list() if self.keys is None else tuple(self.keys))

    def listlocks(self) -> Iterator[bytes]:
        return iter(self.base.listlocks() if self.locks is None else tuple(self.locks))

    def getlock(self, name: Name) -> cache_lock:
        name = _as_bytes(name)
        # A jugdir lists a running task, whose key cannot be known from its claim, under a shorter name: that
        # a name is not among such locks says nothing.
        is_listed = self.locks is None or name in self.locks or self._lengths <= {len(name)}
        return cache_lock(self.base.getlock(name), name, self.locks if is_listed else None)

    def metadata(self, t: _native.TaskCore) -> Mapping[str, object] | None:
        facts: Mapping[str, object] | None = optional_method(self.base, "metadata")(t)
        return facts

    def close(self) -> None:
        """Does nothing: the base store stays open, and is closed by the code that opened it."""

    def dump(self, object: Any, outname: Name) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("dump()")

    def remove(self, name: Name) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("remove()")

    def remove_many(self, names: Iterable[Name]) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("remove_many()")

    def cleanup(self, active: Iterable[_native.TaskCore], keeplocks: bool = False) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("cleanup()")

    def remove_locks(self) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("remove_locks()")


class cache_lock(base_lock):
    """The lock of one name, asked once and remembered; made by :meth:`memoize_store.getlock` only.

    Parameters
    ----------
    base : base_lock
        The lock that is asked.
    name : bytes
        The name that is locked.
    locks : set of bytes or None
        The names of all locks, where they were listed.
    """

    def __init__(self, base: base_lock, name: bytes, locks: set[bytes] | None) -> None:
        self.base = base
        self._locked = None if locks is None else name in locks
        self._failed: bool | None = None

    def is_locked(self) -> bool:
        if self._locked is None:
            self._locked = bool(self.base.is_locked())
        return self._locked

    def is_failed(self) -> bool:
        if self._failed is None:
            self._failed = self.is_locked() and bool(self.base.is_failed())
        return self._failed

    def get(self) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("lock.get()")

    def release(self) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("lock.release()")

    def fail(self) -> NoReturn:
        """Not supported.

        Raises
        ------
        NotImplementedError
            Always.
        """
        _refuse("lock.fail()")
