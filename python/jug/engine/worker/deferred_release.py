"""Claims on tasks that finished: given back many at a time, because nobody waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

__all__ = ["DeferredRelease"]

#: How many are kept before they are given back together, and for how many seconds: should such a task be
#: invalidated, nobody else can run it meanwhile. Beside a long task, the store gives them back.
_MOST = 256
_SECONDS = 0.02


class DeferredRelease:
    """The claims that a worker still has on tasks that finished.

    Parameters
    ----------
    release : callable
        Gives the claims on these nodes back. Before that, it writes the records of what was stored.
    """

    def __init__(self, release: Callable[[Sequence[int]], object]) -> None:
        self._release = release
        self._kept: list[int] = []
        self._released = time.monotonic()

    def add(self, finished: Iterable[int], open_claims: Sequence[int]) -> None:
        """Keeps the claims on what finished for a while, and gives those on anything else back at once."""
        self._kept.extend(finished)
        now = time.monotonic()
        if open_claims or len(self._kept) >= _MOST or now - self._released > _SECONDS:
            self._released = now
            self._release([*open_claims, *self._kept])
            self._kept.clear()

    def give_back(self) -> None:
        """Gives all of them back."""
        self._release(self._kept)
        self._kept.clear()
