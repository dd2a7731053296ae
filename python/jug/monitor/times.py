"""How long tasks took, by the facts stored with their results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from ..engine.session.base import StoreSession

__all__ = ["RunTimes", "Times", "times_of"]


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


def times_of(session: StoreSession, names: Iterable[str], keys: Sequence[bytes]) -> RunTimes:
    """Those of results, by the names of their tasks, and their keys, of which each is given once.

    No value is loaded.
    """
    found: dict[str, list[float]] = {}
    nr_unknown = 0
    for name, duration in zip(names, session.durations(keys), strict=True):
        if duration is None:
            nr_unknown += 1
        else:
            found.setdefault(name, []).append(duration)
    by_name = {name: Times.of(known) for name, known in found.items()}
    return RunTimes(by_name, Times.of(chain.from_iterable(found.values())), nr_unknown)
