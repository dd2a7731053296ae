"""Short names of tasks, for users to type."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import takewhile

__all__ = ["FEWEST_DIGITS", "ShortIds"]

#: How many hexadecimal digits of its key a task is shown with at least.
FEWEST_DIGITS = 8


class ShortIds:
    """Beginnings of keys, each long enough to be that of one key only.

    Parameters
    ----------
    keys : iterable of bytes
        All keys that a user may mean, now or later.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._digits = sorted({key.hex() for key in keys})

    def id_of(self, key: bytes) -> str:
        """The beginning of a key that no other one has."""
        digits = key.hex()
        place = bisect_left(self._digits, digits)
        neighbours = (*self._digits[max(place - 1, 0) : place], *self._digits[place + 1 : place + 2])
        shared = max((_nr_shared(digits, other) for other in neighbours), default=0)
        return digits[: max(shared + 1, FEWEST_DIGITS)]

    def beginning_with(self, text: str) -> list[bytes]:
        """The keys that begin with these digits; none where `text` is empty or has anything else in it."""
        wanted = text.lower()
        place = bisect_left(self._digits, wanted)
        found = []
        while wanted and place < len(self._digits) and self._digits[place].startswith(wanted):
            found.append(bytes.fromhex(self._digits[place]))
            place += 1
        return found


def _nr_shared(one: str, other: str) -> int:
    """How many digits two keys begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=True)))
