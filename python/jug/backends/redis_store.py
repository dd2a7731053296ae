"""The store in a redis server, for workers on any host."""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .. import _native
from ..errors import UserError
from ..internal.console import fail, warn
from .base import Name, base_lock
from .native_store import digits, native_store

__all__ = ["redis_functional", "redis_lock", "redis_store"]

#: Whether this store can be used: always, since the client is part of this package.
redis_functional = True

_open_stores: weakref.WeakSet[redis_store] = weakref.WeakSet()


class KnownWorker(NamedTuple):
    """A worker, as the server and this host know it.

    Parameters
    ----------
    id : str
        The worker's id.
    alive : bool
        Whether it runs, as far as that is known.
    facts : mapping of str to any
        What that worker said of its process: "host", "boot_id", "pid_ns", "pid", "pid_start", "started" and
        "version".
    """

    id: str
    alive: bool
    facts: Mapping[str, Any]


class redis_store(native_store):
    """Results in a database of a redis server (5.0 or later), to which it connects when it is first used.

    Parameters
    ----------
    url : str
        ``redis://[[user]:password@]host[:port][/db]``, with TLS ``rediss://...``. What is left out is
        ``localhost``, 6379 and 0. ``?retry=SECONDS`` says how long a server that does not answer is tried
        again (default 60).

    Raises
    ------
    UserError
        If the URL is none; by whatever uses the store first, if the server cannot be reached or refuses.

    Attributes
    ----------
    url : str
        The server and the database, without user and password.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._full_url = url
        self._facts: dict[str, dict[str, Any]] = {}
        self._native: _native.Redis | None = None
        try:
            self.url = _native.redis_url(url)
        except ValueError as error:
            raise UserError(str(error)) from None

    def _connect(self) -> _native.Redis:
        is_first = self._native is None
        self._pid = os.getpid()
        self._facts_here = ""
        try:
            connected = self._native = _native.Redis(self._full_url, _native.new_worker_id())
        except (ConnectionError, ValueError) as error:
            raise UserError(str(error)) from None
        self._refreshed = time.monotonic()
        if is_first:
            self._advise(connected)
            _open_stores.add(self)
        return connected

    def _advise(self, native: _native.Redis) -> None:
        """Warns of what the user may not know about this database."""
        if native.eviction:
            warn(
                f"the redis server {self.url} evicts results when its memory is full "
                f"(maxmemory-policy {native.eviction}); set it to noeviction"
            )
        if native.is_foreign():
            warn(
                f"{self.url} holds results of jug 2.x, which this version cannot read; they stay as "
                "they are, and all tasks run again"
            )

    def __repr__(self) -> str:
        return f"redis_store({self.url!r})"

    def address(self) -> str | None:
        """What another process opens it by.

        Returns
        -------
        str or None
            The URL as it was given, with user and password; None for a class that derives from this one,
            which no name opens.
        """
        return self._full_url if type(self) is redis_store else None

    @property
    def native(self) -> _native.Redis:  # type: ignore[override]  # only this class sets it
        """The connection of this process; one that a task forked gets its own."""
        if self._native is None or self._pid != os.getpid():
            return self._connect()
        return self._native

    # --- results ---

    def dump(self, object: Any, name: Name) -> None:
        """Stores a result, in place of an earlier one of that name.

        Parameters
        ----------
        object : any
            The result.
        name : bytes or str
            The name to store it under.

        Raises
        ------
        UserError
            If the server cannot be reached, or refuses, when the store is first used.
        ConnectionError
            If it cannot be reached later on.
        """
        self.native.save(self._named(name), object)
        self.native.flush()

    def remove_keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        removed = self.native.remove(keys)
        return [key for key, had in zip(keys, removed, strict=True) if had]

    # --- locks ---

    def getlock(self, name: Name) -> redis_lock:
        return redis_lock(self, name)

    def listlocks(self) -> Iterator[bytes]:
        """Names marked as failed, and names that living workers hold.

        Returns
        -------
        iterator of bytes
            Each name once.
        """
        self.refresh()
        names = self.native.aliases()
        keys = dict.fromkeys([*self.native.kept_failures(), *self.workers()[0]])
        return iter([names.get(key) or digits(key) for key in keys])

    def remove_locks(self) -> int:
        """Clears failure marks, deaths of tasks and the claims of dead workers.

        The claims of living workers stay.

        Returns
        -------
        int
            How many were cleared.
        """
        cleared = self._clear_failures()
        dead = [known.id for known in self.workers()[1] if not known.alive]
        return cleared + self.native.reap(dead)

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Tries to claim tasks for this worker.

        Parameters
        ----------
        keys : sequence of bytes
            The keys of the tasks, of 32 bytes each.

        Returns
        -------
        sequence of bool
            For each key, whether this call claimed it.
        """
        native = self.native
        self._facts_here = self._facts_here or _facts_here()
        won, owners = native.claim(keys, self._facts_here)
        if any(owner not in self._facts for owner in owners):
            self.workers()
        dead = [owner for owner in owners if _is_dead(self._facts.get(owner, {}))]
        if dead:
            native.reap(dead)
            others = [key for key, mine in zip(keys, won, strict=True) if not mine]
            again = dict(zip(others, native.claim(others, self._facts_here)[0], strict=True))
            won = [mine or again[key] for key, mine in zip(keys, won, strict=True)]
        return won

    def claims(self, keys: Sequence[bytes]) -> Mapping[bytes, str]:
        """Which of some tasks are claimed, and by which workers.

        Parameters
        ----------
        keys : sequence of bytes
            The keys of the tasks, of 32 bytes each.

        Returns
        -------
        mapping of bytes to str
            The id of the living worker that holds each key; keys that no living worker holds are missing.
        """
        if not keys:
            return {}
        held, _ = self._look(keys)
        return {key: held[key] for key in keys if key in held}

    def workers(self) -> tuple[Mapping[bytes, str], Sequence[KnownWorker]]:
        """All claims of living workers, and all workers.

        Returns
        -------
        claims : mapping of bytes to str
            The id of the worker that holds each key.
        workers : sequence of KnownWorker
            The workers, those included that died not long ago.
        """
        return self._look(None)

    def _look(self, keys: Sequence[bytes] | None) -> tuple[dict[bytes, str], Sequence[KnownWorker]]:
        found, known = self.native.claimed(keys)
        workers = []
        for id, lives, text in known:
            facts = self._facts[id] = self._facts.get(id) or _parsed(text)
            workers.append(KnownWorker(id, lives and not _is_dead(facts), facts))
        living = {worker.id for worker in workers if worker.alive}
        return {key: owner for key, owner in found if owner in living}, workers

    # --- the store as a whole ---

    def refresh_after_claim(self) -> None:
        """The same as :meth:`refresh`, directly after a claim, whose reply may hold the changes already."""
        news = self.native.news()
        if news is None:
            self.refresh()
        else:
            self._notify(news)

    def close(self) -> None:
        if self.is_usable():
            self._closed = True
            if self._native is not None:
                self._native.close()

    @staticmethod
    def remove_store(jugdir: str) -> None:
        """Deletes all results and claims in a database; keys of other programs stay.

        Parameters
        ----------
        jugdir : str
            The URL, as in :class:`redis_store`.
        """
        store = redis_store(jugdir)
        store.native.delete_all()
        store._closed = True


