"""What others see of a launcher: systemd, probes by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .launcher import Launcher
from .schedule import Due
from .state import LauncherState
from .systemd import ServiceManager
from .time import get_current_time, to_local, to_utc

if TYPE_CHECKING:
    from .health import HealthServer

__all__ = ["Signs"]


class Signs:
    """Says what a launcher does to whoever is configured to know.

    Parameters
    ----------
    task : Runnable
        What it runs.
    options : Launcher
    """

    def __init__(self, task: Any, options: Launcher) -> None:
        self._context = task.context
        self._options = options
        self._state = LauncherState(task.name, options.task_timeout)
        self._manager = ServiceManager(self._state)
        self._health: HealthServer | None = None
        self._is_stopping = False

    def begin(self, address: tuple[str, int] | None) -> None:
        """The launcher begins; `address` is where health is served if no option says where."""
        address = self._options.health or address
        if address is not None:
            from .health import HealthServer

            self._health = HealthServer(self._state, *address)
        self._manager.ready()

    def asked_for_lock(self, answer: str | None) -> None:
        """See :meth:`LauncherState.asked_for_lock`."""
        self._state.asked_for_lock(answer)

    def runs(self) -> None:
        """The task runs."""
        self._state.runs()
        self._manager.status("the task runs")

    def ended(self, status: str, *, is_done: bool) -> None:
        """A run ended."""
        stamp = None
        if is_done:
            now = get_current_time()
            words = {"time_utc": to_utc(now), "time_local": to_local(now)}
            stamp = {"fqdn": self._context.fqdn, "timestamp": now, **words}
        self._state.ended(status, stamp)

    def sleeps(self, due: Due) -> None:
        """Nothing is to be done until then."""
        self._state.sleeps(due)
        self._manager.status(f"the next run is in {due.seconds:.0f} s")

    def stopping(self) -> None:
        """The launcher ends."""
        if not self._is_stopping:
            self._is_stopping = True
            self._state.stops()
            self._manager.stopping()
