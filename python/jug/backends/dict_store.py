"""A store in memory, optionally saved to one file when it is closed."""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import UserError
from ..internal.files import create, open_regular, temporary_name
from .base import Name, base_lock, base_store

if TYPE_CHECKING:
    from .. import _native

__all__ = ["dict_lock", "dict_store"]

_V = TypeVar("_V")
_LOCKED, _FAILED = 1, 2
_open_stores: weakref.WeakSet[dict_store] = weakref.WeakSet()


def _as_bytes(name: Name) -> bytes:
    return name.encode() if isinstance(name, str) else name


class dict_store(base_store):
    """Results in this process's memory.

    Parameters
    ----------
    backend : str, optional
        A file that is read now, if it exists, and written by :meth:`close`, atomically, if something changed.

    Attributes
    ----------
    counts : Counter
        How often each operation was called on each name, for tests.
    """

    def __init__(self, backend: str | None = None) -> None:
        # A task may change the working directory before the file is written.
        self.backend = None if backend is None else os.path.abspath(backend)
        self.results: dict[bytes, bytes] = {}
        self.locks: dict[bytes, int] = {}
        self.counts: Counter[bytes] = Counter()
        self._pid = os.getpid()
        #: What the file had when it was read: what differs from it are this process's own changes.
        self._read_results: dict[bytes, bytes] = {}
        self._read_marks: dict[bytes, int] = {}
        # Before it is read: what is written meanwhile makes another stamp.
        self._stamp = self._stamp_now()
        if self.backend is not None:
            self._read_results, self._read_marks = _read(self.backend)
            self.results, self.locks = dict(self._read_results), dict(self._read_marks)
            _open_stores.add(self)

    @property
    def store(self) -> dict[bytes, bytes]:
        """The stored results, pickled, by name."""
        return self.results

    def _stamp_now(self) -> object:
        if self.backend is None:
            return None
        try:
            stat = os.stat(self.backend)
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def is_outdated(self) -> bool:
        """Whether the file was written by another process since this store read it.

        Returns
        -------
        bool
            Always False for a store without a file.
        """
        return self._stamp_now() != self._stamp

    def address(self) -> None:
        """No other process can share it: its file is read once, and written once."""

    def dump(self, object: Any, name: Name) -> None:
        name = _as_bytes(name)
        self.results[name] = pickle.dumps(object, pickle.HIGHEST_PROTOCOL)
        self.counts[b"dump:" + name] += 1

    def load(self, name: Name) -> Any:
        name = _as_bytes(name)
        self.counts[b"load:" + name] += 1
        return pickle.loads(self.results[name])

    def load_input(self, name: Name) -> Any:
        return self.load(name)

    def can_load(self, name: Name) -> bool:
        name = _as_bytes(name)
        self.counts[b"exists:" + name] += 1
        return name in self.results

    def list(self) -> Iterator[bytes]:
        return iter(tuple(self.results))

    def listlocks(self) -> Iterator[bytes]:
        return iter(tuple(self.locks))

    def getlock(self, name: Name) -> dict_lock:
        return dict_lock(self.locks, self.counts, _as_bytes(name))

    def remove(self, name: Name) -> bool:
        name = _as_bytes(name)
        self.counts[b"del:" + name] += 1
        return self.results.pop(name, None) is not None

    def cleanup(self, active: Iterable[_native.TaskCore], keeplocks: bool = False) -> int:
        superfluous = set(self.results).difference(t.hash() for t in active)
        for name in superfluous:
            del self.results[name]
        if not keeplocks:
            self.locks.clear()
        return len(superfluous)

    def remove_locks(self) -> int:
        removed = len(self.locks)
        self.locks.clear()
        return removed

    def close(self) -> None:
        """Saves the store to its file, atomically, if this process changed something.

        What other processes wrote to the file meanwhile stays, except where this one changed the same name.
        In a
        forked child, and for a store without a file, nothing is done.

        Raises
        ------
        UserError
            If the file cannot be written.
        """
        if self.backend is None or self._pid != os.getpid():
            return
        path, self.backend = self.backend, None
        # A lock ends with the process that holds it; that a task failed is to be remembered.
        marks = {name: state for name, state in self.locks.items() if state == _FAILED}
        if self.results == self._read_results and marks == self._read_marks:
            return
        try:
            with _only_one_writes(os.path.dirname(path)):
                # Another process may have written meanwhile: its changes stay, beside this one's.
                results, others_marks = _read(path)
                _apply(results, self._read_results, self.results)
                _apply(others_marks, self._read_marks, marks)
                _replace(path, {"results": results, "locks": others_marks})
        except OSError as error:
            raise UserError(
                f"cannot save {path}: {error.strerror}; what this process changed is lost"
            ) from error

    @staticmethod
    def remove_store(jugdir: str) -> None:
        """Deletes the file of a store, if there is one.

        Parameters
        ----------
        jugdir : str
            ``dict_store:FILE``; for ``dict_store`` alone nothing is done.
        """
        path = jugdir.partition(":")[2]
        if path and os.path.exists(path):
            os.unlink(path)