class redis_lock(base_lock):
    """The claim of one name; made by :meth:`redis_store.getlock` only.

    Parameters
    ----------
    redis : redis_store
        The store.
    name : bytes or str
        As in :meth:`redis_store.getlock`.
    """

    def __init__(self, redis: redis_store, name: Name) -> None:
        self._store = redis
        self._name = name
        self._key = redis.key_of(name)

    def get(self) -> bool:
        if self.is_failed() or not self._store.claim([self._key])[0]:
            return False
        started = self._store.native.start(self._key)
        # The server lists claims by key only: a list of locks needs the name.
        self._store._named(self._name)
        return started

    def release(self) -> None:
        native = self._store.native
        native.release([self._key])
        native.clear_failures([self._key])

    def is_locked(self) -> bool:
        return bool(self._store.claims([self._key])) or self.is_failed()

    def fail(self) -> bool:
        native = self._store.native
        if self._key in native.held():
            native.save_failure(self._key, {"type": "", "message": "marked as failed", "kept": True})
            native.release([self._key])
        return self.is_failed()

    def is_failed(self) -> bool:
        self._store.refresh()
        return self._key in self._store.native.kept_failures()


def _facts_here() -> str:
    """What this worker says of its process, in JSON."""
    import json

    facts = {**_native.process_identity(), "started": time.time(), "version": _native.__version__}
    return json.dumps(facts)


def _is_dead(facts: Mapping[str, Any]) -> bool:
    """Whether the process that said this was on this machine and has ended. False where that is not known."""
    boot_id, namespace = str(facts.get("boot_id", "")), str(facts.get("pid_ns", ""))
    pid, start = int(facts.get("pid", 0)), int(facts.get("pid_start", 0))
    return _native.is_process_running(boot_id, namespace, pid, start) is False


def _parsed(text: bytes) -> dict[str, Any]:
    import json

    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


@atexit.register
def _close_all() -> None:
    for store in list(_open_stores):
        try:
            store.close()
        except ConnectionError as error:
            fail(str(error))
