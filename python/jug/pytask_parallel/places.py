"""The pools of a session: that of its backend, and one for each kind of machine that coiled is asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytask import PTask, Session

from ..executors.coordinator import Coordinator
from .backends import backend_of
from .coiled import AT_ONCE, coiled_backend, options_of
from .early import importable, taken
from .sizes import workers_of

if TYPE_CHECKING:
    from ..executors.endings import Ended

__all__ = ["Places"]

#: How long to look for what has come back already, in seconds.
_A_LOOK = 0.001


class Places:
    """Where the tasks of a session run. A pool is opened when it gets its first task.

    Parameters
    ----------
    session : Session

    Attributes
    ----------
    fault : Exception or None
        Why a pool cannot be opened, which is no failure of a task.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        config = session.config
        with importable(config["root"]):
            main = taken(config)
        if main is None:
            backend = backend_of(config["parallel_backend"], config["n_workers"])
            main = Coordinator[str](backend, workers_of(session))
        main.notice = self._wake
        # A task that has failed may be the last one that may begin.
        main.runs_ahead = config["max_failures"] == math.inf
        self._all: dict[str, Coordinator[str]] = {"": main}
        self._prepared: set[str] = set()
        self.fault: Exception | None = None

    def of(self, task: PTask) -> Coordinator[str]:
        """Where a task runs. What opening its pool raises, that is `fault`, too."""
        name = _name_of(task)
        options = options_of(task)
        if name not in self._all and options is not None:
            self._all[name] = Coordinator[str](coiled_backend(options), AT_ONCE)
            self._all[name].notice = self._wake
        coordinator = self._all[name]
        if name not in self._prepared:
            try:
                with self._uncaptured():
                    coordinator.open()
                coordinator.prepare([it.function for it in self._session.tasks if _name_of(it) == name])
            except Exception as error:
                self.fault = error
                raise
            self._prepared.add(name)
        return coordinator

    def room(self) -> int:
        """How many more tasks the backend takes now; coiled takes any number."""
        return self._all[""].room()

    def nr_workers(self) -> int:
        """How many tasks of the backend may run at a time."""
        return self._all[""].nr_workers()

    def wait(self, seconds: float) -> Sequence[Ended[str]]:
        """What ended, as soon as there is something, or perhaps nothing; after so many seconds at most."""
        first, *others = [it for it in self._all.values() if it.in_flight()] or [self._all[""]]
        ended = [it for other in others for it in other.wait(_A_LOOK)]
        # What comes back to another one from now on wakes it.
        return [*ended, *first.wait(_A_LOOK if ended else seconds)]

    def stop(self) -> list[str]:
        """Starts nothing more; what was given and does not run comes back."""
        return [token for coordinator in self._all.values() for token in coordinator.stop()]

    def kill(self) -> bool:
        """Ends all that runs; whether some of it may go on all the same, as threads do."""
        is_left = False
        for coordinator in self._all.values():
            is_left |= coordinator.kill()
        return is_left

    def close(self) -> None:
        """Ends the workers; those that had nothing to do may still be about to begin."""
        for name, coordinator in self._all.items():
            if name not in self._prepared:
                coordinator.kill()
            coordinator.close()

    @contextmanager
    def _uncaptured(self) -> Iterator[None]:
        """Has workers print where pytask does, and not where it keeps what is printed at present."""
        manager = self._session.config["pm"].get_plugin("capturemanager")
        if manager is None:
            yield
            return
        manager.suspend()
        try:
            yield
        finally:
            manager.resume()

    def _wake(self) -> None:
        if len(self._all) > 1:
            for coordinator in [*self._all.values()]:
                coordinator.wake()


def _name_of(task: PTask) -> str:
    options = options_of(task)
    return "" if options is None else f"coiled {sorted(options.items(), key=str)!r}"
