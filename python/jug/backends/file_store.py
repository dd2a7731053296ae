"""The store in a directory that any number of processes share, on the native engine."""

from __future__ import annotations

import atexit
import contextlib
import os
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .. import _native
from ..internal.files import DIR_MODE
from .base import Name, base_lock
from .native_store import Changes, digits, native_store
from .open_jugdir import open_jugdir

if TYPE_CHECKING:
    from ..internal.types import ClaimChoice, SyncMode

__all__ = [
    "MAX_FILESIZE_IN_PACK",
    "file_based_lock",
    "file_keepalive_based_lock",
    "file_keepalive_store",
    "file_store",
    "fsync_dir",
    "open_directory",
]

#: The size, in bytes, up to which jug 2.x moves a result into its pack. Here results share a file anyway, and
#: nothing depends on it.
MAX_FILESIZE_IN_PACK = 512

_open_stores: weakref.WeakSet[file_store] = weakref.WeakSet()
#: Those that were opened by name, by absolute path.
_by_path: dict[str, file_store] = {}


def fsync_dir(fname: str) -> None:
    """Makes the name of a file durable: syncs the directory that it is in.

    Parameters
    ----------
    fname : str
        The path of the file.
    """
    descriptor = os.open(os.path.dirname(fname) or os.curdir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class file_store(native_store):
    """Results in a jugdir.

    Parameters
    ----------
    dname : str
        The directory. It is created when something is stored, not before.
    compress_numpy : bool, default False
        Accepted for compatibility; values are compressed where it pays.
    sync : {"group", "always"}, optional
        Whether a result may be up to 50 ms away from being durable, or is on disk when :meth:`dump`
        returns. Default: what ``--sync`` says, else "group".
    claims : {"auto", "posix", "link"}, optional
        How claims are made, if the directory has to be created: "posix" (one host) or "link" (any number
        of hosts); "auto" goes by the filesystem. Default: what ``--claims`` says, else "auto".
        :exc:`~jug.errors.WrongClaimMode` if the directory exists and has another mode.

    Attributes
    ----------
    jugdir : str
        The directory as it was named.
    native : jug._native.Store
        The results.
    claims : jug._native.Claims
        Who runs what.
    """

    native: _native.Store

    def __init__(
        self,
        dname: str,
        compress_numpy: bool = False,
        *,
        sync: SyncMode | None = None,
        claims: ClaimChoice | None = None,
    ) -> None:
        super().__init__()
        self.jugdir = os.fspath(dname)
        # A task may change the working directory.
        self.native = open_jugdir(self.jugdir, sync, claims)
        self.claims = _native.Claims(self.native)
        self._checked = False
        self._identity: tuple[int, ...] | None = None
        _open_stores.add(self)

    def __repr__(self) -> str:
        return f"file_store({self.jugdir!r})"

    def is_outdated(self) -> bool:
        """Whether the jugdir that this store read is gone, or another one is in its place.

        Returns
        -------
        bool
            False as long as no jugdir was created.
        """
        try:
            stat = os.stat(os.path.join(self.native.path, "FORMAT"))
        except OSError:
            return self._identity is not None
        # It is written once.
        identity = (stat.st_dev, stat.st_ino, stat.st_mtime_ns)
        if self._identity is None:
            self._identity = identity
        return identity != self._identity

    # --- results ---

    def dump(self, value: Any, name: Name) -> None:
        """Stores a result, in place of an earlier one of that name.

        Other processes see it within 5 ms; `sync` (see :class:`file_store`) says when it is durable.

        Parameters
        ----------
        value : any
            The result.
        name : bytes or str
            The name to store it under.
        """
        self.native.save(self._named(name), value)

    def remove_keys(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Removes results by key. The results of those tasks that run now will not count.

        Parameters
        ----------
        keys : sequence of bytes
            Keys of 32 bytes each.

        Returns
        -------
        sequence of bytes
            Those keys that had a result. They are removed on disk.
        """
        self.refresh()
        stored = [key for key, present in zip(keys, self.native.contains_many(keys), strict=True) if present]
        if stored or any(self.claims.is_claimed(keys)):
            # All of them, not only those that are stored: a result that a running task is about to write is
            # then older than the removal, and does not count.
            self.native.remove(keys)
            self.native.sync()
        return stored

    # --- locks ---

    def getlock(self, name: Name) -> file_based_lock:
        return file_based_lock(self, name)

    def listlocks(self) -> Iterator[bytes]:
        """Names marked as failed, and names that running workers hold.

        A claim shows only the first 63 bits of its task's key; where no result, failure or name with those
        bits is known, the name is the 16 digits of that number.

        Returns
        -------
        iterator of bytes
            Each name once.
        """
        self.refresh()
        failed = self.native.kept_failures()
        held = set(self.claims.claimed_ids())
        names = self.native.aliases()
        keys = (*self._keys(), *names, *self.claims.held(), *failed) if held else ()
        known = {self.claims.id_of(key): key for key in keys}
        running = [known.get(claim, claim) for claim in sorted(held)]
        return iter(
            dict.fromkeys(
                b"%016x" % it if isinstance(it, int) else names.get(it) or digits(it)
                for it in (*failed, *running)
            )
        )

    def remove_locks(self) -> int:
        """Clears failure marks, deaths of tasks, and what dead workers left of their claims.

        The claims of living workers stay.

        Returns
        -------
        int
            How many were cleared.
        """
        return self._clear_failures() + self.claims.sweep()

    # --- what others do ---

    def refresh_claims(self) -> Changes:
        """Reads what other processes did, as :meth:`refresh` does, after tasks were claimed.

        Returns
        -------
        sequence of (bytes, str)
            As :meth:`refresh`. What is stored of claimed tasks from now on counts unless it is invalidated
            after this.
        """
        changes: Changes = self.claims.refresh()
        self._notify(changes)
        return changes

    # --- the store as a whole ---

    def create(self) -> None:
        """Creates the jugdir, and :meth:`tempdir` in it. :meth:`dump` creates the jugdir if need be."""
        nothing = _native.key("jug.backends.file_store.create")
        # A claim is the least that a jugdir is created for.
        self.claims.claim([nothing])
        self.claims.release([nothing])
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.tempdir(), DIR_MODE)

    def tempdir(self) -> str:
        """A directory within the jugdir for the user's own files.

        Returns
        -------
        str
            Its path; :meth:`create` creates it.
        """
        return os.path.join(self.jugdir, "tempfiles")

    def update_pack(self) -> int:
        """Packs the results of workers that have ended, as ``jug pack`` does.

        Returns
        -------
        int
            How many results were in no pack before.
        """
        return self.native.pack(all=True)["packed"]

    def resave_pack(self) -> None:
        """Merges all packs into one, with what :meth:`update_pack` would add."""
        self.native.pack(all=True)

    def check_blobs(self) -> None:
        """Drops large results whose files are missing or cut off. Only the first call looks at the files."""
        if not self._checked:
            self._checked = True
            self.native.check_blobs()

    def address(self) -> str | None:
        """What another process opens it by.

        Returns
        -------
        str or None
            The absolute path; None for a class that derives from this one, which no name opens.
        """
        return self.native.path if type(self) in (file_store, file_keepalive_store) else None

    def close(self) -> None:
        """Makes everything durable, releases the claims and closes the jugdir; nothing in a forked child."""
        if self.is_usable():
            self._closed = True
            try:
                self.claims.close()
            finally:
                self.native.close()

    @staticmethod
    def remove_store(jugdir: str) -> None:
        """Deletes a jugdir with all that is in it, if there is one.

        Parameters
        ----------
        jugdir : str
            The path of the directory.
        """
        if os.path.exists(jugdir):
            import shutil

            shutil.rmtree(jugdir)


class file_keepalive_store(file_store):
    """The same store under another name: a dead worker's tasks become free in any :class:`file_store`."""

    def getlock(self, name: Name) -> file_keepalive_based_lock:
        return file_keepalive_based_lock(self, name)


def open_directory(path: str, kind: type[file_store] = file_store) -> file_store:
    """The store in a directory; within a process there is one object for each.

    Parameters
    ----------
    path : str
        The directory.
    kind : type, default file_store
        The class of the store, if this directory was not opened yet.

    Returns
    -------
    file_store
        The store that is open, or a new one.
    """
    # A jugfile that calls set_jugdir() is loaded again after each barrier: one process must not register as
    # one more worker each time.
    absolute = os.path.abspath(path)
    store = _by_path.get(absolute)
    if store is None or not store.is_usable():
        store = _by_path[absolute] = kind(path)
    return store


class file_based_lock(base_lock):
    """The claim of one name.

    Parameters
    ----------
    jugdir : str or file_store
        The store; a directory is opened once in a process, however many locks are made of it.
    name : bytes or str
        As in :meth:`file_store.getlock`.

    Attributes
    ----------
    fullname : str
        A path that says which lock it is, as in jug 2.7. There is no such file.
    """

    def __init__(self, jugdir: str | file_store, name: Name) -> None:
        if not isinstance(jugdir, file_store):
            jugdir = open_directory(jugdir)
        self._store = jugdir
        self._key = jugdir.key_of(name)
        self._name = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
        self.fullname = os.path.join(jugdir.jugdir, "locks", f"{os.fsdecode(self._name)}.lock")

    def get(self) -> bool:
        if self.is_failed() or not self._store.claims.claim([self._key])[0]:
            return False
        self._store.claims.start(self._key)
        # A claim shows only its number: a list of locks needs the name.
        self._store._named(self._name)
        return True

    def release(self) -> None:
        store = self._store
        store.claims.release([self._key])
        if self.is_failed():
            store.native.clear_failures([self._key])

    def is_locked(self) -> bool:
        return self._store.claims.is_claimed([self._key])[0] or self.is_failed()

    def fail(self) -> bool:
        store = self._store
        if self._key in store.claims.held():
            store.native.save_failure(self._key, {"type": "", "message": "marked as failed", "kept": True})
            store.claims.release([self._key])
        return self.is_failed()

    def is_failed(self) -> bool:
        store = self._store
        store.refresh()
        return bool((store.native.failure(self._key) or {}).get("kept"))


class file_keepalive_based_lock(file_based_lock):
    """The same lock: it ends with its process, so that there is nothing to keep alive."""

    def start_monitor(self) -> None:
        """Does nothing. In jug 2.x it starts a process that keeps the lock file's time of change recent."""

    def stop_monitor(self) -> None:
        """Does nothing."""


@atexit.register
def _close_all() -> None:
    for store in list(_open_stores):
        store.close()


def _flush_all() -> None:
    # A forked child reads what is in the files: what its parent still holds in memory would be missing there.
    for store in list(_open_stores):
        if store.is_usable():
            store.native.flush()


os.register_at_fork(before=_flush_all)
