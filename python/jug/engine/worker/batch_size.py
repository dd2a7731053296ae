"""How many tasks a worker claims at a time."""

from __future__ import annotations

__all__ = ["BatchSize"]

#: Seconds of work that are claimed ahead. Long enough to make the cost of a refresh vanish, short enough that
#: other workers do not wait for what stands in this worker's batch.
_AHEAD = 0.2

#: How many refreshes another worker's claims cost it, about: work that takes less is not worth sharing.
_SHARING = 4

#: How many times as long as a refresh a batch should take where refreshes are slow, and for how long at most.
_REFRESHES = 20
_AHEAD_MOST = 2.0


class BatchSize:
    """Grows with tasks that are short, falls to one with tasks that are long.

    Parameters
    ----------
    largest : int
        What the store allows.
    """

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._size = 1
        self._mean = 0.0
        self._batches = 0
        self._refresh = 0.0

    def next(self, ready: int) -> int:
        """How many to claim when `ready` tasks could run.

        Never all of them, so that others find some too, unless they take less time than to share them.
        """
        small = int(_SHARING * self._refresh / self._mean) if self._mean > 0 else 1
        return max(1, min(self._size, max(ready // 4, small), ready))

    def ran(self, tasks: int, seconds: float, refresh: float = 0.0) -> None:
        """Takes note that a batch of `tasks` took `seconds` to run, after a refresh that took `refresh`."""
        if tasks == 0:
            return
        self._batches += 1
        latest = seconds / tasks
        # The first task of a process takes longer than the others: it loads what all of them need.
        self._mean = latest if self._batches <= 2 else (self._mean + latest) / 2
        self._refresh = refresh if self._batches <= 2 else (self._refresh + refresh) / 2
        ahead = max(_AHEAD, min(_REFRESHES * self._refresh, _AHEAD_MOST))
        affordable = int(ahead / self._mean) if self._mean > 0 else self._largest
        self._size = max(1, min(4 * self._size, affordable, self._largest))
