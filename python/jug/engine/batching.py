"""How many tasks a worker claims at a time."""

from __future__ import annotations

__all__ = ["BatchSize"]

#: Seconds of work that are claimed ahead. Long enough to make the cost of a refresh vanish, short enough that
#: other workers do not wait for what stands in this worker's batch.
_AHEAD = 0.2


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

    def next(self, ready: int) -> int:
        """How many to claim when `ready` tasks could run: never all of them, so that others find some too."""
        return max(1, min(self._size, ready // 4))

    def ran(self, tasks: int, seconds: float) -> None:
        """Takes note that a batch of `tasks` took `seconds`."""
        if tasks == 0:
            return
        latest = seconds / tasks
        self._mean = latest if self._mean == 0.0 else (self._mean + latest) / 2
        affordable = int(_AHEAD / self._mean) if self._mean > 0 else self._largest
        self._size = max(1, min(4 * self._size, affordable, self._largest))
