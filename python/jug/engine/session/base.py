"""What the worker and those who look on need of a store: results and claims of many tasks at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ... import _native
from ...executors.base import Outcome
from ...internal.console import warn
from ..worker_status import WorkerStatus

if TYPE_CHECKING:
    from ...internal.types import Change, FailureReport, ResultFacts

__all__ = ["Crash", "StoreSession", "warn_of_damage"]


class Crash(NamedTuple):
    """A task without a result that a dead worker had."""

    worker: str
    key: bytes
    #: Whether it is known to have been running then. Otherwise the worker had claimed it, and perhaps others.
    counts: bool
    name: str = ""
    #: Attempt number, from 1; 0 if it may not have begun.
    attempt: int = 0
    #: When it was started, in seconds since 1970; 0 if not known.
    started: float = 0.0


class StoreSession(Protocol):
    """Results and claims, by key (32 raw bytes). A network store or a supervisor brings its own."""

    #: How many tasks may be claimed before the first of them runs.
    max_batch: int

    #: How often a waiting worker looks whether a claim was abandoned, in seconds. Results wake it earlier.
    poll_interval: float

    #: Whether `refresh` says what others changed. Otherwise `present` is to be asked each time.
    reports_changes: bool

    #: Whether to claim what others have takes long: workers that meet keep out of each other's way then.
    avoids_contention: bool

    #: Whether results tell by which code they were made.
    notes_code: bool

    #: What the native half starts and stores tasks with, if it can do that by itself.
    claims: _native.Claims | None

    def refresh(self) -> Sequence[Change]:
        """What others changed since the last call: (key, "result" | "failed" | "absent")."""

    def present(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether each key has a result."""

    def kept_failures(self) -> Sequence[bytes]:
        """Keys that failed and are not to be run again until somebody clears the mark."""

    def failure(self, key: bytes) -> FailureReport | None:
        """All that is known of the last run of a key that failed and has no result (see `failure_report`)."""

    def failures(self) -> Mapping[bytes, FailureReport]:
        """The same of each such key, without what the tasks printed."""

    def clear_failures(self, keys: Sequence[bytes]) -> int:
        """Forgets that these tasks failed, whether that is kept or not; how many of them had."""

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether some living worker holds each key."""

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Tries to claim each key; True where this worker holds it from now on.

        What it returns may be shorter than `keys`: others are at work there, and the rest was not tried.
        """

    def claim_failed(self, key: bytes) -> bool:
        """Tries to claim a task that failed, which it stays, also where it is marked; whether that worked."""

    def start(self, key: bytes, ended: bytes | None, name: str, attempt: int) -> bool:
        """Says that a claimed task starts now; False if its claim had been given back.

        `ended` is the task that was run before: its claim may be released once what it stored is visible.
        `name` and `attempt` (from 1) are for those who look what runs.
        """

    def set_idle(self, done: int, failed: int, loaded: int) -> None:
        """Says that nothing runs now, and how many tasks this worker ran, saw fail, and found finished."""

    def claimed_hint(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Like `claimed`, where it need not be true of what dead workers had."""

    def late_workers(self) -> Sequence[tuple[str, float, float]]:
        """Workers that may have died and count as alive: id, seconds without a sign, how many it may have."""

    def has_claims(self, worker: str) -> bool:
        """Whether one of those has tasks for which others wait."""

    def nr_workers(self) -> int:
        """How many workers live, where each request counts, as far as that is known; else 1."""

    def has_other_workers(self) -> bool:
        """Whether another worker seems to hold a claim on any task."""

    def release(self, keys: Sequence[bytes]) -> None:
        """Ends claims, after what was saved is visible to others."""

    def watch_code(self, code_of: Callable[[Any], str]) -> None:
        """Has results tell by which code they were made, which `code_of` says once of each function."""

    def codes(self, keys: Sequence[bytes]) -> Sequence[str | None]:
        """By which code each result was made; None where there is none, or it is not known."""

    def removed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        """Whether a result of each key was removed at some time, as far as that is remembered."""

    def known_codes(self) -> Collection[str]:
        """All codes by which results may have been made."""

    def note(self, key: bytes, text: bytes) -> None:
        """Keeps something beside results, under a key that no task has."""

    def notes(self) -> Mapping[bytes, bytes]:
        """What is kept beside results, by key."""

    def save(
        self,
        key: bytes,
        outcome: Outcome,
        name: str,
        attempt: int,
        function: Any = None,
        epoch: int | None = None,
    ) -> None:
        """Stores the result of the task `name`; `attempt` is the number of the run, from 1.

        It counts unless the task was removed since it was claimed, at `epoch`; by default, since the last
        `refresh`.
        """

    def epoch(self) -> int | None:
        """That of what was claimed before the last `refresh`; None where removals are noticed by claims."""

    def save_failure(self, key: bytes, report: FailureReport, name: str) -> None:
        """Stores why a task failed; ``report["kept"]`` says whether it stays failed."""

    def expect(self, scheduler: _native.Scheduler) -> None:
        """Says what will run: results that several tasks need may be kept in memory. Until `close`."""

    def has_inputs(self) -> bool:
        """Whether results are in memory that are decoded for each use."""

    def forget_inputs(self, keys: Sequence[bytes]) -> None:
        """Lets go of such results, as nobody needs them here any more."""

    def damage(self) -> Sequence[str]:
        """What stored bytes turned out to be damaged and no later result has replaced, a line each."""

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        """What dead workers had, until that is settled, if any of these may be among it.

        To be asked between a claim and the refresh after it, which then sees what was recorded in between.
        """

    def acknowledge_crashes(self, crashes: Sequence[Crash]) -> None:
        """Forgets what was found, after what counts was recorded with `save_failure`, and what has a result.

        What does not count is recorded here, for other workers to know.
        """

    def reports(self, keys: Sequence[bytes]) -> Mapping[bytes, FailureReport]:
        """The same as `failures`, of those of these keys that failed."""

    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus] | None:
        """The workers that the store knows, dead ones too, and which of `keys` each of them has claimed.

        None where the store cannot tell. It costs workers nothing.
        """

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        """Those of `keys`, which have no result, that are being run."""

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        """How long the run took that each result came from, in seconds; None where that is not known."""

    def described(self) -> Sequence[bytes]:
        """The keys of the stored results of which `facts` are known."""

    def facts(self, key: bytes) -> ResultFacts | None:
        """What is known of a stored result; None where there is none, and where nothing is."""

    def libraries(self, key: bytes) -> Mapping[str, str]:
        """The versions of Python and libraries that a result was stored with; empty where nobody knows."""

    def damaged(self) -> Sequence[bytes]:
        """Keys whose results are lost by what `damage` says, as far as that is known."""

    def flush(self) -> None:
        """Lets other processes see what was stored so far."""

    def sync(self) -> None:
        """Makes everything durable; called before the worker sleeps."""

    def wait(self, timeout: float) -> object:
        """Sleeps until something may have changed, `timeout` seconds at most."""

    def wait_for_news(self, timeout: float) -> object:
        """The same, for a caller that asks `is_quiet` and `finished_elsewhere` afterwards."""

    def glance(self) -> object:
        """The same without sleeping."""

    def finished_elsewhere(self) -> tuple[Sequence[int], Sequence[int]]:
        """What is known without a look: which results came, and which claims went, since it was asked this.

        Prefixes of keys, for :meth:`_native.Graph.find_prefixes`.
        """

    def is_quiet(self) -> bool:
        """Whether nothing has changed since it was asked this, so that there is nothing to look for."""

    def close(self) -> None:
        """Ends the use of the session; the store stays open."""


def warn_of_damage(session: StoreSession) -> None:
    """Tells the user why tasks that were done are not done any more."""
    lines = session.damage()
    if lines:
        for line in lines:
            warn(line)
        warn("tasks whose results are lost will run again")
