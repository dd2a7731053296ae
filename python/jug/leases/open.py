"""From a URL to a lease."""

from __future__ import annotations

from urllib.parse import unquote

from ..errors import UserError
from .base import Lease
from .credentials import with_password, without_password

__all__ = ["open_lease"]

#: Of servers, the schemes that URLs begin with.
_ON_SERVERS = ("redis", "rediss", "postgresql", "postgres", "etcd", "etcds", "consul", "consuls")

#: For how many seconds a lease lives without a heartbeat, unless something else is asked for.
_TTL = 20.0
#: Longer than this, in seconds, none of them can be asked for.
_LONGEST = 1e9


def open_lease(url: str, name: str, *, ttl: float | None = None, heartbeat: bool = True) -> Lease:
    """The lease of a name, which is not asked for yet.

    Parameters
    ----------
    url : str
        What keeps it: ``file:///DIRECTORY``, ``redis://HOST[:PORT][/DATABASE]`` (``rediss://`` for TLS),
        ``postgresql://[USER@]HOST[:PORT]/DATABASE``, ``etcd://HOST[:PORT]`` (``etcds://``),
        ``consul://HOST[:PORT]`` (``consuls://``), or ``dummy:``. A password is in the URL, in the environment
        as ``JUG_LEASE_PASSWORD``, or in the file that ``JUG_LEASE_PASSWORD_FILE`` names.
    name : str
        The name of the right.
    ttl : float, optional
        For how many seconds it lives without a heartbeat. By default 20.
    heartbeat : bool, optional
        Whether a thread renews it (the default), or only :meth:`jug.leases.Lease.refresh` does.

    Returns
    -------
    Lease
        One that no server was asked about yet.

    Raises
    ------
    UserError
        If the URL is none, a package is missing, or the time to live is none.
    """
    ttl = _TTL if ttl is None else ttl
    if not 0 < ttl < _LONGEST:
        raise UserError(
            f"a lease cannot live for {ttl:g} s: a time above 0 and below {_LONGEST:g} s is needed"
        )
    scheme, _, rest = url.partition(":")
    if scheme in _ON_SERVERS and not rest.startswith("//"):
        raise UserError(f"{without_password(url)!r} names no server: write {scheme}://HOST")
    if scheme == "dummy":
        from .dummy import DummyLease

        return DummyLease(name, ttl=ttl, heartbeat=heartbeat)
    if scheme == "file":
        from .native import FileLease

        return FileLease(_directory(rest), name, ttl=ttl, heartbeat=heartbeat)
    if scheme in ("redis", "rediss"):
        from .native import RedisLease

        return RedisLease(with_password(url), name, ttl=ttl, heartbeat=heartbeat)
    if scheme in ("postgresql", "postgres"):
        from .postgres import PostgresLease

        return PostgresLease(url, name, ttl=ttl, heartbeat=heartbeat)
    if scheme in ("etcd", "etcds"):
        from .etcd import EtcdLease

        return EtcdLease(url, name, ttl=ttl, heartbeat=heartbeat)
    if scheme in ("consul", "consuls"):
        from .consul import ConsulLease

        return ConsulLease(url, name, ttl=ttl, heartbeat=heartbeat)
    raise UserError(
        f"nothing keeps leases at {without_password(url)!r}: write file:///DIRECTORY, redis://HOST, "
        "postgresql://HOST/DATABASE, etcd://HOST, consul://HOST or dummy:"
    )


def _directory(rest: str) -> str:
    path = rest
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        path = slash + path
        if host not in ("", "localhost"):
            if "@" in host:
                shown = without_password(f"file:{rest}")
                raise UserError(f"{shown} names a directory of another host: write file:///DIRECTORY")
            raise UserError(
                f"file:{rest} names a directory of the host {host!r}; of this one it is file:///{host}{path}"
            )
    if not path:
        raise UserError(f"file:{rest} names no directory: write file:///DIRECTORY")
    return unquote(path)
