"""The interface of a store and of its locks, for our own and for a user's backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .. import _native

__all__ = ["Name", "base_lock", "base_store", "copied", "missing_methods", "optional_method"]

#: A name under which a result is stored, which is a task's hash as bytes (or text) of hexadecimal digits.
Name = bytes | str


class base_lock(ABC):
    """The lock of one name; made by :meth:`base_store.getlock` only."""

    @abstractmethod
    def get(self) -> bool:
        """Tries to take the lock, atomically.

        Returns
        -------
        bool
            Whether this call took the lock.
        """

    @abstractmethod
    def release(self) -> None:
        """Gives the lock back, and clears a failure mark."""

    @abstractmethod
    def is_locked(self) -> bool:
        """Whether the name is locked or marked as failed.

        Returns
        -------
        bool
            May be outdated when it returns.
        """

    @abstractmethod
    def fail(self) -> bool:
        """Marks the name as failed if it is locked.

        Returns
        -------
        bool
            Whether the name is marked as failed now.
        """

    @abstractmethod
    def is_failed(self) -> bool:
        """Whether the name is marked as failed.

        Returns
        -------
        bool
            May be outdated when it returns.
        """


class base_store(ABC):
    """Results by name.

    Parameters
    ----------
    name : any, optional
        Ignored; backends pass on what they were opened with.
    """

    def __init__(self, name: object = None) -> None:  # noqa: B027 (a backend need not call it)
        pass

    @abstractmethod
    def dump(self, object: Any, name: Name) -> None:
        """Stores a result, in place of an earlier one of that name.

        Parameters
        ----------
        object : any
            The result.
        name : bytes or str
            The name to store it under.
        """

    @abstractmethod
    def load(self, name: Name) -> Any:
        """Reads a result.

        Parameters
        ----------
        name : bytes or str
            The name it was stored under.

        Returns
        -------
        any
            The result.

        Raises
        ------
        KeyError
            If there is no result of that name.
        """

    def load_input(self, name: Name) -> Any:
        """Reads a result as an object that the caller may change.

        Override it where :meth:`load` returns a new object each time.

        Parameters
        ----------
        name : bytes or str
            The name it was stored under.

        Returns
        -------
        any
            An object that nothing else refers to.

        Raises
        ------
        KeyError
            If there is no result of that name.
        """
        return copied(self.load(name))

    def load_base(self, name: Name) -> Any | None:
        """Reads a result of which the caller uses only copies of parts.

        Override it where results are kept in memory, so that a part does not cost reading the whole.

        Parameters
        ----------
        name : bytes or str
            The name it was stored under.

        Returns
        -------
        any or None
            The result, shared by all callers; None if :meth:`load_input` is to be used.

        Raises
        ------
        KeyError
            If there is no result of that name. Not where None is returned.
        """
        return None

    @abstractmethod
    def can_load(self, name: Name) -> bool:
        """Whether a result is stored.

        Parameters
        ----------
        name : bytes or str
            The name it would be stored under.

        Returns
        -------
        bool
            Whether there is a result of that name.
        """

    @abstractmethod
    def list(self) -> Iterator[bytes]:
        """The names of all results.

        Returns
        -------
        iterator of bytes
            Each name once.
        """

    @abstractmethod
    def listlocks(self) -> Iterator[bytes]:
        """The names that are locked or marked as failed.

        Returns
        -------
        iterator of bytes
            Each name once.
        """

    @abstractmethod
    def getlock(self, name: Name) -> base_lock:
        """The lock of a name.

        Parameters
        ----------
        name : bytes or str
            The name of a result, which need not exist.

        Returns
        -------
        base_lock
            The lock, which is not taken by this call.
        """

    @abstractmethod
    def remove(self, name: Name) -> bool:
        """Removes a result.

        Parameters
        ----------
        name : bytes or str
            The name it was stored under.

        Returns
        -------
        bool
            Whether there was a result of that name.
        """

    def remove_many(self, names: Iterable[Name]) -> set[Name]:
        """Removes several results. Override it where that is faster than :meth:`remove` for each of them.

        Parameters
        ----------
        names : iterable of bytes or str
            The names they were stored under.

        Returns
        -------
        set of bytes or str
            Those names that had a result.
        """
        return {name for name in names if self.remove(name)}

    @abstractmethod
    def cleanup(self, active: Iterable[_native.TaskCore], keeplocks: bool = False) -> int:
        """Removes every result that belongs to none of the given tasks.

        Parameters
        ----------
        active : iterable of Task
            The tasks whose results stay.
        keeplocks : bool, default False
            Whether locks stay too.

        Returns
        -------
        int
            The number of results removed.
        """

    @abstractmethod
    def remove_locks(self) -> int:
        """Removes all locks that no running process needs.

        Returns
        -------
        int
            The number of locks removed.
        """

    @abstractmethod
    def close(self) -> None:
        """Makes everything durable and closes the store. May be called more than once."""

    @staticmethod  # noqa: B027 (a backend may have nothing to delete)
    def remove_store(jugdir: str) -> None:
        """Deletes a store with all that is in it.

        Parameters
        ----------
        jugdir : str
            The name that the store is opened by.
        """

    def metadata(self, t: _native.TaskCore) -> Mapping[str, object] | None:
        """What the store knows about the result of a task.

        Parameters
        ----------
        t : Task
            The task.

        Returns
        -------
        mapping of str to object, or None
            None if this store keeps no metadata.
        """
        return None


def optional_method(store: base_store, name: str) -> Callable[..., Any]:
    """A method that a store need not have: its own, else that of :class:`base_store`.

    Parameters
    ----------
    store : base_store
        The store, which may be of a user's that does not derive from :class:`base_store`.
    name : str
        The name of a method of :class:`base_store` that is not abstract.

    Returns
    -------
    callable
        The method, bound to the store.
    """
    own: Callable[..., Any] | None = getattr(store, name, None)
    return own or partial(getattr(base_store, name), store)


def copied(value: Any) -> Any:
    """A copy of a value, made by pickle.

    Parameters
    ----------
    value : any
        The value.

    Returns
    -------
    any
        The copy; the value itself if it cannot be pickled and read back.
    """
    import pickle

    try:
        return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    except Exception:
        return value


def missing_methods(thing: object, interface: type) -> str:
    """The methods of an interface that an object lacks.

    Parameters
    ----------
    thing : object
        The object.
    interface : type
        A class with abstract methods.

    Returns
    -------
    str
        The names, sorted and separated by commas; empty if the object has them all.
    """
    names = sorted(getattr(interface, "__abstractmethods__", ()))
    return ", ".join(name for name in names if not callable(getattr(thing, name, None)))
