"""What stores on the native engine have in common: results by key behind jug's names."""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from .. import _native
from .base import Name, base_store

__all__ = ["Changes", "digits", "keyed_store"]

#: What others did: (key, "result" | "failed" | "absent").
Changes = Sequence[tuple[bytes, str]]

#: How long an answer "there is a result" may be old, in seconds. An answer "there is none" is never old.
_FRESH = 0.02


def digits(key: bytes) -> bytes:
    """The 64 digits that are a task's hash."""
    return key.hex().encode()


class keyed_store(base_store):
    """A store whose results have keys of 32 bytes; a backend adds its connection, its locks and removal."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._closed = False
        self._refreshed = time.monotonic()
        self._listeners: list[Callable[[Changes], object]] = []

    # --- what a backend brings ---

    #: The results, which may be read by key.
    native: Any

    @abstractmethod
    def remove_keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Removes results by key; the keys that had one. Running tasks among them will not count."""

    @abstractmethod
    def _died(self) -> Iterable[bytes]:
        """Keys without a result whose last failure counts deaths, and is not to be kept."""

    # --- results ---

    def is_usable(self) -> bool:
        """Whether the store is open, and was opened by this process and not by the one that forked it."""
        return not self._closed and self._pid == os.getpid()

    def load(self, name: Name) -> Any:
        return self.native.load(self._key(name))

    def load_input(self, name: Name) -> Any:
        return self.native.load_input(self._key(name))

    def load_base(self, name: Name) -> Any | None:
        """A result of which only copies of parts are used; None if ``load_input`` is to be used."""
        return self.native.load_base(self._key(name))

    def can_load(self, name: Name) -> bool:
        key = self._key(name)
        found = self.native.contains(key)
        if not found or time.monotonic() - self._refreshed > _FRESH:
            self.refresh()
            found = self.native.contains(key)
        return bool(found)

    def list(self) -> Iterator[bytes]:
        self.refresh()
        names = dict(self.native.aliases())
        return (names.get(key) or digits(key) for key in self._keys())

    def remove(self, name: Name) -> bool:
        return bool(self.remove_many([name]))

    def remove_many(self, names: Iterable[Name]) -> set[Name]:
        by_key = {self._key(name): name for name in names}
        return {by_key[key] for key in self.remove_keys([*by_key])}

    def cleanup(self, active: Iterable[Any], keeplocks: bool = False) -> int:
        self.refresh()
        wanted = {t.key() if isinstance(t, _native.TaskCore) else self._key(t.hash()) for t in active}
        removed = self.remove_keys([key for key in self._keys() if key not in wanted])
        if not keeplocks:
            self.remove_locks()
        return len(removed)

    def died(self) -> Sequence[bytes]:
        """Keys of the tasks that ended their process, have no result since, and are not marked as failed."""
        self.refresh()
        return [*self._died()]

    def forget_deaths(self, keys: Iterable[bytes] | None = None) -> int:
        """Lets tasks (all, if `keys` is None) begin again as if they had never ended a process; how many."""
        died = self.died()
        if keys is not None and died:
            died = [*set(died).intersection(keys)]
        return int(self.native.clear_failures(died)) if died else 0

    def metadata(self, t: Any) -> dict[str, Any]:
        """Whether a result is `computed`, when it was `completed`, and what else is known of its making."""
        facts = self.native.facts(t.key())
        if facts is None:
            return {"computed": False}
        if facts["started"]:
            facts["completed"] = time.ctime(facts["started"] + facts["duration"])
        return {"computed": True, **facts}

    # --- what others do ---

    def refresh(self) -> Changes:
        """Reads what other processes did; the changes, as (key, "result" | "failed" | "absent")."""
        changes: Changes = self.native.refresh()
        self._tell(changes)
        return changes

    def listen(self, listener: Callable[[Changes], object]) -> None:
        """Calls `listener` with the changes that any :meth:`refresh` sees; each change is seen once only."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[Changes], object]) -> None:
        """Ends :meth:`listen`."""
        self._listeners.remove(listener)

    def _tell(self, changes: Changes) -> None:
        self._refreshed = time.monotonic()
        if changes:
            for listener in self._listeners:
                listener(changes)

    # --- names ---

    def _keys(self) -> Sequence[bytes]:
        keys: Sequence[bytes] = self.native.keys()
        return keys

    def _key(self, name: Name) -> bytes:
        """The key of a task's hash; any other name stands for the key of the name itself."""
        text = name if isinstance(name, str) else name.decode("utf-8", "surrogateescape")
        if len(text) == 64:
            try:
                return bytes.fromhex(text)
            except ValueError:
                pass
        return _native.key(("jug.name", text))

    def _named(self, name: Name) -> bytes:
        """The key of a name that is to be stored: what is not a task's hash is remembered."""
        key = self._key(name)
        as_bytes = name.encode("utf-8", "surrogateescape") if isinstance(name, str) else name
        if as_bytes != digits(key):
            self.native.alias(key, as_bytes)
        return key
