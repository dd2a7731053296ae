"""How many tasks are finished in a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

__all__ = ["Rates"]

#: The seconds that a rate is the mean of, and those between two looks that are kept for it.
_WINDOW, _STEP = 30.0, 1.0

#: How many tasks must have been finished in that time; else it is the mean since the beginning.
_ENOUGH = 5


class Rates:
    """Knows how many tasks of each name were finished at which time, by a clock that goes forward.

    Parameters
    ----------
    since : float, optional
        When none was finished. Without it the first look at a name is its beginning.
    """

    def __init__(self, since: float | None = None) -> None:
        self._since = since
        self._first: dict[str, tuple[float, int]] = {}
        self._looks: deque[tuple[float, Mapping[str, int]]] = deque()
        self._now: tuple[float, Mapping[str, int]] = (0.0, {})

    def look(self, finished: Mapping[str, int], now: float) -> None:
        """Takes note of how many are finished by name."""
        self._now = (now, finished)
        for name in finished.keys() - self._first.keys():
            self._first[name] = (now, finished[name]) if self._since is None else (self._since, 0)
        if not self._looks or now - self._looks[-1][0] >= _STEP:
            self._looks.append(self._now)
        while now - self._looks[0][0] > _WINDOW:
            self._looks.popleft()

    def rate(self, name: str) -> float | None:
        """How many of a name are finished in a second; None: not known yet."""
        now, finished = self._now
        if name not in finished:
            return None
        first = self._first[name]
        then, before = next(((at, counts[name]) for at, counts in self._looks if name in counts), first)
        if then == now or finished[name] - before < _ENOUGH:
            then, before = first
        return max(0.0, (finished[name] - before) / (now - then)) if now - then >= _STEP else None
