"""What a store keeps of results that were removed because of changed code: what was made of them is old.

A task that needs such a result may not be known when that is removed: it is made behind a barrier. So it is
found by what was noted, in whatever process and however long afterwards its jugfile gets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .. import _native

__all__ = ["Removals", "notes_of_removal", "removals_in"]

#: In front of notes that are made before results are removed, and after that.
_REMOVED = b"made again\0"
_SETTLED = b"settled\0"

_KEY = 32
#: A store takes notes of up to 64 KiB.
_MOST_KEYS = 2000


class Removals(NamedTuple):
    """The numbers of removals; a later one has a higher number.

    Attributes
    ----------
    removed : dict of bytes to int
        By key, the last removal of a result that others were made of.
    settled : dict of bytes to int
        By key, up to which removal the result of the key is as new as those that it was made of.
    """

    removed: dict[bytes, int]
    settled: dict[bytes, int]

    @property
    def next_number(self) -> int:
        """That of the next removal."""
        return 1 + max((*self.removed.values(), *self.settled.values()), default=0)


def removals_in(notes: Mapping[bytes, bytes]) -> Removals:
    """All that was removed because of changed code."""
    found = Removals({}, {})
    for note in notes.values():
        for kind, numbers in ((_REMOVED, found.removed), (_SETTLED, found.settled)):
            if note.startswith(kind):
                number, keys = _parts(kind, note)
                for key in keys:
                    numbers[key] = max(number, numbers.get(key, 0))
    return found


def notes_of_removal(
    keys: Iterable[bytes], number: int, *, is_settled: bool = False
) -> Iterator[tuple[bytes, bytes]]:
    """What is to be kept, by key: before results are removed, or what their new results are as new as."""
    kind = _SETTLED if is_settled else _REMOVED
    ordered = sorted(keys)
    for start in range(0, len(ordered), _MOST_KEYS):
        note = kind + number.to_bytes(8, "little") + b"".join(ordered[start : start + _MOST_KEYS])
        yield _native.key(("removed for code", note)), note


def _parts(kind: bytes, note: bytes) -> tuple[int, Iterator[bytes]]:
    first = len(kind) + 8
    number = int.from_bytes(note[len(kind) : first], "little")
    return number, (note[at : at + _KEY] for at in range(first, len(note) - _KEY + 1, _KEY))