def _read(path: str) -> tuple[dict[bytes, bytes], dict[bytes, int]]:
    """The results and failure marks in a file; none where there is no file."""
    try:
        with open_regular(path) as file:
            saved = pickle.load(file)
        return dict(saved["results"]), {n: s for n, s in saved["locks"].items() if s == _FAILED}
    except FileNotFoundError:
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            raise UserError(
                f"{path} could not be saved: there is no directory {folder}; make it, or name another file"
            ) from None
        return {}, {}
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    except Exception as error:
        raise UserError(
            f"{path} is damaged, or no file of dict_store ({type(error).__name__}); it is left untouched"
        ) from error


def _apply(target: dict[bytes, _V], before: Mapping[bytes, _V], after: Mapping[bytes, _V]) -> None:
    """Does to `target` what turned `before` into `after`."""
    for name in before.keys() - after.keys():
        target.pop(name, None)
    target.update({name: value for name, value in after.items() if before.get(name) != value})


@contextlib.contextmanager
def _only_one_writes(folder: str) -> Iterator[None]:
    """Holds a lock on the folder, which takes no further file. Where there are no locks, goes on without."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: str, saved: Mapping[str, object]) -> None:
    """Writes a file beside the old one and renames it, so that there is always one of the two, whole."""
    temporary = temporary_name(os.path.dirname(path), ".dict_store-")
    try:
        with create(temporary) as file:
            pickle.dump(saved, file, pickle.HIGHEST_PROTOCOL)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@atexit.register
def _close_all() -> None:
    for store in list(_open_stores):
        store.close()


class dict_lock(base_lock):
    """The lock of one name in a :class:`dict_store`; made by :meth:`dict_store.getlock` only.

    Parameters
    ----------
    store : dict of bytes to int
        The state of each lock of the store, which this lock reads and changes.
    counts : Counter
        Where each call of a method is counted.
    name : bytes
        The name that is locked.
    """

    def __init__(self, store: dict[bytes, int], counts: Counter[bytes], name: bytes) -> None:
        self.locks = store
        self.counts = counts
        self.name = name

    def get(self) -> bool:
        self.counts[b"lock:" + self.name] += 1
        if self.name in self.locks:
            return False
        self.locks[self.name] = _LOCKED
        return True

    def release(self) -> None:
        self.counts[b"unlock:" + self.name] += 1
        self.locks.pop(self.name, None)

    def is_locked(self) -> bool:
        self.counts[b"islock:" + self.name] += 1
        return self.name in self.locks

    def fail(self) -> bool:
        self.counts[b"fail:" + self.name] += 1
        if self.name in self.locks:
            self.locks[self.name] = _FAILED
        return self.is_failed()

    def is_failed(self) -> bool:
        self.counts[b"isfail:" + self.name] += 1
        return self.locks.get(self.name) == _FAILED
