"""What a store keeps of code: which pieces a fingerprint is of, and the source of each piece, once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .. import _native
from .reached import Fingerprint
from .watched import digest_of

__all__ = [
    "Accepted",
    "accepted_in",
    "is_too_large",
    "kept_pieces",
    "kept_source",
    "note_of_acceptance",
    "notes_of",
]

_PIECES = b"pieces\0"
_SOURCE = b"source\0"
_ACCEPTED = b"accepted\0"

#: The name of a list of pieces of one module that several fingerprints share.
_LIST = "*"
#: How many pieces of a module are a list of their own, and at most.
_FEW = 8
_SHARED = 1000

#: A longer note is not read back: a store takes 64 KiB.
_LONGEST = 64 * 1024 - 16

#: What a store keeps beside results: bytes under keys that no task has.
Notes = Mapping[bytes, bytes]


class Accepted(NamedTuple):
    """Results of tasks of a name that were made by one code are as good as those of another one."""

    name: str
    made_by: str
    today: str


def notes_of(fingerprint: Fingerprint, noted: set[str] | None = None) -> Iterator[tuple[bytes, bytes]]:
    """What is to be kept of a fingerprint, by key; the same again for one that is kept.

    Parameters
    ----------
    fingerprint : Fingerprint
    noted : set of str, optional
        Digests of what was kept before and is left out; all that is returned is added. Default: nothing was.
    """
    noted = set() if noted is None else noted
    whole = fingerprint.digest
    if whole in noted:
        return
    noted.add(whole)
    by_module: dict[str, list[str]] = {}
    for name, piece in fingerprint.pieces.items():
        by_module.setdefault(name.partition(":")[0], []).append(f"{name} {piece.digest}")
    lines = []
    for pieces in by_module.values():
        if len(pieces) < _FEW:
            lines += pieces
            continue
        # Functions that reach much mostly reach the same.
        for start in range(0, len(pieces), _SHARED):
            text = "\n".join(pieces[start : start + _SHARED])
            digest = digest_of(text)
            lines.append(f"{_LIST} {digest}")
            if digest not in noted:
                noted.add(digest)
                yield from _readable(_key_of_list(digest), _PIECES + _compressed(text))
    lines += [f"! {line}" for line in fingerprint.unwatched]
    yield from _readable(_key_of_pieces(whole), _PIECES + _compressed("\n".join(lines)))
    for piece in fingerprint.pieces.values():
        if piece.source and piece.digest not in noted:
            noted.add(piece.digest)
            yield from _readable(_key_of_source(piece.digest), _SOURCE + _compressed(piece.source))


def is_too_large(source: str) -> bool:
    """Whether the source of a piece is more than a store can keep."""
    return len(source) > _LONGEST and len(_compressed(source)) > _LONGEST


def kept_pieces(notes: Notes, code: str) -> dict[str, str] | None:
    """The digests of the pieces of a fingerprint, by name; None if they are not kept."""
    kept = _text(notes, _key_of_pieces(code), _PIECES)
    if kept is None:
        return None
    pieces: dict[str, str] = {}
    for line in kept.splitlines():
        name, _, digest = line.rpartition(" ")
        if name == _LIST:
            shared = _text(notes, _key_of_list(digest), _PIECES)
            if shared is None:
                return None
            parts = (line.rpartition(" ") for line in shared.splitlines())
            pieces.update((name, digest) for name, _, digest in parts)
        elif not line.startswith("! "):
            pieces[name] = digest
    return pieces


def kept_source(notes: Notes, digest: str) -> str | None:
    """The source of a piece; None if it is not kept."""
    return _text(notes, _key_of_source(digest), _SOURCE)


def note_of_acceptance(accepted: Accepted) -> tuple[bytes, bytes]:
    """What is to be kept of that, and under which key."""
    text = "\n".join(accepted)
    return _native.key(("code accepted", text)), _ACCEPTED + text.encode()


def accepted_in(notes: Notes) -> set[Accepted]:
    """All that was accepted."""
    found = set()
    for note in notes.values():
        if note.startswith(_ACCEPTED):
            parts = note[len(_ACCEPTED) :].decode("utf-8", "replace").split("\n")
            if len(parts) == len(Accepted._fields):
                found.add(Accepted(*parts))
    return found


def _text(notes: Notes, key: bytes, kind: bytes) -> str | None:
    note = notes.get(key, b"")
    return zlib.decompress(note[len(kind) :]).decode() if note.startswith(kind) else None


def _compressed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "replace"), 9)


def _readable(key: bytes, note: bytes) -> Iterator[tuple[bytes, bytes]]:
    """A note, if it can be read back."""
    if len(note) <= _LONGEST:
        yield key, note


def _key_of_list(digest: str) -> bytes:
    return _native.key(("list of pieces of code", digest))


def _key_of_pieces(code: str) -> bytes:
    return _native.key(("pieces of code", code))


def _key_of_source(digest: str) -> bytes:
    return _native.key(("source of code", digest))
