"""Leases in a PostgreSQL server: an advisory lock on a connection of its own."""

from __future__ import annotations

import contextlib
import json
import select
import threading
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from .credentials import Server, parse, without_password
from .kept import KeptLease, boottime

if TYPE_CHECKING:
    import psycopg

__all__ = ["PostgresLease"]

#: The lock is there for this connection, and no other takes its place.
_CHECK = """
SELECT pg_backend_pid(), EXISTS(
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid()
    AND ((classid::bigint << 32) | objid::bigint) = $1::bigint AND objsubid = 1)
"""

#: What the holder stored in the text of its last query.
_HOLDER = """
SELECT activity.query FROM pg_locks AS lock JOIN pg_stat_activity AS activity USING (pid)
WHERE lock.locktype = 'advisory' AND lock.granted AND lock.objsubid = 1
AND ((lock.classid::bigint << 32) | lock.objid::bigint) = $1::bigint
AND lock.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

_MARK = "/* jug-lease "


class PostgresLease(KeptLease):
    """A lease in a database of a PostgreSQL server.

    It is an advisory lock of a connection that nothing else uses, so the server frees it the moment the
    holder's process ends. A holder that is paused keeps it. If the holder's host is cut off, the server
    notices that by TCP keepalives after `ttl` seconds and a few more; the holder gives it up after `ttl`
    seconds without an answer, so before.

    The name is a number of 64 bits to the server, made of `name` by BLAKE2b.

    Parameters
    ----------
    url : str
        ``postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE[?OPTION=VALUE]``, with libpq's options; its
        variables (``PGPASSWORD``) and password file count.
    name : str
        The name of the right.
    ttl : float, optional
        After how many seconds without an answer of the server the lease is lost; 20 by default, at least 1.
    heartbeat : bool, optional
        Whether a thread looks after it (the default), or only :meth:`refresh` does. Then it is lost `ttl`
        seconds after the last refresh.

    Raises
    ------
    UserError
        If the URL names no database, or psycopg is not installed.
    """

    def __init__(self, url: str, name: str, *, ttl: float = 20.0, heartbeat: bool = True) -> None:
        if ttl < 1:
            raise UserError(f"a lease in PostgreSQL cannot have a time of {ttl:g} s: the least is 1 s")
        super().__init__(name, ttl, heartbeat)
        self._psycopg = _import_psycopg()
        self._server = parse(url, 5432)
        self._parameters = self._connection_parameters(url)
        digest = blake2b(name.encode(), digest_size=8).digest()
        self._number = int.from_bytes(digest, signed=True)
        self._connection: psycopg.Connection[Any] | None = None
        self._questions = threading.Lock()
        self._comment = ""
        self._checked = 0.0
        if heartbeat:
            self.ttl = None

    @property
    def place(self) -> str:
        """The server and the database, without user and password."""
        return self._server.place

    def is_held(self) -> bool:
        """Whether this object has the lease now. Asks the server if that was not done for long, as after a
        pause."""
        if not self._tenure.is_held():
            return False
        if self._heartbeat and boottime() - self._checked > self._period:
            self.refresh()
        return self._tenure.is_held()

    def close(self) -> None:
        """Releases the lease if it is held, and closes its connection. Nothing works after."""
        self.release()
        self._disconnect()

    def _connection_parameters(self, url: str) -> dict[str, Any]:
        """What libpq is given: never a text that its messages could quote."""
        server: Server = self._server
        conninfo = self._psycopg.conninfo
        place = "postgresql://" + url.partition("://")[2]
        try:
            given = dict(conninfo.conninfo_to_dict(place))
        except self._psycopg.Error:
            raise UserError(
                f"{without_password(url)!r} names no database: write postgresql://[USER@]HOST[:PORT]/DATABASE"
            ) from None
        if server.password and "password" not in given:
            given["password"] = server.password
        seconds = max(1, round(self._period))
        ours: dict[str, Any] = {
            "connect_timeout": max(2, round(self._limit)),
            "keepalives": 1,
            "keepalives_idle": max(1, seconds // 3),
            "keepalives_interval": max(1, seconds // 6),
            "keepalives_count": 3,
            "tcp_user_timeout": seconds * 1000,
            "application_name": "jug-lease",
        }
        return ours | given

    def _connect(self) -> psycopg.Connection[Any]:
        connection = self._connection
        if connection is not None and not connection.closed and not connection.broken:
            return connection
        self._disconnect()
        psycopg = self._psycopg
        try:
            self._connection = psycopg.connect(**self._parameters, autocommit=True)
        except psycopg.Error as error:
            raise ConnectionError(
                f"the PostgreSQL server {self.place} cannot be used: {self._reason(error)}"
            ) from None
        row = self._exchange(self._connection, "SELECT pg_backend_pid()")
        if row[0] != str(self._connection.info.backend_pid):
            self._disconnect()
            # It may give one connection of the server to several clients, and so one lock.
            raise UserError(
                f"{self.place} is a pool of connections, such as pgbouncer, which can give one lease to two "
                "clients: name the PostgreSQL server itself"
            )
        seconds = max(1, round(self._period))
        # The server gives the connection up later than the holder does.
        for option, value in (
            ("tcp_keepalives_idle", seconds),
            ("tcp_keepalives_interval", max(1, seconds // 3)),
            ("tcp_keepalives_count", 3),
            ("tcp_user_timeout", 2000 * seconds),
            ("idle_session_timeout", 0),
        ):
            # Servers before version 14 have not all of them.
            query = "SELECT set_config(name, $2, false) FROM pg_settings WHERE name = $1"
            self._exchange(self._connection, query, option, value)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(self._psycopg.Error):
                connection.close()

    def _reason(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        for secret in (self._parameters.get("password"), self._server.password):
            if secret:
                text = text.replace(str(secret), "***")
        return text or type(error).__name__

    def _ask(self, query: str, *values: object) -> list[str]:
        """The first row of an answer, empty if there is none. ConnectionError where nothing comes in time."""
        with self._questions:
            return self._exchange(self._connect(), query, *values)

    def _exchange(self, connection: psycopg.Connection[Any], query: str, *values: object) -> list[str]:
        client = connection.pgconn
        try:
            client.send_query_params(query.encode(), [str(value).encode() for value in values])
            results = []
            end = boottime() + self._limit
            while (result := self._next_result(client, end)) is not None:
                results.append(result)
        except (self._psycopg.Error, TimeoutError) as error:
            # What an answer that comes later belongs to would not be known.
            self._disconnect()
            raise ConnectionError(
                f"the PostgreSQL server {self.place} does not answer: {self._reason(error)}"
            ) from None
        for result in results:
            if result.error_message and client.status != self._psycopg.pq.ConnStatus.OK:
                self._disconnect()
                raise ConnectionError(f"the PostgreSQL server {self.place} has closed the connection")
            if result.error_message:
                reason = self._reason(RuntimeError(result.error_message.decode(errors="replace")))
                raise UserError(f"the PostgreSQL server {self.place} refuses a lease: {reason}")
        if not results or not results[0].ntuples:
            return []
        return [(results[0].get_value(0, n) or b"").decode() for n in range(results[0].nfields)]

    def _next_result(self, client: Any, end: float) -> Any:
        while client.flush() or client.is_busy():
            wanted = select.POLLIN | (select.POLLOUT if client.flush() else 0)
            ready = _ready(client.socket, wanted, max(0.0, end - boottime()))
            if not ready:
                raise TimeoutError(f"nothing came for {self._limit:g} s")
            if ready & ~select.POLLOUT:
                client.consume_input()
        return client.get_result()

    def _acquire(self, owner: bytes) -> bool:
        # In JSON a slash may be written so, and a comment cannot end.
        self._comment = f"{_MARK}{json.dumps(json.loads(owner)).replace('/', chr(92) + '/')} */ "
        row = self._ask(f"{self._comment}SELECT pg_try_advisory_lock($1::bigint)", self._number)
        if row != ["t"]:
            return False
        if not self._is_there():
            self._unlock()
            return False
        row = self._ask(f"{self._comment}SELECT txid_current()")
        if not row or not self._begin(int(row[0]), boottime()):
            self._unlock()
            return False
        return True

    def _is_there(self) -> bool:
        row = self._ask(self._comment + _CHECK, self._number)
        connection = self._connection
        return connection is not None and row == [str(connection.info.backend_pid), "t"]

    def _until(self, began: float) -> float | None:
        self._checked = began
        return None if self._heartbeat else began + self._period

    def _renew(self) -> bool:
        connection = self._connection
        if connection is None or connection.closed or connection.broken:
            return False
        try:
            return self._is_there()
        except ConnectionError:
            # It was closed, and took the lock along.
            return False

    def _release(self) -> bool:
        was_held = self._end()
        return self._unlock() and was_held

    def _unlock(self) -> bool:
        connection = self._connection
        if connection is None or connection.closed or connection.broken:
            return False
        try:
            row = self._ask("SELECT pg_advisory_unlock($1::bigint)", self._number)
        except (ConnectionError, UserError):
            # The lock ends with the connection.
            self._disconnect()
            return False
        return row == ["t"]

    def _owner(self) -> bytes | None:
        row = self._ask(_HOLDER, self._number)
        text = str(row[0]) if row else ""
        if not text.startswith(_MARK):
            return None
        return text[len(_MARK) :].partition(" */")[0].encode()

    def _sleep(self, stop: threading.Event, seconds: float) -> bool:
        """Ends early when the server closes the connection."""
        end = boottime() + seconds
        while (left := end - boottime()) > 0:
            if stop.wait(min(left, 0.05)):
                return True
            connection = self._connection
            if connection is None or connection.closed:
                return False
            with contextlib.suppress(self._psycopg.Error, OSError, ValueError):
                # Nothing is sent without being asked for but the news of its end.
                if not self._questions.locked() and _ready(connection.fileno(), select.POLLIN, 0):
                    return False
        return False


def _ready(descriptor: int, wanted: int, seconds: float) -> int:
    """What a descriptor is ready for within that time; 0 if nothing. Whatever its number is."""
    poll = select.poll()
    poll.register(descriptor, wanted)
    found = poll.poll(seconds * 1000)
    return found[0][1] if found else 0


def _import_psycopg() -> Any:
    try:
        import psycopg
        import psycopg.conninfo
    except ImportError:
        raise UserError(
            "a lease in PostgreSQL needs psycopg 3, which is not installed (it comes with an extra: "
            "pip install 'jug-rs[lease-postgres]')"
        ) from None
    return psycopg
