"""What some stores can do beside what every store can.

A store has a capability if it has its methods, whatever its class. One that lacks it, such as most of users'
own, is used without. Which methods every store has, and which of them it need not bring, is in
:mod:`jug.backends.base`.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Protocol, TypeGuard

from .. import _native
from .base import Name

__all__ = [
    "AddressedStore",
    "JugdirStore",
    "KeyedStore",
    "LossCountingStore",
    "ReopenableStore",
    "counts_losses",
    "has_jugdir",
    "is_addressed",
    "is_keyed",
    "is_reopenable",
]


class ReopenableStore(Protocol):
    """May be open and yet show what is not there any more; opened again, it shows what is."""

    @abstractmethod
    def is_outdated(self) -> bool:
        """Whether it has to be opened again to be seen as it is.

        Returns
        -------
        bool
            May be asked often.
        """


class KeyedStore(Protocol):
    """Has results by key, 32 bytes each."""

    @abstractmethod
    def remove_keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Removes results; those of tasks that run now will not count.

        Parameters
        ----------
        keys : sequence of bytes
            The keys of the tasks.

        Returns
        -------
        sequence of bytes
            Those keys that had a result.
        """


class AddressedStore(Protocol):
    """Is known by a name under which other processes can open it."""

    @abstractmethod
    def address(self) -> str | None:
        """What :func:`jug.backends.select.select` opens it by, wherever a process of this host runs.

        Returns
        -------
        str or None
            None if no other process can share it.
        """


class LossCountingStore(Protocol):
    """Says for many results at a time that they are there, and whether they still are."""

    @abstractmethod
    def last_absent(self, keys: Sequence[bytes]) -> int | None:
        """Where the last key stands that has no result.

        Parameters
        ----------
        keys : sequence of bytes
            32 bytes each.

        Returns
        -------
        int or None
            An index, from 0. None if each of them has a result, as of a moment ago.
        """

    @abstractmethod
    def losses(self) -> int:
        """A number that changes whenever a result may have gone that was there.

        Returns
        -------
        int
            As of a moment ago. As long as it stays the same, what had a result has one.
        """


class JugdirStore(Protocol):
    """Keeps results and claims in a jugdir: a directory that can be checked, packed and opened by its name.

    Attributes
    ----------
    jugdir : str
        The directory as it was named.
    native : jug._native.Store
        The results.
    claims : jug._native.Claims
        Who runs what.
    """

    jugdir: str
    native: _native.Store
    claims: _native.Claims

    @abstractmethod
    def key_of(self, name: Name) -> bytes:
        """The key under which a result of a name is stored.

        Parameters
        ----------
        name : bytes or str
            The hash of a task, or any other name.

        Returns
        -------
        bytes
            32 bytes.
        """

    @abstractmethod
    def is_usable(self) -> bool:
        """Whether it is open, and was opened by this process.

        Returns
        -------
        bool
            False in a process that was forked after it was opened.
        """

    @abstractmethod
    def close(self) -> None:
        """Makes everything durable and closes the jugdir."""


def has_jugdir(store: object) -> TypeGuard[JugdirStore]:
    """Whether a store keeps its results in a jugdir.

    Parameters
    ----------
    store : object
        Any store.

    Returns
    -------
    bool
        Whether it can be used as a :class:`JugdirStore`.
    """
    return isinstance(getattr(store, "claims", None), _native.Claims)


def is_keyed(store: object) -> TypeGuard[KeyedStore]:
    """Whether a store has results by key.

    Parameters
    ----------
    store : object
        Any store.

    Returns
    -------
    bool
        Whether it can be used as a :class:`KeyedStore`.
    """
    return _has(store, KeyedStore)


def counts_losses(store: object) -> TypeGuard[LossCountingStore]:
    """Whether a store says that results are still there without looking for each of them.

    Parameters
    ----------
    store : object
        Any store.

    Returns
    -------
    bool
        Whether it can be used as a :class:`LossCountingStore`.
    """
    return _has(store, LossCountingStore)


def is_addressed(store: object) -> TypeGuard[AddressedStore]:
    """Whether a store is known by a name.

    Parameters
    ----------
    store : object
        Any store.

    Returns
    -------
    bool
        Whether it can be used as an :class:`AddressedStore`. Not what only passes on the methods of another
        store: who opened that one would miss what this one does.
    """
    return callable(getattr(type(store), "address", None))


def is_reopenable(store: object) -> TypeGuard[ReopenableStore]:
    """Whether a store may have to be opened again.

    Parameters
    ----------
    store : object
        Any store.

    Returns
    -------
    bool
        Whether it can be used as a :class:`ReopenableStore`.
    """
    return _has(store, ReopenableStore)


def _has(store: object, capability: ABCMeta) -> bool:
    """Whether a store has the methods of a capability.

    From Python 3.12 on, ``isinstance`` does not see methods that ``__getattr__`` finds, such as those of a
    store that passes everything on to another one.
    """
    return all(callable(getattr(store, name, None)) for name in capability.__abstractmethods__)
