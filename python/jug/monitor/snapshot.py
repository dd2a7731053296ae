"""What is shown of a computation: its state at one moment, and what keeps it from being seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .. import _native
from ..display.eta import TimeLeft
from ..engine.failures.report import summary_line
from ..engine.task_state import TaskState
from ..engine.worker_status import WorkerStatus
from .observations import ClaimObservation

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..internal.types import FailureReport

__all__ = ["Problem", "Snapshot", "Viewer"]


class Problem(NamedTuple):
    """Why what is shown is not up to date."""

    #: What was tried, as the beginning of a sentence.
    what: str
    error: BaseException

    @property
    def text(self) -> str:
        """What is wrong, in a line."""
        report: FailureReport = {"type": type(self.error).__name__, "message": str(self.error)}
        return f"{self.what}: {summary_line(report)}"


class Snapshot(NamedTuple):
    """A computation at one moment."""

    store: base_store
    #: The tasks, and the state of each node.
    graph: _native.Graph
    states: bytes
    #: How many tasks of each name are in each state.
    counts: Mapping[str, Counter[TaskState]]
    #: The tasks without a result whose last run failed, each with its report.
    failures: Sequence[tuple[_native.TaskCore, FailureReport]]
    #: The workers, where the store knows them; since when they have each claim, and the node of each task.
    workers: Sequence[WorkerStatus] | None
    claims: Mapping[bytes, ClaimObservation]
    nodes: Mapping[bytes, int]
    #: How many tasks cannot run because others failed.
    nr_blocked: int
    has_barrier: bool
    #: What is damaged in the store, a line each.
    damage: Sequence[str]
    left: TimeLeft
    #: The same for the tasks of each name of which some can be done, if nothing else were done.
    left_by_name: Mapping[str, TimeLeft]
    problem: Problem | None


class Viewer(Protocol):
    """Gets what a watcher sees."""

    def show(self, snapshot: Snapshot) -> None:
        """Shows a computation in place of what is shown of it."""

    def show_problem(self, problem: Problem) -> None:
        """Shows a problem beside what is shown."""
