"""Leases in etcd (version 3), by its gateway for JSON: a lease of the server, and a key that ends with it."""

from __future__ import annotations

import contextlib
import http.client
import json
import math
import ssl
from base64 import b64decode, b64encode
from typing import Any

from ..errors import UserError
from .base import TimeNotGranted
from .credentials import parse
from .kept import KeptLease, boottime

__all__ = ["EtcdLease"]

_PREFIX = "jug-lease/"


class EtcdLease(KeptLease):
    """A lease in an etcd server: a key that exists while its holder renews it. The token is a revision of the
    server.

    Parameters
    ----------
    url : str
        ``etcd://[USER[:PASSWORD]@]HOST[:PORT][/PREFIX]``, or ``etcds://`` for TLS.
    name : str
        The name of the right; its key is the prefix (``jug-lease/``) and this.
    ttl : float, optional
        For how many seconds it lives without a heartbeat; 20 by default. The server counts whole seconds.
    heartbeat : bool, optional
        Whether a thread renews it (the default), or only :meth:`refresh` does.

    Raises
    ------
    UserError
        If the URL names no server.
    """

    def __init__(self, url: str, name: str, *, ttl: float = 20.0, heartbeat: bool = True) -> None:
        super().__init__(name, ttl, heartbeat)
        self._server = parse(url, 2379)
        self._key = _text((self._server.path.lstrip("/") or _PREFIX) + name)
        self._grant = "0"
        self._authorization = ""

    _asks_whether_holders_run = True

    @property
    def place(self) -> str:
        """The server, without user and password."""
        return self._server.place

    def _post(self, path: str, **question: object) -> dict[str, Any]:
        """Asks the server; ConnectionError where it does not answer."""
        server = self._server
        if server.user and not self._authorization and path != "auth/authenticate":
            answer = self._post("auth/authenticate", name=server.user, password=server.password)
            self._authorization = str(answer["token"])
        if server.scheme == "etcds":
            context = ssl.create_default_context()
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                server.host, server.port, timeout=self._limit, context=context
            )
        else:
            connection = http.client.HTTPConnection(server.host, server.port, timeout=self._limit)
        headers = {"Content-Type": "application/json"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        try:
            connection.request("POST", f"/v3/{path}", json.dumps(question), headers)
            response = connection.getresponse()
            status, body = response.status, response.read()
            answer = json.loads(body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ConnectionError(f"the etcd server {self.place} does not answer: {reason}") from None
        finally:
            connection.close()
        if status == 200 and "error" not in answer:
            return dict(answer)
        self._authorization = ""
        return self._refused(status, answer)

    def _refused(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        error = answer.get("error") or answer.get("message") or status
        text = str(error.get("message") if isinstance(error, dict) else error)
        if answer.get("code") == 5 or "lease not found" in text:
            return {}
        if status >= 500 or "unavailable" in text.lower() or "no leader" in text or "timed out" in text:
            raise ConnectionError(f"the etcd server {self.place} cannot answer now: {text}")
        raise UserError(f"the etcd server {self.place} refuses a lease: {text}")

    def _acquire(self, owner: bytes) -> bool:
        began = boottime()
        asked = math.ceil(self._period)
        granted = self._post("lease/grant", TTL=str(asked), ID="0")
        self._grant = str(granted["ID"])
        if int(granted["TTL"]) > asked:
            self._revoke()
            raise TimeNotGranted(
                f"the etcd server {self.place} grants leases of {granted['TTL']} s at least, and "
                f"{self._period:g} s were asked for"
            )
        try:
            answer = self._post(
                "kv/txn",
                compare=[{"key": self._key, "target": "CREATE", "createRevision": "0"}],
                success=[{"requestPut": {"key": self._key, "value": _text(owner), "lease": self._grant}}],
            )
        except (ConnectionError, UserError):
            self._revoke()
            raise
        if not answer.get("succeeded") or not self._begin(int(answer["header"]["revision"]), began):
            self._revoke()
            return False
        return True

    def _renew(self) -> bool:
        grant, token = self._grant, self._tenure.token
        # Its key may have been removed by hand.
        if token is None or self._find().get("create_revision") != str(token):
            return False
        answer = self._post("lease/keepalive", ID=grant)
        # A lease that is over is answered, too: with its id, and without its time.
        return int(answer.get("result", {}).get("TTL", "0")) > 0

    def _find(self) -> dict[str, Any]:
        """The key with its value; empty if nobody has it."""
        found = self._post("kv/range", key=self._key).get("kvs") or [{}]
        return dict(found[0])

    def _release(self) -> bool:
        was_held = self._end()
        return self._revoke() and was_held

    def _revoke(self) -> bool:
        """Ends the lease of the server and with it the key. Where that cannot be said, it ends by itself."""
        grant, self._grant = self._grant, "0"
        with contextlib.suppress(ConnectionError, UserError):
            return grant != "0" and bool(self._post("lease/revoke", ID=grant))
        return False

    def _owner(self) -> bytes | None:
        value = self._find().get("value")
        return b64decode(value) if value else None

    def _free(self, record: bytes) -> bool:
        found = self._find()
        # That lease is of nobody else, whoever has the key meanwhile.
        if b64decode(found.get("value", "")) != record:
            return False
        return bool(self._post("lease/revoke", ID=found["lease"]))


def _text(value: str | bytes) -> str:
    return b64encode(value.encode() if isinstance(value, str) else value).decode()
