"""What one run of ``jug execute`` did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ...display.base import Display, NoDisplay
from ..blocked import Blocked
from ..failures.summary import FailureSummary
from ..former_keys import FormerResults
from ..jugfile import Jugfile
from .end_time import EndTime
from .reasons import Reasons

if TYPE_CHECKING:
    from ... import _native
    from ...executors.coordinator import Coordinator
    from ...internal.task_origin import LoadBefore
    from ...internal.types import FailureReport
    from ..code_watch import CodeWatch

__all__ = ["MADE_AGAIN", "ExecutionState"]

#: How often the result of a task may turn out to be damaged, or to have a file that is not what it was, in
#: one run. Two tasks that write the same file would take turns for ever.
MADE_AGAIN = 3


#: How many reports are kept: a broken function may fail for each of its arguments.
_MOST_REPORTS = 1000


class ExecutionState:
    """What one ``jug execute`` did, kept over all the loads of its jugfile.

    Attributes
    ----------
    executed, loaded : Counter of str
        By task name: run here, and found finished (counted again at each load).
    failed : set of bytes
        Hashes of the tasks that failed here, or for good elsewhere; this worker does not try them again.
    made_again : Counter of bytes
        By key: results that turned out to be damaged, or to have a file that is not what it was, when a task
        of this worker needed them.
    has_removed : bool
        Whether results that were there went in the last run of tasks: the jugfile may have loaded them.
    has_left : bool
        Whether it left tasks to the next load, which alone can run them.
    has_selected : bool
        Whether a task was there that --name or --pattern selects, or nothing was selected by them.
    has_barrier : bool
        Whether a barrier that is not met ended the last load.
    blocked : Blocked
        What was left at the end because it had failed for good, or needed what had.
    complaints : FailureSummary
        What was said of failures.
    reports : dict of bytes to mapping, or None
        The report of each task that failed here, by key, where somebody wants them; of many, the first.
    raised : (BaseException, mapping) or None
        What a task raised that ended the work, and the report of it; a line was said.
    idle : float
        Seconds spent waiting since the last progress.
    cycle : float
        Length of a wait cycle (``--wait-cycle-time``), as given to the worker.
    former : FormerResults
        What was said of results under keys of an earlier version.
    reasons : Reasons or None
        What says of each task why it runs, where that was asked for.
    before : LoadBefore or None
        What is known of the load before, where there are several.
    graph : Graph or None
        That of the tasks of this load, if they all have one.
    coordinator : callable or None
        Returns what has tasks run elsewhere, the same in each load; None where they run in this process.
    display : Display
        Where it is shown how far tasks are that run elsewhere.
    jugfile : Jugfile or None
        How another process can load the tasks; None where they come from no jugfile.
    code : CodeWatch or None
        What finds by which code results are made; made by the first worker that stores some.
    end_time : EndTime or None
        When the worker has to be done; None where nobody said that.
    """

    def __init__(self) -> None:
        self.executed: Counter[str] = Counter()
        self.loaded: Counter[str] = Counter()
        self.failed: set[bytes] = set()
        self.made_again: Counter[bytes] = Counter()
        self.has_removed = self.has_left = False
        self.has_selected = False
        self.has_barrier = False
        self.blocked = Blocked()
        self.complaints = FailureSummary()
        self.reports: dict[bytes, FailureReport] | None = None
        self.raised: tuple[BaseException, FailureReport] | None = None
        self.idle = 0.0
        self.cycle = 12.0
        self.former = FormerResults()
        self.reasons: Reasons | None = None
        self.before: LoadBefore | None = None
        self.graph: _native.Graph | None = None
        self.jugfile: Jugfile | None = None
        self.code: CodeWatch | None = None
        self.display: Display = NoDisplay()
        self.coordinator: Callable[[], Coordinator[int]] | None = None
        self.end_time: EndTime | None = None

    def _failed_before(self, reports: Mapping[bytes, FailureReport], graph: _native.Graph) -> None:
        """Takes note of what failed in other workers of the same supervisor, which may have died since."""
        self.failed.update(key.hex().encode() for key in reports)
        if self.reports is not None and reports:
            for node, (key, report) in zip(graph.find([*reports]), reports.items(), strict=True):
                if node is not None:
                    self._keep_report(key, report, graph.task(node).name)

    def _keep_report(self, key: bytes, report: FailureReport, name: str) -> None:
        """Keeps the report of a task that failed, if somebody wants it."""
        if self.reports is not None and len(self.reports) < _MOST_REPORTS:
            self.reports[key] = {**report, "name": name}

    @property
    def nr_waits(self) -> int:
        """How many wait cycles have passed since the last progress."""
        return int(self.idle / self.cycle) if self.cycle > 0 else 0
