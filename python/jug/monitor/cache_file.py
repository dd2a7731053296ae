"""The file of `jug status --cache`: the tasks of a jugfile, and where they stood when they were last seen.

It saves the time to load the jugfile. A result that was seen stays a result until something is removed from
the store, so that only the other tasks are looked at again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .._native import __version__
from ..backends.capabilities import has_jugdir
from ..engine.failures.query import Stored, is_kept
from ..engine.session.base import StoreSession
from ..errors import UserError
from ..internal.files import open_regular

if TYPE_CHECKING:
    import sqlite3

    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["Row", "StatusCache", "changed_states", "clear", "create_tables", "stamp_of"]

#: Number, name, hash and state of a task, as in a row of the file.
Row = tuple[int, str, bytes, str]
#: For how many seconds to wait for a process that fills the file at the same time.
PATIENCE = 60.0

_MAGIC = b"SQLite format 3\0"
#: The "application id" of a database, at this place of the file, says which program it belongs to.
_OURS, _AT, _FORMAT = 0x6A756773, 68, 1
_CLEAR = "'jug status --cache --clear' (with the same --cache-file) removes it"


class CacheHeader(NamedTuple):
    """What a status cache was made from."""

    jugfile: str
    #: Whatever makes the jugfile create other tasks, as far as this can be seen from outside.
    source: str
    #: The jugdir that the jugfile chose itself; empty if it did not.
    chosen: str
    has_barrier: bool
    #: See `stamp_of`.
    stamp: str


class StatusCache:
    """An open cache file.

    Parameters
    ----------
    path : str
        The file; ``:memory:`` for none.

    Raises
    ------
    UserError
        If there is a file that no `jug status --cache` wrote, or it cannot be used.
    """

    def __init__(self, path: str) -> None:
        import sqlite3

        self.path = path
        if path != ":memory:":
            _refuse_others(path)
        with self._explained():
            # Waits for another process that fills the file at this moment.
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Says in one line what is wrong with the file."""
        import sqlite3

        try:
            yield
        except sqlite3.OperationalError as error:
            raise UserError(f"cannot use the status cache {self.path}: {error}") from None
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise UserError(f"the status cache {self.path} is damaged ({error}); {_CLEAR}") from None

    def about(self) -> CacheHeader | None:
        """What the file was made from; None if it is new."""
        with self._explained():
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                return None
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > _FORMAT:
                raise UserError(
                    f"the status cache {self.path} was written by a later version of jug; {_CLEAR}"
                )
            (text,) = self._db.execute("SELECT text FROM about").fetchone()
            return CacheHeader(**json.loads(text))

    def fill(self, about: CacheHeader, rows: Iterable[Row], needs: Iterable[tuple[int, int]]) -> None:
        """Writes the whole file at once."""
        with self._explained(), self._transaction():
            for table in ("ht", "dep", "about"):
                self._db.execute(f"DROP TABLE IF EXISTS {table}")
            create_tables(self._db, rows, needs)
            self._db.execute("CREATE TABLE about (text TEXT)")
            self._db.execute("INSERT INTO about VALUES (?)", (json.dumps(about._asdict()),))
            self._db.execute(f"PRAGMA application_id = {_OURS}")
            self._db.execute(f"PRAGMA user_version = {_FORMAT}")

    def update(self, about: CacheHeader, changed: Mapping[int, str]) -> None:
        """Writes down which tasks are in another state than before."""
        with self._explained(), self._transaction():
            states = ((state, row) for row, state in changed.items())
            self._db.executemany("UPDATE ht SET status = ? WHERE id = ?", states)
            self._db.execute("UPDATE about SET text = ?", (json.dumps(about._asdict()),))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.rollback()
            raise
        self._db.execute("COMMIT")

    def finished(self) -> dict[bytes, str]:
        """The keys of the tasks that had a result, and their names."""
        with self._explained():
            rows = self._db.execute("SELECT hash, name FROM ht WHERE status = 'finished' ORDER BY id")
            return {bytes.fromhex(digits.decode()): name for digits, name in rows}

    def nr_finished(self) -> dict[str, int]:
        """How many tasks of each name had a result."""
        with self._explained():
            query = "SELECT name, count(*) FROM ht WHERE status = 'finished' GROUP BY name"
            return dict(self._db.execute(query).fetchall())

    def unfinished(self) -> list[Row]:
        """The tasks that had no result."""
        with self._explained():
            return self._db.execute(
                "SELECT id, name, hash, status FROM ht WHERE status != 'finished' ORDER BY id"
            ).fetchall()

    def needs(self) -> dict[int, list[int]]:
        """Of the tasks without a result, those that they need and that had none either."""
        needs: dict[int, list[int]] = {}
        with self._explained():
            unfinished = "(SELECT id FROM ht WHERE status != 'finished')"
            query = f"SELECT source, target FROM dep WHERE source IN {unfinished} AND target IN {unfinished}"
            for source, target in self._db.execute(query):
                needs.setdefault(source, []).append(target)
        return needs

    def close(self) -> None:
        """Lets go of the file."""
        self._db.close()


