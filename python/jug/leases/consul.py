"""Leases in Consul, through py-consul: a session, and a key that it holds."""

from __future__ import annotations

import contextlib
import math
import re
import threading
from typing import Any

from ..errors import UserError
from .base import TimeNotGranted
from .credentials import parse
from .kept import KeptLease, boottime

__all__ = ["ConsulLease"]

_PREFIX = "jug-lease/"

#: How an agent says which times it grants: what its administrator has set may be more than 10 s.
_GRANTED = re.compile(r"Invalid Session TTL .* between \[(\w+)=(\w+)\]")


class ConsulLease(KeptLease):
    """A lease in a Consul agent. The token is an index of its store.

    Consul ends the session of a holder that was killed between once and twice its time to live after the last
    renewal, and keeps the key for `lock_delay` more.

    Parameters
    ----------
    url : str
        ``consul://[:TOKEN@]HOST[:PORT][/PREFIX]``, or ``consuls://`` for TLS; ``CONSUL_HTTP_TOKEN`` counts,
        too.
    name : str
        The name of the right; its key is the prefix (``jug-lease/``) and this.
    ttl : float, optional
        For how many seconds it lives without a heartbeat, 10 to 86400; 20 by default.
    heartbeat : bool, optional
        Whether a thread renews it (the default), or only :meth:`refresh` does.
    lock_delay : int, optional
        For how many seconds Consul keeps the key after a session that has ended without releasing it, 0 to
        60; 0 by default, as the holder gives up by its own clock before.
    key : str, optional
        The whole key, in place of prefix and name.

    Raises
    ------
    UserError
        If the URL names no server, Consul does not grant that time, or py-consul is not installed.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        ttl: float = 20.0,
        heartbeat: bool = True,
        lock_delay: int = 0,
        key: str | None = None,
    ) -> None:
        if not 10 <= ttl <= 86400:
            raise UserError(f"Consul grants leases of 10 to 86400 s, and {ttl:g} s were asked for")
        super().__init__(name, ttl, heartbeat)
        self._consul = _import_consul()
        self._server = parse(url, 8500)
        self._key = key or (self._server.path.lstrip("/") or _PREFIX) + name
        self._lock_delay = lock_delay
        self._session: str | None = None
        self._clients = threading.local()

    _asks_whether_holders_run = True

    @property
    def place(self) -> str:
        """The agent, without its token."""
        return self._server.place

    @contextlib.contextmanager
    def _asked(self) -> Any:
        """The client of this thread; what goes wrong with it as errors of ours."""
        import requests

        errors = self._consul.exceptions
        if not hasattr(self._clients, "client"):
            server = self._server
            self._clients.client = self._consul.Consul(
                host=server.host,
                port=server.port,
                token=server.password or server.user or None,
                scheme="https" if server.scheme == "consuls" else "http",
                connections_timeout=self._limit,
            )
        try:
            yield self._clients.client
        except (requests.RequestException, OSError) as error:
            reason = type(error).__name__
            raise ConnectionError(f"the Consul agent {self.place} does not answer ({reason})") from None
        except (errors.ACLPermissionDenied, errors.ACLDisabled, errors.BadRequest) as error:
            raise UserError(f"the Consul agent {self.place} refuses a lease: {error}") from None
        except errors.NotFound:
            raise
        except errors.ConsulException as error:
            if granted := _GRANTED.search(str(error)):
                raise TimeNotGranted(
                    f"the Consul agent {self.place} grants leases of {granted[1]} to {granted[2]}, and "
                    f"{self._period:g} s were asked for"
                ) from None
            raise ConnectionError(f"the Consul agent {self.place} cannot answer now: {error}") from None

    def _acquire(self, owner: bytes) -> bool:
        began = boottime()
        with self._asked() as client:
            session = client.session.create(
                name=f"jug-lease {self.name}",
                ttl=math.ceil(self._period),
                lock_delay=self._lock_delay,
                behavior="delete",
            )
        self._session = session
        try:
            with self._asked() as client:
                got = client.kv.put(self._key, owner.decode(), acquire=session)
            found = self._find() if got else None
        except (ConnectionError, UserError):
            self._give_up()
            raise
        if not found or found.get("Session") != session or not self._begin(found["ModifyIndex"], began):
            self._give_up()
            return False
        return True

    def _find(self) -> dict[str, Any] | None:
        """The key as the leader has it; None if there is none."""
        with self._asked() as client:
            found: dict[str, Any] | None = client.kv.get(self._key, consistency="consistent")[1]
        return found

    def _renew(self) -> bool:
        session, token = self._session, self._tenure.token
        found = self._find()
        # A snapshot that was restored may have another holder, or none.
        if session is None or not found or (found.get("Session"), found["ModifyIndex"]) != (session, token):
            return False
        try:
            with self._asked() as client:
                client.session.renew(session)
        except self._consul.exceptions.NotFound:
            return False
        return True

    def _release(self) -> bool:
        was_held = self._end()
        return self._give_up() and was_held

    def _give_up(self) -> bool:
        """Releases the key, and then ends the session: the other way round it is locked for the delay."""
        session, self._session = self._session, None
        if session is None:
            return False
        released = False
        with contextlib.suppress(ConnectionError, UserError, self._consul.exceptions.NotFound):
            with self._asked() as client:
                released = bool(client.kv.put(self._key, "", release=session))
            found = self._find() if released else None
            with self._asked() as client:
                client.session.destroy(session)
                if found and not found.get("Session"):
                    # Unless somebody got it meanwhile.
                    client.kv.delete(self._key, cas=found["ModifyIndex"])
        return released

    def _owner(self) -> bytes | None:
        found = self._find()
        return found["Value"] if found and found.get("Session") else None

    def _free(self, record: bytes) -> bool:
        found = self._find()
        # That session is of nobody else, whoever has the key meanwhile.
        if not found or found["Value"] != record or not found.get("Session"):
            return False
        with self._asked() as client:
            return bool(client.session.destroy(found["Session"]))


def _import_consul() -> Any:
    try:
        import consul
        import consul.exceptions
    except ImportError:
        raise UserError(
            "a lease in Consul needs py-consul, which is not installed (it comes with an extra: "
            "pip install 'jug-rs[lease-consul]')"
        ) from None
    return consul
