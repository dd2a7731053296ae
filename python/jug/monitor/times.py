"""How long tasks took, by the facts stored with their results."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, compress
from typing import NamedTuple

from ..engine.task_state import TaskState
from .status import StatusCollector

__all__ = ["RunTimes", "Times", "times_of"]

_COMPLETE = ord(TaskState.COMPLETE)


class Times(NamedTuple):
    """How long runs took, in seconds; all 0 where there are none."""

    nr_runs: int = 0
    mean: float = 0.0
    median: float = 0.0
    #: Of 100 runs 95 took at most this.
    p95: float = 0.0
    longest: float = 0.0
    total: float = 0.0

    @classmethod
    def of(cls, durations: Iterable[float]) -> Times:
        """Those of single runs."""
        known = sorted(durations)
        if not known:
            return cls()
        number, total = len(known), sum(known)
        median = (known[(number - 1) // 2] + known[number // 2]) / 2
        # The smallest that at least 95 % do not exceed.
        p95 = known[-(-95 * number // 100) - 1]
        return cls(number, total / number, median, p95, known[-1], total)

    def as_json(self) -> dict[str, float]:
        """The numbers by the names under which programs get them."""
        names = ("count", "mean", "median", "p95", "longest", "total")
        return dict(zip(names, self, strict=True))


class RunTimes(NamedTuple):
    """How long the runs took that stored results come from."""

    by_name: dict[str, Times]
    total: Times
    #: How many results have no run, or none that the store knows.
    nr_unknown: int


def times_of(collector: StatusCollector, by_node: bytes) -> RunTimes:
    """Those of the tasks that are complete by `by_node`, the states that the collector saw.

    No value is loaded. Equal calls are one result and count once.
    """
    is_complete = [state == _COMPLETE for state in by_node]
    keys = list(compress(collector.graph.keys(), is_complete))
    found: dict[str, list[float]] = {}
    nr_unknown = 0
    durations = collector.session.durations(keys)
    for name, duration in zip(compress(collector.names, is_complete), durations, strict=True):
        if duration is None:
            nr_unknown += 1
        else:
            found.setdefault(name, []).append(duration)
    by_name = {name: Times.of(known) for name, known in found.items()}
    return RunTimes(by_name, Times.of(chain.from_iterable(found.values())), nr_unknown)