def create_tables(
    connection: sqlite3.Connection, rows: Iterable[Row], needs: Iterable[tuple[int, int]]
) -> None:
    """Creates and fills the tables `ht` (tasks) and `dep` (which needs which), as jug 2.7 names them."""
    connection.execute(
        "CREATE TABLE ht (id INTEGER PRIMARY KEY, name CHAR(128), hash CHAR(128), status CHAR(32))"
    )
    connection.execute("CREATE TABLE dep (source INT, target INT)")
    connection.executemany("INSERT INTO ht VALUES (?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO dep VALUES (?, ?)", needs)


def changed_states(
    session: StoreSession, failures: Stored, rows: Iterable[Row], needs: Mapping[int, Iterable[int]]
) -> dict[int, str]:
    """Looks at tasks that had no result; the state of each now, by number.

    Parameters
    ----------
    session : StoreSession
        Asked after a refresh.
    failures : dict
        What it has of tasks that failed.
    rows : iterable of Row
        The tasks.
    needs : mapping of int to iterable of int
        What each of them needs, by number; what is not among the rows has a result.
    """
    rows = list(rows)
    keys = [bytes.fromhex(row[2].decode()) for row in rows]
    states = {
        row[0]: "finished" if found else "ready"
        for row, found in zip(rows, session.present(keys), strict=True)
    }
    failed = {key for key, report in failures.items() if is_kept(report)}
    ready: list[tuple[int, bytes]] = []
    for (number, *_), key in zip(rows, keys, strict=True):
        if states[number] == "finished":
            continue
        if key in failed:
            states[number] = "failed"
        elif all(states.get(needed, "finished") == "finished" for needed in needs.get(number, ())):
            ready.append((number, key))
        else:
            states[number] = "waiting"
    if ready and session.has_other_workers():
        running = set(session.running([key for _, key in ready]))
        states.update({number: "running" for number, key in ready if key in running})
    return states


def stamp_of(store: base_store) -> str:
    """A text that changes whenever results are removed from a store or lost; empty if that is not known."""
    if not has_jugdir(store):
        return ""
    try:
        with open(os.path.join(store.native.path, "FORMAT"), encoding="ascii", errors="replace") as file:
            format = file.read()
    except OSError:
        format = ""
    damage = store.native.damage()
    native = store.native
    return json.dumps(
        [native.path, format, native.epoch, native.removals, damage["records"], len(damage["files"])]
    )


def source_of(options: Options) -> str:
    """A digest of the jugfile, its arguments, and the version of this package."""
    import hashlib

    try:
        with open(options.jugfile, "rb") as file:
            digest = hashlib.blake2b(file.read(), digest_size=16).hexdigest()
    except OSError:
        digest = ""  # Loading it will say what is wrong.
    return json.dumps([digest, list(getattr(options, "user_args", ())), __version__])


def clear(path: str) -> None:
    """Removes a cache file, be it damaged or of jug 2.x. UserError if it is something else."""
    if _kind_of(path) == "foreign":
        raise _foreign(path)
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UserError(f"cannot remove the status cache {path}: {error.strerror}") from None


def _refuse_others(path: str) -> None:
    kind = _kind_of(path)
    if kind == "foreign":
        raise _foreign(path)
    if kind == "jug 2":
        raise UserError(f"{path} is a status cache of jug 2.x, which says nothing here; {_CLEAR}")


def _foreign(path: str) -> UserError:
    return UserError(f"{path} is not a status cache of jug; it was left untouched. Name another --cache-file")


def _kind_of(path: str) -> str:
    """What a file is: new, ours, jug 2 or foreign. Its first bytes tell, also where the rest is damaged."""
    if os.path.islink(path):
        # What is to be written into it would be somewhere else.
        raise UserError(f"the status cache {path} is a symbolic link, which is not followed")
    try:
        with open_regular(path) as file:
            head = file.read(4096)
    except FileNotFoundError:
        return "new"
    except OSError as error:
        raise UserError(f"cannot read the status cache {path}: {error.strerror}") from None
    if not head:
        return "new"
    if not head.startswith(_MAGIC):
        return "foreign"
    application = int.from_bytes(head[_AT : _AT + 4], "big")
    if application == _OURS:
        return "ours"
    is_of_jug_2 = application == 0 and b"CREATE TABLE ht" in head and b"CREATE TABLE dep" in head
    return "jug 2" if is_of_jug_2 else "foreign"
