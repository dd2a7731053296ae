"""What becomes of the workers of a run that have ended, and of their tasks."""

from __future__ import annotations

import pickle
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from ..engine.blocked import Blocked
from ..internal.console import fail, say, warn
from ..internal.units import format_size
from .deaths import death_of, text_of

if TYPE_CHECKING:
    from ..internal.types import EndedWorker, FailureReport, WorkerSummary
    from .workers import Workers

__all__ = ["EndedWorkers"]

#: How many workers in a row may die before they work.
_MOST_FALSE_STARTS = 3

#: How long a signal that is sent to all processes of a job may take to reach this one, in seconds.
_SAME_SIGNAL = 0.3

#: How many deaths of tasks are printed, of whatever kind, and how many kinds are printed once in any case.
_FIRST_DEATHS = 5
_MOST_KINDS = 10


class EndedWorkers:
    """Takes what ended workers have left, has other ones take their place, and stops all where that is due.

    Parameters
    ----------
    workers : Workers
        Those that live.
    keep_going : bool
        Whether the others go on after a task failed.

    Attributes
    ----------
    status : int
        The first exit status other than 0 that one of them had, or 1 where none could begin; else 0.
    unselected : str
        What the last of them said of tasks that were not selected.
    reports : dict of bytes to mapping
        By key, the reports of failures that they left.
    """

    def __init__(self, workers: Workers, *, keep_going: bool) -> None:
        self._workers = workers
        self._keep_going = keep_going
        self._false_starts = 0
        #: The workers that were asked to end, and until when the same signal may come here.
        self._interrupted: deque[tuple[float, EndedWorker]] = deque()
        #: How many tasks of a name died in the same way, and of how many of them nothing was printed.
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._unprinted: Counter[tuple[str, str]] = Counter()
        self._failed_keys: set[bytes] = set()
        self._blocked = Blocked()
        self.status = 0
        self.unselected = ""
        self.reports: dict[bytes, FailureReport] = {}

    @property
    def blocked(self) -> Blocked:
        """What was left in the end because it had failed for good, or needed what had."""
        return self._blocked._replace(failed=len(self._failed_keys))

    def take(self, ended: EndedWorker) -> None:
        """Does what the end of a worker asks for; what a signal has ended waits for `take_due`."""
        if ended["phase"] in ("ended", "retired"):
            self._take_own_end(ended)
        elif ended["phase"] == "interrupted":
            self._interrupted.append((time.monotonic() + _SAME_SIGNAL, ended))
        else:
            self._take_death(ended)

    def due_in(self) -> float | None:
        """After how many seconds `take_due` has something to do; None: none waits for it."""
        return max(0.0, self._interrupted[0][0] - time.monotonic()) if self._interrupted else None

    def take_due(self) -> None:
        """Takes those for which it was waited whether the signal that has ended them comes here, too."""
        while self._interrupted and self._interrupted[0][0] <= time.monotonic():
            self._take_interruption(self._interrupted.popleft()[1])

    def report_unprinted(self) -> None:
        """Says how often what was printed has happened again."""
        for (name, message), number in self._unprinted.items():
            say(f"{number} more of {name} failed like that: {message}")

    def _take_own_end(self, ended: EndedWorker) -> None:
        """A worker ended by itself."""
        self._false_starts = 0
        # It may still be killed by a signal on its way out.
        status = ended["number"] if ended["kind"] == "exit" else 1
        summary = _summary_of(ended)
        if summary is not None:
            status = status or int(bool(summary["failed"]))
            self._failed_keys |= summary["failed"]
            blocked = Blocked(*summary["blocked"])
            self._blocked = max(self._blocked, blocked, key=lambda it: (it.waiting, it.marked))
            self.unselected = summary["unselected"]
            for key, report in summary["reports"].items():
                # A worker that did not run the task does not know what it printed.
                if key not in self.reports or "output" in report:
                    self.reports[key] = report
        self.status = self.status or status
        if status and not self._keep_going:
            self._workers.stop()
        unrecorded = self._workers.unrecorded(ended["worker"])
        if ended["phase"] == "retired" and not self._workers.is_stopping:
            self._workers.start(ended["worker"], unrecorded)
            return
        for death in unrecorded:
            self._workers.settle(death["key"])
            if summary is None:
                # It ended before it had anything to run.
                fail(f"a task ({death['key'].hex()[:16]}) {death['message']}, which could not be recorded")

    def _take_death(self, ended: EndedWorker) -> None:
        """A worker died: another one records what became of its task, and goes on."""
        if self._workers.is_killed:
            # What was killed because it was asked for has not failed.
            return
        has_begun = ended["phase"] != "starting"
        deaths = self._workers.unrecorded(ended["worker"])
        death = death_of(ended)
        if death is not None:
            if not death["is_sure"]:
                how = "was asked to end" if ended["phase"] == "interrupted" else text_of(ended)
                warn(
                    f"worker {ended['worker']} {how} while it ran {ended['name']}; "
                    "another one takes its place"
                )
            death["is_shown"] = self._is_worth_a_line((ended["name"], death["message"]))
            # One that had died of it before has recorded that, or it could not have tried it again.
            deaths = [*(it for it in deaths if it["key"] != death["key"]), death]
            self._false_starts = 0
        elif "left" in ended:
            left = format_size(ended["left"])
            warn(f"tasks had left {left} of memory in worker {ended['worker']}; another one takes its place")
        elif not self._workers.is_stopping:
            self._take_false_start(ended, has_begun)
        if deaths or not self._workers.is_stopping:
            self._workers.start(ended["worker"], deaths)

    def _take_interruption(self, ended: EndedWorker) -> None:
        """A worker was asked to end, a moment ago."""
        if not self._workers.is_stopping:
            self._take_death(ended)
        elif "key" in ended:
            # All of us are asked to: that is nothing that its task has done.
            self._workers.settle(ended["key"])

    def _take_false_start(self, ended: EndedWorker, has_begun: bool) -> None:
        """A worker died while it ran no task: not for ever is another one started."""
        self._false_starts += 1
        when = "while they ran no task" if has_begun else f"before they had loaded {self._workers.loaded}"
        if self._false_starts == _MOST_FALSE_STARTS:
            self.status = 1
            fail(f"{_MOST_FALSE_STARTS} workers in a row died {when}; the last one {text_of(ended)}")
            self._workers.stop()
        elif has_begun:
            warn(
                f"worker {ended['worker']} {text_of(ended)} while it ran no task; another one takes its place"
            )

    def _is_worth_a_line(self, kind: tuple[str, str]) -> bool:
        """Whether a death of that kind is printed; workers do not know what others printed before them."""
        self._deaths[kind] += 1
        is_new = self._deaths[kind] == 1 and len(self._deaths) <= _MOST_KINDS
        if is_new or self._deaths.total() <= _FIRST_DEATHS:
            return True
        self._unprinted[kind] += 1
        return False


def _summary_of(ended: EndedWorker) -> WorkerSummary | None:
    """What a worker has left; None where it ended before, or a task has damaged that."""
    try:
        summary: WorkerSummary = pickle.loads(ended["mail"])
        return summary if "failed" in summary else None
    except Exception:  # Whatever bytes are there, they are no reason to end all other workers.
        return None
