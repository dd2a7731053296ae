"""Tasks that run apart: those that ran when a worker died, which are counted, and those with a time limit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ...executors.base import Outcome, outcome_of
from ...internal.console import warn
from ...internal.short_repr import describe_call
from ...process.managed import End
from ...task import Task
from ..failures.errors import Crashed
from ..failures.report import crash_report, used_up
from ..jugfile import Jugfile
from ..session.base import Crash, StoreSession
from .output import TaskOutput
from .retries import Retries
from .run_limits import TimeLimit

if TYPE_CHECKING:
    from ...internal.types import FailureReport, TaskDeath
    from .isolated import IsolatedRunner

__all__ = ["Crashes", "lost"]


class Crashes:
    """What is known of tasks that ran when a worker died.

    Parameters
    ----------
    session : StoreSession
    limit : int
        How many times a task may die (``--crash-limit``).
    jugfile : Jugfile, optional
        Where a watched child finds the tasks.
    reports : mapping
        The reports of the tasks that failed.
    retries : Retries
        Where runs are counted.
    output : TaskOutput
        Where what tasks print is kept.
    believes : bool
        Whether a task has failed at once that is seen to end its process by itself, as under a supervisor.
    """

    def __init__(
        self,
        session: StoreSession,
        limit: int,
        jugfile: Jugfile | None,
        reports: Mapping[bytes, FailureReport],
        retries: Retries,
        output: TaskOutput,
        *,
        believes: bool,
    ) -> None:
        self._session = session
        self._believes = believes
        self._output = output
        self.limit = limit
        self._retries = retries
        self._jugfile = jugfile
        #: Imported and made when a task runs apart.
        self._isolated: IsolatedRunner | None = None
        #: What dead workers had, as of the last look, until it is recorded.
        self.found: Sequence[Crash] = ()
        #: How many times each task died that has died, or may have.
        self.suspects: dict[bytes, int] = {}
        self.learn(reports)

    def learn(self, reports: Mapping[bytes, FailureReport]) -> None:
        """Takes note of reports."""
        deaths = {key: int(report["crashes"]) for key, report in reports.items() if "crashes" in report}
        self.suspects.update(deaths)

    def used_up(self, reports: Mapping[bytes, FailureReport]) -> list[bytes]:
        """The keys of the tasks that nobody tries again who is at work, by these reports."""
        return used_up(reports, self.limit)

    def forget(self, keys: Collection[bytes]) -> None:
        """Looks again how often tasks died of which something was taken away, a result or a failure."""
        known = [key for key in keys if key in self.suspects] if self.suspects else []
        if known:
            reports = self._session.reports(known)
            for key in known:
                if "crashes" not in reports.get(key, ()):
                    del self.suspects[key]

    # --- workers that died ---

    def look(self, claimed: Collection[bytes]) -> None:
        """Looks for workers that died: after a claim, and before the refresh that follows it."""
        self.found = self._session.crashes(claimed)

    def record(self, mine: Mapping[bytes, Task]) -> dict[bytes, float]:
        """Records what was found; the tasks that died too often by that, and when their last run began.

        `mine` are the tasks by key that are claimed here and have no result. Who has claimed a task counts
        its death, so that it is counted once.
        """
        present = self._session.present([crash.key for crash in self.found])
        found = [
            crash
            for crash, has_result in zip(self.found, present, strict=True)
            if crash.key in mine or not (crash.counts or has_result)
        ]
        self.found = ()
        too_often = {}
        for crash in found:
            deaths = self.suspects[crash.key] = self.suspects.get(crash.key, 0) + crash.counts
            if crash.counts:
                # The dead worker may have run it more than once since it said so.
                attempt = max(crash.attempt, self._retries.next_attempt(crash.key))
                self._keep(crash.key, mine[crash.key], lost(deaths), attempt, crash.started)
                if deaths >= self.limit:
                    too_often[crash.key] = crash.started
        if found:
            self._session.acknowledge_crashes(found)
        return too_often

    def record_seen(self, key: bytes, t: Task, death: TaskDeath) -> Crashed | None:
        """Settles a death that the supervisor saw, of a task that is claimed here.

        The crash, if the task has failed by it; None if it is to be tried again.
        """
        deaths: int | None = None
        if death["kind"] != "timeout":
            deaths = self.suspects.get(key, 0) + 1
            if death["is_sure"]:
                deaths = max(deaths, self.limit)
            self.suspects[key] = deaths
        crash = Crashed(death["message"], death["kind"], death["traceback"], deaths)
        found = [it for it in self.found if it.key == key]
        self.found = [it for it in self.found if it.key != key]
        self._keep(key, t, crash, self._retries.next_attempt(key), death["started"], death["output"])
        if found:
            self._session.acknowledge_crashes(found)
        return crash if deaths is None or deaths >= self.limit else None

    def _keep(
        self, key: bytes, t: Task, crash: Crashed, attempt: int, started: float, output: str = ""
    ) -> None:
        report = crash_report(crash, describe_call(t))
        if output:
            report["output"] = output
        report["attempt"], report["started"] = attempt, started
        is_final = crash.crashes is None or crash.crashes >= self.limit
        report["again"] = not is_final or bool(self._retries.is_again(t.f, attempt))
        self._retries.failed(key, attempt)
        self._session.save_failure(key, report, t.name)
        self._session.flush()

    # --- in a process of its own ---

    def run(self, key: bytes, t: Task, limit: TimeLimit | None) -> Outcome:
        """Runs a task in a process of its own, and again if it dies of it.

        Its error is Crashed if it died too often or ran for too long, FailedInChild if it failed otherwise.
        """
        return outcome_of(partial(self._run, key, t, limit))

    def _run(self, key: bytes, t: Task, limit: TimeLimit | None) -> Any:
        from .isolated import Death, IsolatedRunner, Overtime

        if t.direct_dependencies():
            # What it needs may not be written yet.
            self._session.flush()
        self._isolated = self._isolated or IsolatedRunner(self._jugfile, self._output)
        while True:
            started = time.time()
            try:
                result = self._isolated.run(t, None if limit is None else limit.seconds)
            except Overtime as overtime:
                raise Crashed(f"ran longer than {limit}", "timeout", overtime.traceback, None) from None
            except Death as death:
                crash = self.died(key, t, started, death.end, death.traceback, believes=self._believes)
                if crash is not None:
                    raise crash from None
            else:
                self.survived(key)
                return result

    def died(
        self, key: bytes, t: Task, started: float, end: End, traceback: str, *, believes: bool
    ) -> Crashed | None:
        """Counts the death of a task that ran in a process of its own, which ended like this.

        The crash, if the task has failed by it, as it has at once where it is believed to end its process by
        itself; None if it is to be tried again, which is recorded.
        """
        deaths = self.suspects.get(key, 0) + 1
        if believes and end.is_own:
            deaths = max(deaths, self.limit)
        self.suspects[key] = deaths
        crash = Crashed(end.text, end.kind, traceback, deaths)
        if deaths >= self.limit:
            return crash
        attempt = self._retries.next_attempt(key)
        self._keep(key, t, crash, attempt, started, self._output.take(t.name))
        warn(f"task {t.name}({describe_call(t)}) {end.clause}; it is tried again")
        return None

    def survived(self, key: bytes) -> None:
        """A task that was suspected has ended by itself."""
        self.suspects.pop(key, None)

    def close(self) -> None:
        """Ends the process in which tasks ran apart."""
        if self._isolated is not None:
            self._isolated.close()
        # Workers may have died right after the end of a task, which is then no crash.
        with contextlib.suppress(OSError):
            self._session.acknowledge_crashes(())


def lost(deaths: int) -> Crashed:
    """How a task died with a worker."""
    return Crashed("the worker that ran it died", "lost", "", deaths)
