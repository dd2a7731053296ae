"""Which results have files in them, a `jug.File` each, and whether those are still what they were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .. import _native
from ..internal import file_uses
from ..internal.file_digests import Unusable, digest_of

if TYPE_CHECKING:
    from .session.base import StoreSession

__all__ = ["Outdated", "ResultFiles"]

_KIND = b"files\0"

#: The lengths of a key, and of the number of a note.
_KEY = 32
_NUMBER = 8


class Outdated(NamedTuple):
    """A result of which a file is not what it was, as far as can be known here."""

    node: int
    #: "the file /work/out is not there"
    what: str
    #: Whether the file only cannot be looked at here and now: then the result stays.
    is_out_of_reach: bool


class ResultFiles:
    """What a store notes of the files in results: paths and digests, beside each such result.

    Parameters
    ----------
    session : StoreSession
        One that keeps no notes knows of no files.
    """

    def __init__(self, session: StoreSession) -> None:
        self._session = session
        #: The last note of each key: its number, and the files. Notes stay for ever.
        self._notes: dict[bytes, tuple[int, bytes]] = {}
        self.refresh()

    def refresh(self) -> None:
        """Learns what was noted until the session was refreshed."""
        for note in self._session.notes().values():
            if note.startswith(_KIND):
                key, rest = note[len(_KIND) :][:_KEY], note[len(_KIND) + _KEY :]
                known = (int.from_bytes(rest[:_NUMBER]), rest[_NUMBER:])
                self._notes[key] = max(known, self._notes.get(key, known))

    @classmethod
    def of(cls, session: StoreSession) -> ResultFiles | None:
        """That of a store; None if nothing here knows what such a file is."""
        return cls(session) if file_uses.are_tracked() else None

    def had(self, key: bytes) -> bool:
        """Whether the last result of a task had files, as far as that is noted."""
        return bool(self._notes.get(key, (0, b""))[1])

    def differ(self, key: bytes, files: Sequence[file_uses.UsedFile]) -> bool:
        """Whether the last result of a task had files, and not with the same content as these."""
        before = self._notes.get(key, (0, b""))[1]
        return bool(before) and _digests(before) != _digests(_text(files))

    def stored(self, key: bytes, files: Sequence[file_uses.UsedFile]) -> None:
        """Notes which files are in a result that was just stored."""
        number, before = self._notes.get(key, (0, b""))
        text = _text(files)
        if text != before:
            self._notes[key] = (number + 1, text)
            note = _KIND + key + (number + 1).to_bytes(_NUMBER) + text
            self._session.note(_native.key(("files of a result", note)), note)

    def outdated(self, graph: _native.Graph, present: Sequence[bool] | None = None) -> Iterator[Outdated]:
        """The results of tasks of which a file is gone, changed, or out of reach."""
        keys = [key for key, (_, text) in self._notes.items() if text]
        found = zip(graph.find(keys), keys, strict=True)
        nodes = sorted((node, key) for node, key in found if node is not None)
        if not nodes:
            return  # Nobody is asked about nothing.
        if present is None:
            there: Iterable[bool] = self._session.present([key for _, key in nodes])
        else:
            there = [present[node] for node, _ in nodes]
        for (node, key), is_there in zip(nodes, there, strict=True):
            problem = self._problem(key) if is_there else None
            if problem is not None:
                yield Outdated(node, *problem)

    def lost(self, key: bytes) -> str:
        """What became of a file of a result that was removed; empty if all are as they were, or not known."""
        found = self._problem(key)
        return "" if found is None else found[0]

    def _problem(self, key: bytes) -> tuple[str, bool] | None:
        for line in self._notes.get(key, (0, b""))[1].split(b"\0"):
            digest, _, path = line.decode("utf-8", "surrogateescape").partition(" ")
            if not path:
                continue
            try:
                if digest_of(path) != digest:
                    return f"the file {path} has changed since the result was stored", False
            except Unusable as why:
                return f"the file {path} {why}", why.is_out_of_reach
        return None


def _text(files: Sequence[file_uses.UsedFile]) -> bytes:
    return b"\0".join(f"{it.digest} ".encode() + it._path.encode("utf-8", "surrogateescape") for it in files)


def _digests(text: bytes) -> list[bytes]:
    return sorted(line.partition(b" ")[0] for line in text.split(b"\0"))
