"""Tasks that failed and are tried again: how often each was run, and when it may run the next time."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

from ...internal.limits import limits_of

if TYPE_CHECKING:
    from ...internal.types import FailureReport

__all__ = ["Retries", "pause_after"]

#: The longest pause before a task is tried again, in seconds.
_LONGEST = 300.0


def pause_after(attempt: int) -> float:
    """For how many seconds nobody runs a task again that failed for the time `attempt`, counted from 1."""
    return min(2.0 ** min(attempt - 1, 16), _LONGEST)


class Retries:
    """Counts how often tasks were run that failed, and holds back those that are to be run again.

    Parameters
    ----------
    option : int, optional
        How often a task is tried again whose function does not say it (``--retries``). None: no task is,
        whatever its function says.
    reports : mapping
        The reports of the tasks that failed.
    clock : callable, optional
        Seconds that only grow. What another process says of times is never asked for.
    """

    def __init__(
        self,
        option: int | None,
        reports: Mapping[bytes, FailureReport],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._option = option
        self._clock = clock
        #: How often each task was run that failed, in all workers, since it had a result or was forgotten.
        self.runs: dict[bytes, int] = {}
        #: When each node may run again; and the same in the order of time, with what was withdrawn since.
        self._due: dict[int, float] = {}
        self._queue: list[tuple[float, int]] = []
        self.learn(reports)

    # --- how often ---

    def learn(self, reports: Mapping[bytes, FailureReport]) -> None:
        """Takes note of what is known of tasks that failed, here or elsewhere."""
        self.runs.update((key, int(report.get("attempt", 1))) for key, report in reports.items())

    def forget(self, keys: Collection[bytes]) -> None:
        """These have neither a result nor a failure any more."""
        for key in keys if self.runs else ():
            self.runs.pop(key, None)

    def attempts(self, key: bytes) -> int:
        """How often a task was run that failed."""
        return self.runs.get(key, 0)

    def next_attempt(self, key: bytes) -> int:
        """The number of the next run of a task, from 1."""
        return self.runs.get(key, 0) + 1 if self.runs else 1

    def failed(self, key: bytes, attempt: int) -> None:
        """This run of a task failed."""
        self.runs[key] = attempt

    def limit(self, f: Callable[..., Any]) -> int | None:
        """How often a task of this function is tried again; None where nobody said anything of that."""
        if self._option is None:
            return None
        declared = limits_of(f).retries
        return (self._option or None) if declared is None else declared

    def is_again(self, f: Callable[..., Any], attempt: int) -> bool | None:
        """Whether a task of this function is tried again after so many runs; None as for :meth:`limit`."""
        limit = self.limit(f)
        return None if limit is None else attempt <= limit

    # --- when ---

    def hold(self, node: int, seconds: float) -> None:
        """Nobody here runs this one for so long, from now on."""
        due = self._due[node] = self._clock() + seconds
        heappush(self._queue, (due, node))

    def release(self, nodes: Iterable[int]) -> Sequence[int]:
        """Those of these nodes that were held back: they are not any more."""
        return [node for node in nodes if self._due.pop(node, None) is not None] if self._due else ()

    def take_due(self) -> Sequence[int]:
        """The nodes that may run again by now; they are not held back any more."""
        found = []
        while self.seconds_left() == 0.0:
            _, node = heappop(self._queue)
            del self._due[node]
            found.append(node)
        return found

    def held(self) -> Collection[int]:
        """The nodes that are held back."""
        return self._due.keys()

    def seconds_left(self) -> float | None:
        """How long it takes until the first of them may run again; None if there is none."""
        while self._queue and self._due.get(self._queue[0][1]) != self._queue[0][0]:
            heappop(self._queue)
        return max(0.0, self._queue[0][0] - self._clock()) if self._queue else None
