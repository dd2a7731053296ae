"""What stores on the native engine have in common: results by key behind jug's names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import _native
from ..internal.failure_reports import holds_back
from .base import Name, base_store
from .capabilities import KeyedStore, LossCountingStore

__all__ = ["Changes", "digits", "native_store"]

if TYPE_CHECKING:
    from ..internal.types import Change, ResultMetadata

#: What others did.
Changes = Sequence["Change"]

#: How long an answer "there is a result" may be old, in seconds. An answer "there is none" is never old.
_FRESH = 0.02


def digits(key: bytes) -> bytes:
    """The hash of a task as users see it.

    Parameters
    ----------
    key : bytes
        A key of 32 bytes.

    Returns
    -------
    bytes
        Its 64 hexadecimal digits.
    """
    return key.hex().encode()


class native_store(base_store, KeyedStore, LossCountingStore):
    """A store whose results have keys of 32 bytes; a backend adds its connection, its locks and removal."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._refreshed = time.monotonic()
        self._listeners: list[Callable[[Changes], object]] = []

    # --- what a backend brings ---

    #: The results, which may be read by key.
    native: _native.Store | _native.Redis

    # --- results ---

    def is_usable(self) -> bool:
        """Whether the store is open, and was opened by this process.

        Returns
        -------
        bool
            False in a process that was forked after the store was opened.
        """
        return not self._closed and self._pid == os.getpid()

    def load(self, name: Name) -> Any:
        return self.native.load(self._sought(name))

    def load_input(self, name: Name) -> Any:
        return self.native.load_input(self._sought(name))

    def load_base(self, name: Name) -> Any | None:
        return self.native.load_base(self._sought(name))

    def _sought(self, name: Name) -> bytes:
        """The key of a name whose result is about to be read, which others may have stored just now."""
        key = self.key_of(name)
        if not self.native.contains(key):
            self.refresh()
        return key

    def can_load(self, name: Name) -> bool:
        key = self.key_of(name)
        found = self.native.contains(key)
        if not found or self._is_stale():
            self.refresh()
            found = self.native.contains(key)
        return found

    def last_absent(self, keys: Sequence[bytes]) -> int | None:
        found = self.native.contains_many(keys)
        if not all(found) or self._is_stale():
            self.refresh()
            found = self.native.contains_many(keys)
        return None if all(found) else len(found) - 1 - found[::-1].index(False)

    def losses(self) -> int:
        if self._is_stale():
            self.refresh()
        return self.native.losses()

    def _is_stale(self) -> bool:
        return time.monotonic() - self._refreshed > _FRESH

    def list(self) -> Iterator[bytes]:
        self.refresh()
        names = self.native.aliases()
        return (names.get(key) or digits(key) for key in self._keys())

    def remove(self, name: Name) -> bool:
        return bool(self.remove_many([name]))

    def remove_many(self, names: Iterable[Name]) -> set[Name]:
        by_key = {self.key_of(name): name for name in names}
        return {by_key[key] for key in self.remove_keys([*by_key])}

    def cleanup(self, active: Iterable[_native.TaskCore], keeplocks: bool = False) -> int:
        self.refresh()
        wanted = {t.key() if isinstance(t, _native.TaskCore) else self.key_of(t.hash()) for t in active}
        removed = self.remove_keys([key for key in self._keys() if key not in wanted])
        if not keeplocks:
            self.remove_locks()
        return len(removed)

    def _clear_failures(self) -> int:
        """Lets tasks run as if for the first time that are marked, or ended their process; how many."""
        self.refresh()
        held = [key for key, report in self.native.failures().items() if holds_back(report)]
        return self.native.clear_failures(held) if held else 0

    def metadata(self, t: _native.TaskCore) -> ResultMetadata:
        """What is known about the result of a task.

        Parameters
        ----------
        t : Task
            The task.

        Returns
        -------
        dict
            ``computed`` (bool) alone if there is no result. Otherwise also ``name`` (str), ``started``
            (float, seconds
            since 1970; 0 if not known), ``duration`` (float, seconds), ``attempt`` (int, from 1; 0 if not
            known), ``worker`` (str, its id), ``size``
            (int, bytes as stored) and, unless ``started`` is 0, ``completed`` (str, the local time).
        """
        metadata: ResultMetadata = {"computed": False}
        facts = self.native.facts(t.key())
        if facts is not None:
            metadata = {**metadata, **facts, "computed": True}
            if facts["started"]:
                metadata["completed"] = time.ctime(facts["started"] + facts["duration"])
        return metadata

    # --- what others do ---

    def refresh(self) -> Changes:
        """Reads what other processes did.

        Returns
        -------
        sequence of (bytes, str)
            The key of each task whose state changed, and its state now: "result", "failed" or "absent".
        """
        changes = self.native.refresh()
        self._notify(changes)
        return changes

    def listen(self, listener: Callable[[Changes], object]) -> None:
        """Calls a function with the changes that any :meth:`refresh` returns from now on.

        Parameters
        ----------
        listener : callable
            Called with a sequence of changes that is not empty. Each change is reported once.
        """
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Changes], object]) -> None:
        """Ends :meth:`listen`.

        Parameters
        ----------
        listener : callable
            The function that was given to :meth:`listen`.
        """
        self._listeners.remove(listener)

    def _notify(self, changes: Changes) -> None:
        self._refreshed = time.monotonic()
        if changes:
            for listener in self._listeners:
                listener(changes)

    # --- names ---

    def _keys(self) -> Sequence[bytes]:
        return self.native.keys()

    def key_of(self, name: Name) -> bytes:
        """The key under which a result of a name is stored.

        Parameters
        ----------
        name : bytes or str
            The hash of a task, or any other name.

        Returns
        -------
        bytes
            The key that a task's hash shows; for any other name a key of the name itself. 32 bytes.
        """
        text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
        if len(text) == 64:
            try:
                return bytes.fromhex(text)
            except ValueError:
                pass
        return _native.key(("jug.name", text))

    def _named(self, name: Name) -> bytes:
        """The key of a name that is to be stored: what is not a task's hash is remembered."""
        key = self.key_of(name)
        as_bytes = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
        if as_bytes != digits(key):
            self.native.alias(key, as_bytes)
        return key
