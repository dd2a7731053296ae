"""Leases whose client is ours: in a directory, and in a redis server. Their heartbeat needs no
interpreter."""

from __future__ import annotations

import os

from .. import _native
from ..errors import JugdirInUse, NotAJugdir, UserError, WrongClaimMode
from .base import Lease

__all__ = ["FileLease", "RedisLease"]


class _NativeLease(Lease):
    """What the two have in common."""

    def __init__(self, name: str, core: _native.NativeLease) -> None:
        self._core = core
        super().__init__(name, core.ttl, core.tenure)

    def close(self) -> None:
        """Releases the lease if it is held, and ends connections and threads. Nothing works after."""
        if os.getpid() == self._pid:
            try:
                self._core.close()
            except (ConnectionError, OSError):
                # It ends with its time to live, or with this process.
                return

    def _acquire(self, owner: bytes) -> bool:
        return self._core.acquire(owner)

    def _refresh(self) -> bool:
        return self._core.renew()

    def _release(self) -> bool:
        return self._core.release()

    def _owner(self) -> bytes | None:
        return self._core.owner()

    def _free(self, record: bytes) -> bool:
        return self._core.free(record)


class FileLease(_NativeLease):
    """A lease in a directory.

    On a filesystem of one host it is a lock of the kernel on a file, which ends with its process. On one that
    several hosts use it is a claim like those on tasks, by a link and a heartbeat; there the holder gives it
    up after half its time without contact, and others get it after the whole of it.

    Parameters
    ----------
    directory : str
        A directory, which is created if need be, or a jugdir, which keeps leases in its directory ``leases``.
    name : str
        The name of the right.
    ttl : float, optional
        For how many seconds it lives without a heartbeat (20 by default, at least 0.1): where several hosts
        use the directory, or without `heartbeat`. All who ask for the lease must ask for the same.
    heartbeat : bool, optional
        Whether a thread renews it (the default), or only :meth:`refresh` does.
    claims : {"posix", "link"}, optional
        For one host or several, in a directory that has to be created. By default its filesystem decides.

    Raises
    ------
    UserError
        If the path is no directory, or has something else in place of the lease.
    """

    def __init__(
        self,
        directory: str,
        name: str,
        *,
        ttl: float = 20.0,
        heartbeat: bool = True,
        claims: str | None = None,
    ) -> None:
        if not name:
            raise UserError("a lease needs a name")
        if not ttl >= 0.1:
            raise UserError(f"a lease in a directory cannot live for {ttl:g} s: the least is 0.1 s")
        self._directory = os.path.abspath(directory)
        try:
            core = _native.NativeLease.file(self._directory, name, ttl, heartbeat, claims)
            super().__init__(name, core)
        except (NotAJugdir, WrongClaimMode, OSError) as error:
            raise self._explained(error) from None

    @property
    def place(self) -> str:
        """The directory."""
        return self._directory

    def _acquire(self, owner: bytes) -> bool:
        try:
            got = super()._acquire(owner)
        except (NotAJugdir, WrongClaimMode, JugdirInUse, ValueError, OSError) as error:
            raise self._explained(error) from None
        # Whether heartbeats keep it is known for certain once its directory exists.
        self.ttl = self._core.ttl
        return got

    def _explained(self, error: Exception) -> UserError:
        if isinstance(error, OSError) and error.strerror:
            where = f" {error.filename}" if error.filename else ""
            return UserError(
                f"no lease can be kept in {self._directory}: {error.strerror}{where}; "
                "name a directory that this user can write to"
            )
        return UserError(f"there can be no lease in {self._directory}: {error}")


class RedisLease(_NativeLease):
    """A lease in a redis server: a key that expires.

    Parameters
    ----------
    url : str
        ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]``, or ``rediss://`` for TLS.
    name : str
        The name of the right.
    ttl : float, optional
        For how many seconds it lives without a heartbeat (20 by default); at least one millisecond.
    heartbeat : bool, optional
        Whether a thread renews it (the default), or only :meth:`refresh` does.

    Raises
    ------
    UserError
        If the URL names no server.
    """

    def __init__(self, url: str, name: str, *, ttl: float = 20.0, heartbeat: bool = True) -> None:
        if not name:
            raise UserError("a lease needs a name")
        if not ttl >= 0.001:
            raise UserError(f"redis grants no lease of {ttl:g} s: the least is 0.001 s")
        try:
            self._place = _native.redis_url(url)
            super().__init__(name, _native.NativeLease.redis(url, name, ttl, heartbeat))
        except ValueError as error:
            raise UserError(str(error)) from None

    _asks_whether_holders_run = True

    @property
    def place(self) -> str:
        """The server and the database, without user and password."""
        return self._place
