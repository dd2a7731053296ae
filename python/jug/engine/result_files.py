"""Which results have files in them, a `jug.File` each, and whether those are still what they were."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .. import _native
from ..internal import file_uses
from ..internal.file_digests import Unusable, digest_of

if TYPE_CHECKING:
    from .session.base import StoreSession

__all__ = ["Outdated", "ResultFiles"]

#: In front of notes of the files in a result, of results that replaced one with other files, and of what
#: was removed for that: it is not removed for that once more, whatever the clocks of hosts say.
_KIND = b"files\0"
_REPLACED = b"replaced\0"
_SETTLED = b"settled for\0"

#: The lengths of a key, and of the number of a note.
_KEY = 32
_NUMBER = 8

#: A store takes notes of up to 64 KiB.
_MOST_KEYS = 2000


class _Note(NamedTuple):
    """What is noted of a result with files."""

    #: That of the last result of a task has the highest number.
    number: int
    #: The digest of the value, and a digest and a path for each file; empty if there are no files.
    text: bytes

    @property
    def value(self) -> bytes:
        return self.text.partition(b"\0")[0]

    @property
    def files(self) -> Iterator[tuple[str, str]]:
        """The digests and the paths."""
        for line in self.text.split(b"\0")[1:]:
            digest, _, path = line.decode("utf-8", "surrogateescape").partition(" ")
            yield digest, path


_NOTHING = _Note(0, b"")


class Outdated(NamedTuple):
    """A result of which a file is not what it was, as far as can be known here."""

    node: int
    #: "the file /work/out is not there"
    what: str
    #: Whether the file only cannot be looked at here and now: then the result stays.
    is_out_of_reach: bool
    #: What replaced a result that this one was made of; None if a file in this one is not what it was.
    replaced: Replaced | None = None


class Replaced(NamedTuple):
    """A result that was stored in place of an earlier one with other files, or another value beside them."""

    key: bytes
    #: When, in microseconds since 1970: what was made before was made of the earlier one.
    date: int


class ResultFiles:
    """What a store notes of the files in results: paths and digests, beside each such result.

    Parameters
    ----------
    session : StoreSession
        One that keeps no notes knows of no files.
    """

    def __init__(self, session: StoreSession) -> None:
        self._session = session
        #: The last note of each key. Notes stay for ever.
        self._notes: dict[bytes, _Note] = {}
        #: When the result of a key was last replaced by one with other files.
        self._replaced: dict[bytes, int] = {}
        #: What was removed for that.
        self._settled: set[tuple[Replaced, bytes]] = set()
        self.refresh()

    def refresh(self) -> None:
        """Learns what was noted until the session was refreshed."""
        for note in self._session.notes().values():
            if note.startswith(_KIND):
                key, number, text = _parts(_KIND, note)
                self._notes[key] = max(_Note(number, text), self._notes.get(key, _NOTHING))
            elif note.startswith(_REPLACED):
                key, date, _ = _parts(_REPLACED, note)
                self._replaced[key] = max(date, self._replaced.get(key, 0))
            elif note.startswith(_SETTLED):
                key, date, keys = _parts(_SETTLED, note)
                what = Replaced(key, date)
                self._settled.update((what, keys[at : at + _KEY]) for at in range(0, len(keys), _KEY))

    @classmethod
    def of(cls, session: StoreSession) -> ResultFiles | None:
        """That of a store; None if nothing here knows what such a file is, and none is noted."""
        files = cls(session)
        return files if file_uses.are_tracked() or files._notes else None

    def had(self, key: bytes) -> bool:
        """Whether the last result of a task had files, as far as that is noted."""
        return bool(self._notes.get(key, _NOTHING).text)

    def differs(self, key: bytes, value: object) -> bool:
        """Whether the last result of a task is not the same as this one."""
        return self._notes.get(key, _NOTHING).value != file_uses.value_digest(value).encode()

    def stored(self, key: bytes, value: object, files: Sequence[file_uses.UsedFile]) -> None:
        """Notes which files are in a result that was just stored."""
        before = self._notes.get(key, _NOTHING)
        text = _text(value, files) if files else b""
        if text != before.text:
            note = self._notes[key] = _Note(before.number + 1, text)
            self._note(_KIND, key, note.number, text)

    def replaced(self, key: bytes) -> None:
        """Notes that a result is about to be stored which `differs` from the last one."""
        date = self._replaced[key] = max(time.time_ns() // 1000, self._replaced.get(key, 0) + 1)
        self._note(_REPLACED, key, date)

    def settle(self, removed: Mapping[Replaced, Sequence[bytes]]) -> None:
        """Notes which results were removed because they were made of what was replaced."""
        for what, keys in removed.items():
            for start in range(0, len(keys), _MOST_KEYS):
                self._note(_SETTLED, what.key, what.date, b"".join(keys[start : start + _MOST_KEYS]))

    def _note(self, kind: bytes, key: bytes, number: int, text: bytes = b"") -> None:
        note = kind + key + number.to_bytes(_NUMBER) + text
        self._session.note(_native.key(("files of a result", note)), note)

    def outdated(self, graph: _native.Graph, present: Sequence[bool] | None = None) -> Iterator[Outdated]:
        """The results with a file that is gone, changed or out of reach, and those made of other files."""
        keys = [key for key, note in self._notes.items() if note.text]
        found = zip(graph.find(keys), keys, strict=True)
        nodes = sorted((node, key) for node, key in found if node is not None)
        for (node, key), is_there in zip(
            nodes, self._are_there([it for it, _ in nodes], graph, present), strict=True
        ):
            problem = self._problem(key) if is_there else None
            if problem is not None:
                yield Outdated(node, *problem)
        yield from self._made_of_others(graph, present)

    def _are_there(
        self, nodes: Sequence[int], graph: _native.Graph, present: Sequence[bool] | None
    ) -> Iterable[bool]:
        if present is not None:
            return [present[node] for node in nodes]
        # Nobody is asked about nothing.
        return self._session.present(graph.keys().of(nodes)) if nodes else ()

    def _made_of_others(self, graph: _native.Graph, present: Sequence[bool] | None) -> Iterator[Outdated]:
        """The results that were made of results which were replaced by others since.

        Who replaces a result removes what was made of the earlier one, as far as it knows of that. What is
        behind a barrier, in a compound task or in another jugfile is found here.
        """
        replaced = [Replaced(*it) for it in self._replaced.items()]
        found = zip(graph.find([it.key for it in replaced]), replaced, strict=True)
        names = graph.names()
        reached: dict[int, tuple[Replaced, int]] = {}
        # A result that is newer than the latest replacement is newer than all.
        for node, what in sorted(
            ((node, what) for node, what in found if node is not None),
            key=lambda it: it[1].date,
            reverse=True,
        ):
            waiting = [node]
            while waiting:
                for dependent in graph.dependents(waiting.pop()):
                    if dependent not in reached:
                        reached[dependent] = what, node
                        waiting.append(dependent)
        keys = graph.keys()
        nodes = sorted(reached)
        for node, is_there in zip(nodes, self._are_there(nodes, graph, present), strict=True):
            what, origin = reached[node]
            if is_there and (what, keys[node]) not in self._settled:
                facts = self._session.facts(keys[node])
                if facts is None or facts["started"] * 1_000_000 < what.date:
                    why = f"it was made of files of task {names[origin]} that are others now"
                    yield Outdated(node, why, False, what)

    def lost(self, key: bytes) -> str:
        """What became of a file of a result that was removed; empty if all are as they were, or not known."""
        found = self._problem(key)
        return "" if found is None else found[0]

    def _problem(self, key: bytes) -> tuple[str, bool] | None:
        for digest, path in self._notes.get(key, _NOTHING).files:
            try:
                if digest_of(path) != digest:
                    return f"the file {path} has changed since the result was stored", False
            except Unusable as why:
                return f"the file {path} {why}", why.is_out_of_reach
        return None


def _parts(kind: bytes, note: bytes) -> tuple[bytes, int, bytes]:
    """The key, the number or date, and the rest of a note."""
    rest = note[len(kind) :]
    return rest[:_KEY], int.from_bytes(rest[_KEY : _KEY + _NUMBER]), rest[_KEY + _NUMBER :]


def _text(value: object, files: Sequence[file_uses.UsedFile]) -> bytes:
    lines = [f"{it.digest} ".encode() + it._path.encode("utf-8", "surrogateescape") for it in files]
    return b"\0".join([file_uses.value_digest(value).encode(), *lines])
