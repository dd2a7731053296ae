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

#: The shortest and longest tasks, in seconds, of which so much is claimed at a time where each request to a
#: server counts, and how many of them: a batch costs some requests for each other worker, whatever is in it.
#: What stands behind a longer task is given back.
_SHORTEST = 0.05
_SHORT = 0.5
_SAVING = 32


class BatchSize:
    """Grows with tasks that are short, falls to one with tasks that are long.

    Parameters
    ----------
    largest : int
        What the store allows.
    counts_requests : bool, optional
        Whether a batch costs requests to a server. Default: False.
    """

    def __init__(self, largest: int, *, counts_requests: bool = False) -> None:
        self._largest = largest
        self._counts_requests = counts_requests
        self._size = 1
        self._mean = 0.0
        self._batches = 0
        self._refresh = 0.0

    def next(self, ready: int, workers: int = 1) -> int:
        """How many to claim when `ready` tasks could run, by so many workers.

        Never all of them, so that others find some too, unless they take less time than to share them.
        """
        small = self._fit_into(_SHARING * self._refresh) if self._mean > 0 else 1
        size = max(1, min(self._size, max(ready // 4, small), ready))
        brief = max(small, self._fit_into(_AHEAD))
        if size <= brief or not self._is_saving():
            return size
        return max(1, brief, min(size, ready // (2 * workers)))

    def ran(self, tasks: int, seconds: float, refresh: float = 0.0) -> None:
        """Takes note that a batch of `tasks` took `seconds` to run, after a refresh that took `refresh`."""
        if tasks == 0:
            return
        self._batches += 1
        latest = seconds / tasks
        # The first task of a process takes longer than the others: it loads what all of them need.
        self._mean = latest if self._batches <= 2 else (self._mean + latest) / 2
        self._refresh = refresh if self._batches <= 2 else (self._refresh + refresh) / 2
        affordable = self._fit_into(max(_AHEAD, min(_REFRESHES * self._refresh, _AHEAD_MOST)))
        if self._is_saving():
            affordable = max(affordable, min(_SAVING, self._fit_into(_AHEAD_MOST)))
        self._size = max(1, min(4 * self._size, affordable, self._largest))

    def _is_saving(self) -> bool:
        return self._counts_requests and _SHORTEST <= self._mean <= _SHORT

    def _fit_into(self, seconds: float) -> int:
        return int(seconds / self._mean) if self._mean > 0 else self._largest
