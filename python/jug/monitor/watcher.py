"""Looks at a computation again and again, and reloads its jugfile when that can show more tasks."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import TYPE_CHECKING

from .. import task
from ..backends.capabilities import has_jugdir, is_reopenable
from ..display.eta import TimeLeft, time_left
from ..engine.jugfile import load
from ..engine.task_state import TaskState
from ..engine.worker_status import WorkerStatus
from .durations import Durations
from .observations import ClaimObservation, ClaimObservations
from .snapshot import Problem, Snapshot, Viewer
from .status import StatusCollector

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.types import OnError

__all__ = ["Watcher"]

#: Seconds between two looks, at least; and how many times longer than a look took.
_PAUSE, _SHARE = 0.5, 10

#: How long to wait for something to happen before looking anyway, in seconds: claims make no noise.
_LOOK_ANYWAY = 1.0

#: Between two loads of a jugfile that ended at a barrier: at least this many seconds, at most that many while
#: nothing happens, and so many times longer than a load took.
_RELOAD, _RELOAD_IDLE, _RELOAD_SHARE = 1.0, 60.0, 20

#: For how many seconds a worker that was seen with a claim counts as working.
_AT_WORK = 10.0

_COMPLETE = ord(TaskState.COMPLETE)
_IS_FAILED = bytes(letter == ord(TaskState.FAILED) for letter in range(256))
_UNDONE = "".join((TaskState.WAITING, TaskState.READY, TaskState.ACTIVE)).encode()
_IS_UNDONE = bytes(letter in _UNDONE for letter in range(256))


class Watcher:
    """A jugfile and its store, seen from outside. All of the user's code runs in the thread that calls this.

    Parameters
    ----------
    options : jug options
        Which jugfile, which store. An error while the jugfile is loaded for the first time ends the process,
        as it does for the other subcommands; later ones are shown.
    viewer : Viewer
        Gets what is seen.
    """

    def __init__(self, options: Options, viewer: Viewer) -> None:
        self._options = options
        self._viewer = viewer
        self._folder = os.getcwd()
        self._jugfile = os.path.abspath(options.jugfile)
        self._durations = Durations()
        self._observations = ClaimObservations()
        self._at_work: dict[str, float] = {}
        self._problem: Problem | None = None
        #: Whether results came in since the jugfile was loaded, and how often it was loaded without any.
        self._news, self._idle_loads = False, 0
        #: Whether the store can be used. After an error it is opened again.
        self._usable = True
        self._pause_until = 0.0
        self._load(None)
        self._look()

    def run(self) -> None:
        """Looks until somebody interrupts it."""
        while True:
            self.wait()
            if self.is_reload_due():
                self.reload()
            self.look()

    def look(self) -> None:
        """Looks once, and shows what has changed."""
        began = time.monotonic()
        if self._usable:
            self._safely(self._look)
        self._pause_until = began + max(_PAUSE, _SHARE * (time.monotonic() - began))

    def wait(self) -> None:
        """Waits until something may have happened, so that looking takes a small part of the time."""
        if self._usable:
            self._safely(lambda: self._status.session.wait(_LOOK_ANYWAY))
        time.sleep(max(0.0, self._pause_until - time.monotonic()))

    # --- loading ---

    def _load(self, store: base_store | None, on_error: OnError | None = None) -> None:
        began = time.monotonic()
        # The jugfile may have changed the working directory when it was loaded before.
        os.chdir(self._folder)
        stamp = _stamp(self._jugfile)
        loaded = load(self._options, store, on_error=on_error)
        self._status = StatusCollector(task.alltasks, loaded.store)
        self._store, self._has_barrier = loaded.store, loaded.has_barrier
        self._stamp = stamp
        graph = self._status.graph
        self._names, self._keys = self._status.names, graph.keys()
        self._durations.forget_nodes()
        self._activity: Sequence[WorkerStatus] | None = None
        self._fresh = self._usable = True
        self._loaded_at = time.monotonic()
        self._load_took = self._loaded_at - began
        # It is compared with what it was when it was asked first.
        self._is_store_outdated()

    def is_reload_due(self) -> bool:
        """Whether the jugfile is to be loaded again, by which it may print something."""
        if not self._usable or self._is_store_outdated() or _stamp(self._jugfile) != self._stamp:
            return True
        if not self._has_barrier:
            return False
        idle = min(_RELOAD * 2.0**self._idle_loads, _RELOAD_IDLE)
        pause = max(_RELOAD if self._news else idle, _RELOAD_SHARE * self._load_took)
        return time.monotonic() - self._loaded_at > pause

    def _is_store_outdated(self) -> bool:
        """Whether the store has to be opened again to be seen as it is."""
        return is_reopenable(self._store) and self._store.is_outdated()

    def reload(self) -> None:
        """Loads the jugfile again, from a store that was opened again where that is needed."""
        store: base_store | None = self._store
        if not self._usable or self._is_store_outdated():
            self._usable, store = False, None
            if has_jugdir(self._store):
                self._store.close()
        self._idle_loads = 0 if self._news else self._idle_loads + 1
        self._news = False
        before, self._problem = self._status, None
        try:
            self._load(store, "propagate")
        except (Exception, SystemExit) as error:
            # The tasks of the last load that worked go on being shown.
            self._stamp, self._loaded_at = _stamp(self._jugfile), time.monotonic()
            self._fresh = True
            self._show_problem(error, f"{self._options.jugfile} cannot be loaded again")
        else:
            before.close()
            # What the jugfile made before is full of cycles, and may be large.
            del before
            gc.collect()

    # --- looking ---

    def _safely(self, use: Callable[[], object]) -> None:
        try:
            use()
        except Exception as error:  # A store of the user's may raise what it likes.
            # It may be gone for a while; until it is back, what was seen last is shown.
            self._show_problem(error, "the store cannot be read")
            self._usable = False

    def _look(self) -> None:
        session = self._status.session
        # First the claims, then the results: what is finished between the two is no one's work any more.
        activity = session.workers(self._keys)
        news = bool(session.refresh()) or not session.reports_changes
        if not (news or self._fresh or activity != self._activity):
            return
        self._news = self._news or news
        self._fresh, self._activity = False, activity
        held = None if activity is None else [claim.key for worker in activity for claim in worker.claims]
        states = self._status.node_states(activity)
        self._durations.learn(states, self._names, self._keys, session.durations)
        self._viewer.show(self._snapshot(states, activity, held))

    def _snapshot(
        self, states: bytes, activity: Sequence[WorkerStatus] | None, held: Sequence[bytes] | None
    ) -> Snapshot:
        graph = self._status.graph
        failed = list(compress(range(len(states)), states.translate(_IS_FAILED)))
        blocked = graph.closure(failed) if failed else []
        nodes = self._unfinished(held or (), states)
        claims = self._observations.of(activity or (), time.time())
        return Snapshot(
            self._store,
            graph,
            states,
            self._status.counts(states),
            self._status.failures(),
            activity,
            claims,
            nodes,
            len(blocked) - len(failed),
            self._has_barrier,
            self._status.session.damage(),
            *self._time_left(states, blocked, activity, self._spent(claims, nodes)),
            self._problem,
        )

    def _unfinished(self, keys: Sequence[bytes], states: bytes) -> dict[bytes, int]:
        """The nodes of claimed tasks; workers keep claims for a moment after the result."""
        nodes = zip(keys, self._status.graph.find(keys), strict=True)
        return {key: node for key, node in nodes if node is not None and states[node] != _COMPLETE}

    def _spent(self, claims: Mapping[bytes, ClaimObservation], nodes: Mapping[bytes, int]) -> Counter[str]:
        """For how long the tasks of each name have been running that run now, in sum."""
        now, spent = time.time(), Counter[str]()
        for key, node in nodes.items():
            spent[self._names[node]] += now - claims[key].since  # type: ignore[assignment]  # seconds
        return spent

    def _time_left(
        self,
        states: bytes,
        blocked: Sequence[int],
        activity: Sequence[WorkerStatus] | None,
        spent: Mapping[str, float],
    ) -> tuple[TimeLeft, dict[str, TimeLeft]]:
        """For all that can be done, and for the tasks of each name if nothing else were done."""
        left = bytearray(states.translate(_IS_UNDONE))
        for node in blocked:
            left[node] = 0
        remaining = Counter(compress(self._names, left))
        workers = None if activity is None else self._nr_at_work(activity)

        def estimate(names: Mapping[str, int]) -> TimeLeft:
            return time_left(names, self._durations, workers, spent, self._has_barrier)

        return estimate(remaining), {name: estimate({name: number}) for name, number in remaining.items()}

    def _nr_at_work(self, activity: Sequence[WorkerStatus]) -> int:
        """How many workers held a claim lately: between two batches a busy worker may hold none."""
        now = time.monotonic()
        self._at_work.update({worker.id: now for worker in activity if worker.claims})
        alive = {worker.id for worker in activity if worker.alive}
        self._at_work = {
            worker: at for worker, at in self._at_work.items() if worker in alive and now - at < _AT_WORK
        }
        return len(self._at_work)

    def _show_problem(self, error: BaseException, what: str) -> None:
        self._problem = Problem(what, error)
        self._viewer.show_problem(self._problem)


def _stamp(path: str) -> object:
    """What changes when a file is written again."""
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
