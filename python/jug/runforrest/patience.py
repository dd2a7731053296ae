"""When to look whether tasks that others have are done: there is no way to be woken up by that everywhere."""

from __future__ import annotations

import time

__all__ = ["Patience"]

#: Seconds from the first look to the next, and at most.
_FIRST, _LAST = 0.05, 0.5

#: What a look costs for each task, many times over: however many there are, little time goes into looks.
_EACH = 1e-3

#: After how many seconds the script says what it waits for.
_LONG = 1.0


class Patience:
    """Waits for others.

    Attributes
    ----------
    is_over : bool
        Whether nothing is waited for any more.
    """

    def __init__(self) -> None:
        self.is_over = False
        self._pause = _FIRST
        self._next = 0.0
        self._began: float | None = None
        self._has_said = False

    def due_in(self) -> float:
        """In how many seconds to look."""
        return max(0.0, self._next - time.monotonic())

    def is_time(self, count: int) -> bool:
        """Whether to look now for so many tasks. The pauses between looks grow."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + max(self._pause, count * _EACH)
        self._pause = min(2 * self._pause, _LAST)
        return True

    def is_long(self) -> bool:
        """Whether there has been nothing else to do for so long that it is to be said, once."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        if self._has_said or now - self._began < _LONG:
            return False
        self._has_said = True
        return True
