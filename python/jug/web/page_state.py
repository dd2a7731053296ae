"""What the page reads: `page/view.js` shows these dictionaries, which are sent to it as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

__all__ = [
    "Batch",
    "EndedWorker",
    "FailureCount",
    "FailureItem",
    "LivingWorker",
    "PageState",
    "RunningItem",
    "ShownProblem",
    "StatusRows",
    "TimeLeftItem",
    "Workers",
]


class StatusRows(TypedDict):
    """The table: of each name how many tasks are in each state, and the sum of all rows."""

    names: list[list[str | int]]
    #: How many rows there are beyond those shown.
    other_names: int
    total: list[int]


class RunningItem(TypedDict):
    """A task that runs."""

    name: str
    arguments: str
    #: Since when, in seconds since 1970, and whether it may have begun before.
    since: float
    exact: bool


class Batch(TypedDict):
    """Short tasks, of which nobody knows which one runs."""

    tasks: int
    names: list[str]
    other_names: int


class EndedWorker(TypedDict):
    """A worker that runs no more."""

    id: str
    host: str
    pid: int
    started: float | None


class LivingWorker(EndedWorker):
    """A worker that runs, and what it does; neither where it does nothing."""

    runs: NotRequired[RunningItem]
    batch: NotRequired[Batch]


class Workers(TypedDict):
    """The workers, and how many there are beside those listed."""

    living: list[LivingWorker]
    nr_living: int
    ended: list[EndedWorker]
    nr_ended: int


class FailureItem(TypedDict):
    """A task that failed; what its report lacks is None."""

    id: str
    name: str
    error: str
    at: float
    kept: bool
    arguments: str | None
    traceback: str | None
    host: str | None
    pid: int | None
    attempt: int | None
    duration: float | None
    kind: str | None


class FailureCount(TypedDict):
    """How many failures there are, and of which kinds; `revision` is another one when they have changed."""

    revision: int
    total: int
    kinds: dict[str, int]


class ShownProblem(TypedDict):
    """Why what is shown is not up to date, in a line and in full."""

    what: str
    detail: str


class TimeLeftItem(TypedDict):
    """An estimate of how long it will take, as of a time in seconds since 1970."""

    seconds: float | None
    at_least: bool
    why: str
    at: float


class PageState(StatusRows):
    """Everything but the failures, of which a page of the list is asked for."""

    jugfile: str
    jugdir: str
    blocked: int
    barrier: bool
    damage: Sequence[str]
    problem: ShownProblem | None
    left: TimeLeftItem
    workers: Workers | None
    failures: FailureCount
