"""How long calls take, and how many of them go together."""

from __future__ import annotations

__all__ = ["Durations"]

#: What a call costs at least that does nothing, in seconds: it is unpickled, and its result is pickled.
_LEAST = 20e-6

#: What part of the mean the latest calls of a name are.
_SHARE = 0.5


class Durations:
    """The mean durations of calls, by name."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}
        self._latest: float | None = None
        self._latest_size = 0.0

    def learn(self, name: str, seconds: float, calls: int, size: int = 0) -> None:
        """So many calls of a name took so long altogether, and returned so many bytes."""
        mean = max(_LEAST, seconds / calls)
        before = self._means.get(name)
        # The first call of a process takes longer than the others: it loads what all of them need.
        self._means[name] = mean if before is None else min(2 * before, before + (mean - before) * _SHARE)
        self._latest = self._means[name]
        self._latest_size = size / calls

    def mean(self, name: str) -> float | None:
        """That of a name, in seconds; None if none has ended."""
        return self._means.get(name)

    def per_chunk(self, seconds: float, most: int, size: int) -> int:
        """How many calls like the latest ones take so long; 1 if nothing is known.

        At most `most`, and no more than return so many bytes.
        """
        if self._latest is None:
            return 1
        return max(1, min(most, int(seconds / self._latest), int(size / max(1.0, self._latest_size))))
