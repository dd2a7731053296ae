"""How long calls take, and how many of them go together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

__all__ = ["Durations"]

#: What a call costs at least that does nothing, in seconds: it is unpickled, and its result is pickled.
_LEAST = 20e-6

#: What part of the mean the latest calls of a name are.
_SHARE = 0.5

_Item = TypeVar("_Item")


class Durations:
    """The mean durations of calls, by name."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}
        self._latest: float | None = None

    def learn(self, name: str, seconds: float, calls: int) -> None:
        """So many calls of a name took so long altogether."""
        mean = max(_LEAST, seconds / calls)
        before = self._means.get(name)
        # The first call of a process takes longer than the others: it loads what all of them need.
        self._means[name] = mean if before is None else min(2 * before, before + (mean - before) * _SHARE)
        self._latest = self._means[name]

    def mean(self, name: str) -> float | None:
        """That of a name, in seconds; None if none has ended."""
        return self._means.get(name)

    def per_chunk(self, seconds: float, most: int) -> int:
        """How many calls like the latest ones take so long, `most` at most; 1 if nothing is known."""
        return 1 if self._latest is None else max(1, min(most, int(seconds / self._latest)))

    def chunks(
        self, calls: Sequence[tuple[Any, _Item]], most: int, seconds: float, size: int
    ) -> Iterator[Sequence[tuple[Any, _Item]]]:
        """Divides calls into runs.

        Parameters
        ----------
        calls : sequence of tuple
            Each call with its packed form.
        most : int
            How many calls a run has at most.
        seconds : float
            How long a run is to take. A call of which nothing is known is one of its own.
        size : int
            How many bytes of arguments it is to have.
        """
        run: list[tuple[Any, _Item]] = []
        its_seconds, its_size = 0.0, 0
        for item, packed in calls:
            mean = self._means.get(item.call.name, seconds)
            bytes_of = len(getattr(packed, "arguments", b""))
            if run and (len(run) >= most or its_seconds + mean > seconds or its_size + bytes_of > size):
                yield run
                run, its_seconds, its_size = [], 0.0, 0
            run.append((item, packed))
            its_seconds += mean
            its_size += bytes_of
        if run:
            yield run
