"""A store in memory, optionally saved to one file when it is closed."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .base import Name, base_lock, base_store

__all__ = ["dict_lock", "dict_store"]

_LOCKED, _FAILED = 1, 2


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
        self.backend = backend
        self.results: dict[bytes, bytes] = {}
        self.locks: dict[bytes, int] = {}
        self.counts: Counter[bytes] = Counter()
        # Before it is read: what is written meanwhile makes another stamp.
        self._stamp = self._stamp_now()
        if backend is not None and os.path.exists(backend):
            self._read(backend)
        self._saved = (dict(self.results), dict(self.locks))

    def _read(self, path: str) -> None:
        from ..errors import UserError

        try:
            with open(path, "rb") as file:
                saved = pickle.load(file)
            self.results, self.locks = dict(saved["results"]), dict(saved["locks"])
        except OSError:
            raise
        except Exception as error:
            raise UserError(f"{path} is not a file that dict_store wrote; it was left untouched") from error

    def _stamp_now(self) -> object:
        if self.backend is None:
            return None
        try:
            stat = os.stat(self.backend)
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size, stat.st_ino)

    def is_outdated(self) -> bool:
        """Whether somebody has written the file since it was read."""
        return self._stamp_now() != self._stamp

    def dump(self, object: Any, name: Name) -> None:
        name = _as_bytes(name)
        self.results[name] = pickle.dumps(object, pickle.HIGHEST_PROTOCOL)
        self.counts[b"dump:" + name] += 1

    def load(self, name: Name) -> Any:
        name = _as_bytes(name)
        self.counts[b"load:" + name] += 1
        return pickle.loads(self.results[name])

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

    def cleanup(self, active: Iterable[Any], keeplocks: bool = False) -> int:
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
        if self.backend is None or (self.results, self.locks) == self._saved:
            return  # Whoever only looked must not undo what others saved meanwhile.
        import tempfile

        # Beside the target, so that the rename stays within one filesystem and is atomic.
        folder = os.path.dirname(os.path.abspath(self.backend))
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".dict_store-", delete=False) as file:
            try:
                pickle.dump({"results": self.results, "locks": self.locks}, file, pickle.HIGHEST_PROTOCOL)
                file.flush()
                os.fsync(file.fileno())
                os.chmod(file.name, 0o666 & ~_umask())
                os.replace(file.name, self.backend)
            except BaseException:
                os.unlink(file.name)
                raise
        self.backend = None

    @staticmethod
    def remove_store(jugdir: str) -> None:
        path = jugdir.partition(":")[2]
        if path and os.path.exists(path):
            os.unlink(path)


def _umask() -> int:
    # The only portable way to read it is to set it.
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


class dict_lock(base_lock):
    """The lock of one name in a :class:`dict_store`."""

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
