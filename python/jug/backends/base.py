"""The interface of a store and of its locks, for our own and for a user's backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["Name", "base_lock", "base_store", "copied", "input_loader"]

#: A name under which a result is stored, which is a task's hash as bytes (or text) of hexadecimal digits.
Name = bytes | str


class base_lock(ABC):
    """The lock of one name; made by :meth:`base_store.getlock` only."""

    @abstractmethod
    def get(self) -> bool:
        """Tries to take the lock atomically; whether it was taken."""

    @abstractmethod
    def release(self) -> None:
        """Gives the lock back, and clears a failure mark."""

    @abstractmethod
    def is_locked(self) -> bool:
        """Whether the name is locked or marked as failed. May be outdated when it returns."""

    @abstractmethod
    def fail(self) -> bool:
        """Marks the name as failed if it is locked; whether it is marked now."""

    @abstractmethod
    def is_failed(self) -> bool:
        """Whether the name is marked as failed. May be outdated when it returns."""


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
        """Stores `object` under `name`, in place of what was there."""

    @abstractmethod
    def load(self, name: Name) -> Any:
        """What was stored under `name`; KeyError if nothing is."""

    def load_input(self, name: Name) -> Any:
        """What was stored under `name`, as an object that nobody else has; KeyError if nothing is.

        Override it where :meth:`load` returns such an object anyway.
        """
        return copied(self.load(name))

    @abstractmethod
    def can_load(self, name: Name) -> bool:
        """Whether something is stored under `name`."""

    @abstractmethod
    def list(self) -> Iterator[bytes]:
        """The names of all results."""

    @abstractmethod
    def listlocks(self) -> Iterator[bytes]:
        """The names that are locked or marked as failed."""

    @abstractmethod
    def getlock(self, name: Name) -> base_lock:
        """The lock of `name`."""

    @abstractmethod
    def remove(self, name: Name) -> bool:
        """Removes the result of `name`; whether there was one."""

    def remove_many(self, names: Iterable[Name]) -> set[Name]:
        """Removes several results; the names that had one. Override it where it can be faster."""
        return {name for name in names if self.remove(name)}

    @abstractmethod
    def cleanup(self, active: Iterable[Any], keeplocks: bool = False) -> int:
        """Removes every result that belongs to none of the tasks `active`, and (unless `keeplocks`) locks.

        Returns the number of results removed.
        """

    @abstractmethod
    def remove_locks(self) -> int:
        """Removes all locks that no running process needs; how many."""

    @abstractmethod
    def close(self) -> None:
        """Makes everything durable and lets go of the store. May be called more than once."""

    @staticmethod  # noqa: B027 (a backend may have nothing to delete)
    def remove_store(jugdir: str) -> None:
        """Deletes the store named `jugdir` with all that is in it."""

    def metadata(self, t: Any) -> dict[str, Any] | None:
        """Facts about the stored result of task `t` (None: this store keeps none)."""
        return None


def input_loader(store: Any) -> Callable[[Name], Any]:
    """The `load_input` of a store, also of one that has the methods of a store and nothing else."""
    loader: Callable[[Name], Any] | None = getattr(store, "load_input", None)
    return loader or (lambda name: copied(store.load(name)))


def copied(value: Any) -> Any:
    """A copy by pickle; the value itself where it has none."""
    import pickle

    try:
        return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))
    except Exception:
        return value


def missing_methods(thing: object, interface: type) -> str:
    """The methods of an interface that an object lacks, as a list to read; empty if it has them all."""
    names = sorted(getattr(interface, "__abstractmethods__", ()))
    return ", ".join(name for name in names if not callable(getattr(thing, name, None)))
