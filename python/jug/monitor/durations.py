"""How long the finished tasks of a computation took."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import compress
from operator import gt

from ..engine.task_state import TaskState

__all__ = ["Durations"]

#: How many of the latest runs of a name make its mean.
_RUNS = 100

_IS_COMPLETE = bytes(letter == ord(TaskState.COMPLETE) for letter in range(256))


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
