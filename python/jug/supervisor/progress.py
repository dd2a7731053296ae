"""How far the workers of a supervisor are, for its display."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ..display.eta import TimeLeft, time_left
from ..display.progress import Progress, TaskProgress, WorkerProgress, all_of
from ..display.rates import Rates

if TYPE_CHECKING:
    Counts = list[tuple[str, int, int, int, int, float]]
    Running = list[tuple[int, int, tuple[bytes, str, int, float] | None]]

__all__ = ["ProgressOfWorkers"]

#: Seconds from one look at memory to the next, at least, and how many times longer than a look took: it is
#: one at all processes of the system.
_MEMORY_PERIOD, _MEMORY_SHARE = 1.0, 100

#: After how many seconds the time that has passed is news.
_TICK = 1.0


class _Means:
    """How long tasks of each name took that workers executed."""

    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def learn(self, name: str, executed: int, seconds: float) -> None:
        # The worker writes both while they are read, the time of a task a moment after the task itself.
        if executed and seconds:
            self._means[name] = seconds / executed

    def mean(self, name: str) -> float | None:
        """In seconds; None if it is not known."""
        return self._means.get(name)


class _Watched(Protocol):
    """What has workers: a `_native.Supervisor`, or what says the same of other processes."""

    def counts(self) -> Counts: ...

    def running(self) -> Running: ...

    def has_more(self) -> bool: ...

    def resident(self) -> list[tuple[int, int]]: ...


class ProgressOfWorkers:
    """Looks at the workers of a supervisor.

    Parameters
    ----------
    supervisor : _native.Supervisor or alike
    loaded : str
        What workers load before they begin.
    """

    def __init__(self, supervisor: _Watched, loaded: str = "the jugfile") -> None:
        self._supervisor = supervisor
        self._loaded = loaded
        self._rates = Rates(time.monotonic())
        self._means = _Means()
        self._memory: dict[int, int] = {}
        self._next_memory = 0.0
        #: What was seen when it was looked last, when that was, and what was said of it.
        self._seen: object = None
        self._seen_at = 0.0
        self._progress: Progress | None = None

    def look(self) -> Progress:
        """How far they are; for a second the same as before, if only time has passed."""
        counts = sorted(self._supervisor.counts())
        running = self._supervisor.running()
        seen = (counts, [(number, pid, run and run[0]) for number, pid, run in running])
        now = time.monotonic()
        if self._progress is None or seen != self._seen or now - self._seen_at >= _TICK:
            self._seen, self._seen_at = seen, now
            self._progress = self._look(counts, running)
        return self._progress

    def _look(self, counts: Counts, running: Running) -> Progress:
        self._rates.look({name: executed for name, _, _, executed, _, _ in counts}, self._seen_at)
        runs: Counter[str] = Counter()
        spent: Counter[str] = Counter()
        full_names = [name for name, *_ in counts]
        for _, _, run in running:
            if run is not None:
                name = _full(run[1], full_names)
                runs[name] += 1
                spent[name] += run[3]  # type: ignore[assignment]  # seconds
        for name, _, _, executed, _, seconds in counts:
            self._means.learn(name, executed, seconds)
        remaining = {name: max(0, total - done - failed) for name, total, done, _, failed, _ in counts}
        has_more = self._supervisor.has_more()

        def left(names: Mapping[str, int]) -> TimeLeft:
            return time_left(names, self._means, len(running), spent, has_more)

        names = []
        for name, total, done, _, failed, _ in counts:
            # Of a name that only an earlier load had there are none now.
            if total:
                # Of what others store at the same time, a worker may take note twice.
                done = min(done, total)
                rate = self._rates.rate(name)
                its_left = left({name: remaining[name]})
                names.append(TaskProgress(name, done, total, runs[name], failed, rate, its_left))
        note = "" if names else f"the workers load {self._loaded}"
        return Progress(names, all_of(names, left(remaining)), self._workers(running), note)

    def _workers(self, running: Running) -> list[WorkerProgress]:
        memory = self._memory_now()
        return [
            WorkerProgress(str(number), run[1] if run else "", run[3] if run else 0.0, memory.get(number))
            for number, _, run in running
        ]

    def _memory_now(self) -> dict[int, int]:
        began = time.monotonic()
        if began >= self._next_memory:
            self._memory = dict(self._supervisor.resident())
            now = time.monotonic()
            self._next_memory = now + max(_MEMORY_PERIOD, _MEMORY_SHARE * (now - began))
        return self._memory


def _full(name: str, names: list[str]) -> str:
    """The name of which this is the beginning: a worker says no more of a long one."""
    return name if name in names else next((it for it in names if it.startswith(name)), name)
