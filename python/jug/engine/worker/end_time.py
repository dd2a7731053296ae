"""The end of a worker's time: which tasks would not be finished by then, and start no more."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING, NoReturn

from ... import _native
from ...errors import Leave, UserError
from ...internal import supervision
from ...internal.console import say
from ...internal.units import format_rough, format_seconds
from ...process import stop_signal

if TYPE_CHECKING:
    from ..session.base import StoreSession

__all__ = ["EndTime"]

#: How many seconds before the end a worker has to be done: results are written, and the process ends.
_MARGIN = 5.0

#: How many of the latest runs of a name are known, and which part of them is taken for the duration of the
#: next: by their mean, half of what is started at the end would be lost.
_RUNS = 100
_MOST = 0.95

#: For how many seconds nobody looks again for runs of others of a name that never ran here.
_LOOK_AGAIN = 5.0


class EndTime:
    """When a worker has to be done, or that it was asked to stop, over all loads of its jugfile.

    Parameters
    ----------
    at : float, optional
        The end, in seconds since 1970. Default: there is none.
    clock : callable, optional
        Gives the time of day. It is the one by which batch systems say when a job ends.
    """

    def __init__(self, at: float | None, clock: Callable[[], float] = time.time) -> None:
        self._until = math.inf if at is None else at - _MARGIN
        self._clock = clock
        #: The durations of the latest runs of each name, and the longest one ever known of it.
        self._runs: dict[str, deque[float]] = {}
        self._longest: dict[str, float] = {}
        #: When others' runs of a name were looked for.
        self._looked: dict[str, float] = {}
        #: Of the load that is worked on.
        self._keys: Sequence[bytes] = ()
        self._names: Sequence[str] = ()
        self._nodes: dict[str, list[int]] = {}
        self._session: StoreSession | None = None
        #: What was refused last, and how long it takes.
        self._refused: tuple[str, float] | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> EndTime | None:
        """That of this process, by its variables; None where they say nothing of it.

        JUG_END_TIME, or without it SLURM_JOB_END_TIME, is the end, in seconds since 1970. JUG_STOP_SIGNAL
        (USR1 or USR2) is the signal after which nothing more starts; from now on it means that.

        Raises
        ------
        UserError
            If one of them is no number, or no such signal.
        """
        at = _seconds(environ, "JUG_END_TIME")
        if at is None:
            at = _seconds(environ, "SLURM_JOB_END_TIME")
        stop = environ.get(stop_signal.VARIABLE, "")
        if stop:
            stop_signal.obey(stop_signal.named(stop))
        return None if at is None and not stop else cls(at)

    def begin(self, names: Sequence[str], keys: Sequence[bytes], session: StoreSession) -> None:
        """A load of the jugfile begins; what is known of names stays."""
        self._forget()
        self._keys, self._session = keys, session
        for node, name in enumerate(names):
            self._nodes.setdefault(name, []).append(node)
        self._names = names
        self._looked.clear()
        self._refused = None

    def end(self) -> None:
        """That load has ended: nothing of it is kept."""
        self._forget()

    def _forget(self) -> None:
        self._keys = ()
        self._names = ()
        self._nodes = {}
        self._session = None

    def allows(self, node: int) -> bool:
        """Whether this task may start now. One whose duration nobody knows may, until the time is up."""
        if stop_signal.is_to_stop():
            return False
        if self._until == math.inf:
            return True
        left = self._until - self._clock()
        name = self._names[node]
        if name not in self._longest:
            self._look(name)
        if left > self._longest.get(name, 0.0):
            return True
        seconds = self._duration(name)
        if left > 0.0 and seconds <= left:
            return True
        self._refused = name, seconds
        return False

    def choose(self, nodes: Sequence[int], scheduler: _native.Scheduler) -> list[int]:
        """Those of some ready nodes that may start now; the others are not offered again for a while."""
        allowed = [self.allows(node) for node in nodes]
        if not all(allowed):
            scheduler.busy([node for node, may in zip(nodes, allowed, strict=True) if not may])
        return list(compress(nodes, allowed))

    def ran(self, node: int, seconds: float) -> None:
        """A task has run here."""
        if self._until < math.inf:
            self._learn(self._names[node], [seconds])

    def is_spoiled(self, began: float) -> bool:
        """Whether what failed since `began` (``time.perf_counter``) may have failed of the signal to stop.

        Batch systems send it to all processes of a job, and those that a task started end of it.
        """
        return stop_signal.came_since(began)

    def check(self, *, nothing_runs: bool = False) -> None:
        """Leave where this worker has to be done, or with `nothing_runs` if what is ready may not start."""
        is_over = stop_signal.is_to_stop() or self._clock() >= self._until
        if is_over or (nothing_runs and self._refused is not None):
            self._leave()

    def sleep(self, sleep: Callable[[float], object], seconds: float) -> None:
        """Calls `sleep` with so many seconds, or less where the end comes before; a signal ends it."""
        left = self._until - self._clock()
        stop_signal.sleep_until_stopped(sleep, max(0.0, min(seconds, left)))

    def _leave(self) -> NoReturn:
        if (mine := supervision.current()) is not None:
            mine.pauses()
        left = max(0.0, self._until + _MARGIN - self._clock())
        if stop_signal.is_to_stop():
            why = f"by {stop_signal.name()}"
        elif self._refused is None or left <= 2 * _MARGIN:
            why = "because its time is over"
        else:
            name, seconds = self._refused
            why = f"{format_rough(left)} before its end, as {name} takes {format_seconds(seconds)}"
        say(f"stopped {why}; 'jug execute' goes on")
        raise Leave(0)

    def _look(self, name: str) -> None:
        """Asks the store how long runs of a name took that others have finished."""
        now = time.monotonic()
        if now - self._looked.get(name, -math.inf) < _LOOK_AGAIN:
            return
        self._looked[name] = now
        if self._session is None:
            return
        nodes = self._nodes[name]
        keys = [self._keys[node] for node in nodes]
        finished = list(compress(keys, self._session.present(keys)))
        # Spread over all of them: what was computed first may be special.
        sample = finished[:: max(1, len(finished) // _RUNS)][-_RUNS:]
        self._learn(name, [seconds for seconds in self._session.durations(sample) if seconds is not None])

    def _learn(self, name: str, seconds: Sequence[float]) -> None:
        if seconds:
            self._runs.setdefault(name, deque(maxlen=_RUNS)).extend(seconds)
            self._longest[name] = max(self._longest.get(name, 0.0), *seconds)

    def _duration(self, name: str) -> float:
        """How long the next run of a name will hardly exceed; 0 where nothing is known."""
        runs = sorted(self._runs.get(name, ()))
        return runs[math.ceil(_MOST * len(runs)) - 1] if runs else 0.0


def _seconds(environ: Mapping[str, str], name: str) -> float | None:
    text = environ.get(name, "")
    try:
        seconds = float(text) if text else None
    except ValueError:
        seconds = math.nan
    if seconds is not None and not math.isfinite(seconds):
        raise UserError(f"the environment variable {name} must be seconds since 1970, not {text!r}")
    return seconds
