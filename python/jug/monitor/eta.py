"""How long a computation will take still, from how long its finished tasks took."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import gt
from typing import NamedTuple

from ..engine.task_state import TaskState

__all__ = ["Durations", "TimeLeft", "time_left"]

#: How many of the latest runs of a name make its mean.
_RUNS = 100

_IS_COMPLETE = bytes(letter == ord(TaskState.COMPLETE) for letter in range(256))


class TimeLeft(NamedTuple):
    """An estimate, and what it is worth."""

    #: None: not known.
    seconds: float | None
    #: Whether there is more to come than could be counted.
    at_least: bool = False
    #: Why it is not known, in a few words.
    why: str = ""


class Durations:
    """The mean duration of the tasks of each name, of some of their latest runs."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[float]] = {}
        self._complete = b""

    def forget_nodes(self) -> None:
        """Says that nodes are renumbered; what is known of names stays."""
        self._complete = b""

    def learn(
        self,
        states: bytes,
        names: Sequence[str],
        keys: Sequence[bytes],
        ask: Callable[[Sequence[bytes]], Sequence[float | None]],
    ) -> None:
        """Asks for the durations of what has been completed since the last call, of some for each name.

        Parameters
        ----------
        states : bytes
            A letter a node.
        names, keys : sequence
            Of each node.
        ask : callable
            From keys to seconds.
        """
        now = states.translate(_IS_COMPLETE)
        before = self._complete or bytes(len(now))
        new: dict[str, list[int]] = {}
        if before != now:
            for node in compress(range(len(now)), map(gt, now, before)):
                new.setdefault(names[node], []).append(node)
        self._complete = now
        for name, nodes in new.items():
            # Spread over all of them: what was computed first may be special.
            sample = nodes[:: max(1, len(nodes) // _RUNS)][-_RUNS:]
            known = [seconds for seconds in ask([keys[node] for node in sample]) if seconds is not None]
            if known:
                self._runs.setdefault(name, deque(maxlen=_RUNS)).extend(known)

    def mean(self, name: str) -> float | None:
        """The mean duration of a task of this name, in seconds; None if none is known."""
        runs = self._runs.get(name)
        return sum(runs) / len(runs) if runs else None


def time_left(
    remaining: Mapping[str, int],
    durations: Durations,
    workers: int | None,
    spent: Mapping[str, float] | None = None,
    more_to_come: bool = False,
) -> TimeLeft:
    """Estimates when tasks will be done.

    Parameters
    ----------
    remaining : mapping of str to int
        How many tasks of each name are left that can be done.
    durations : Durations
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
