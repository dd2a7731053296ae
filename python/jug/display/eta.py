"""How long a computation will take still, from how long its finished tasks took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple, Protocol

__all__ = ["Means", "TimeLeft", "time_left"]


class TimeLeft(NamedTuple):
    """An estimate, and what it is worth."""

    #: None: not known.
    seconds: float | None
    #: Whether there is more to come than could be counted.
    at_least: bool = False
    #: Why it is not known, in a few words.
    why: str = ""


class Means(Protocol):
    """Knows how long tasks take."""

    def mean(self, name: str) -> float | None:
        """The mean duration of a task of this name, in seconds; None if none is known."""


def time_left(
    remaining: Mapping[str, int],
    durations: Means,
    workers: int | None,
    spent: Mapping[str, float] | None = None,
    more_to_come: bool = False,
) -> TimeLeft:
    """Estimates when tasks will be done.

    Parameters
    ----------
    remaining : mapping of str to int
        How many tasks of each name are left that can be done.
    durations : Means
        How long tasks took that are finished.
    workers : int or None
        How many work on them; None if the store does not know.
    spent : mapping of str to float, optional
        For how long tasks that run now have been running, in sum for each name.
    more_to_come : bool, default False
        Whether there will be more tasks than these.
    """
    left = {name: number for name, number in remaining.items() if number > 0}
    if not left:
        return TimeLeft(0.0, more_to_come)
    if workers is None:
        return TimeLeft(None, why="this kind of store does not tell who works")
    if workers == 0:
        return TimeLeft(None, why="no worker runs")
    total, known = 0.0, 0
    for name, number in left.items():
        mean = durations.mean(name)
        if mean is not None:
            known += number
            total += max(0.0, number * mean - min((spent or Counter()).get(name, 0.0), number * mean))
    if not known:
        return TimeLeft(None, why="no task of the kinds that are left has finished yet")
    # More workers than tasks are of no use.
    shared = min(workers, sum(left.values()))
    return TimeLeft(total / shared, more_to_come or known < sum(left.values()))
