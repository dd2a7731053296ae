"""Types of what stores and the native half take and return: dictionaries, tuples and words.

For annotations only: import this module under ``TYPE_CHECKING``, so that no process spends time on it.
"""

from collections.abc import Callable
from typing import Any, Literal, NotRequired, TypedDict

__all__ = [
    "Called",
    "Change",
    "ClaimChoice",
    "ClaimMode",
    "Damage",
    "EndedWorker",
    "FailureKind",
    "FailureReport",
    "Fault",
    "LimitWords",
    "NotPacked",
    "OnError",
    "Order",
    "PackReport",
    "PackedStore",
    "PreloadOrder",
    "Printed",
    "ProcessIdentity",
    "ResultFacts",
    "ResultMetadata",
    "RunResult",
    "RunningTask",
    "State",
    "SyncMode",
    "TaskDeath",
    "WorkerDescription",
    "WorkerMail",
    "WorkerSummary",
    "WriteCounts",
]

#: Whether results are durable at most 50 ms after they were stored, or when `save` returns.
SyncMode = Literal["group", "always"]

#: How tasks are claimed: by locks of the kernel's (one host), or by hard links (any number of hosts).
ClaimMode = Literal["posix", "link"]

#: The same, or as the filesystem needs it.
ClaimChoice = Literal["auto", "posix", "link"]

#: Whether an error in a jugfile ends the process, after its traceback, or is raised.
OnError = Literal["exit", "propagate"]

#: What a store has of a task.
State = Literal["result", "failed", "absent"]

#: The key of a task whose state changed, and its state now.
Change = tuple[bytes, State]

#: What a task calls: a function, or a tuple of one and the functions and classes among its arguments.
Called = Callable[..., Any] | tuple[Callable[..., Any], ...]

#: What a worker runs, or ran when it died: its id, the task's key and name, which attempt that is (from 1),
#: and when it started, in seconds since 1970.
RunningTask = tuple[str, bytes, str, int, float]

#: What became of a task that failed. "exception": the task raised one. "unstorable": it returned what cannot
#: be stored. "signal", "exit": what ended the process that it ran in. "timeout", "memory": the limit that it
#: broke. "lost": the worker that ran it died, and the cause is not known.
FailureKind = Literal["exception", "unstorable", "signal", "exit", "timeout", "memory", "lost"]

#: Why a file was not packed. "open": its worker runs. "remote": its worker is on another host and not known
#: to be dead. "foreign": its worker is lost, and the file is another user's. "damaged": it holds damage that
#: no later result replaced. "unknown": a later version wrote it. "gone": it was removed meanwhile.
NotPacked = Literal["open", "remote", "foreign", "damaged", "unknown", "gone", "unreadable", "no room"]


#: What was printed: the beginning, how many bytes were left out, and the end.
Printed = tuple[bytes, int, bytes]


class LimitWords(TypedDict, total=False):
    """What may be declared with a function; see :class:`jug.task.TaskGenerator`."""

    timeout: float | None
    retries: int | None
    memory: str | float | None
    version: int | str | None


class ResultFacts(TypedDict):
    """What is known of a stored result."""

    name: str
    #: When the run began, in seconds since 1970; 0 if not known.
    started: float
    #: How long it took, in seconds.
    duration: float
    #: From 1; 0 if not known.
    attempt: int
    #: The id of the worker that ran the task.
    worker: str
    #: Bytes of the result as stored.
    size: int


class ResultMetadata(TypedDict):
    """What users learn of the result of a task: whether there is one, and its :class:`ResultFacts`."""

    computed: bool
    name: NotRequired[str]
    started: NotRequired[float]
    duration: NotRequired[float]
    attempt: NotRequired[int]
    worker: NotRequired[str]
    size: NotRequired[int]
    #: When the run ended, in local time; missing if that is not known.
    completed: NotRequired[str]


class FailureReport(TypedDict, total=False):
    """What is kept of a failure, beside the results; a report of an earlier version may lack some of it."""

    kind: FailureKind
    #: The error's class, with its module; empty where there is none.
    type: str
    message: str
    #: The user's lines; empty where they say no more than the message.
    traceback: str
    #: What the task printed, if that was kept; a store gives it with a single report only.
    output: str
    #: The arguments of the task, in short.
    arguments: str
    name: str
    host: str
    pid: int
    #: The version of Python.
    python: str
    #: When the run began, in seconds since 1970, and how long it took, in seconds.
    started: float
    duration: float
    #: How many times the task had been run, this time included.
    attempt: int
    #: Whether the task stays failed until somebody clears the mark.
    kept: bool
    #: The supervisor under which it was run, if any: none of its workers tries the task again.
    run: str
    #: Of a task that died: how many times it did.
    crashes: int
    #: Whether those who are at work try it again. Missing if each of them may, once.
    again: bool


class EndedWorker(TypedDict, total=False):
    """How a worker ended that a supervisor had started."""

    worker: int
    pid: int
    #: Whether a signal killed it, or it ended itself; and the number of the signal, or the exit status.
    kind: Literal["signal", "exit"]
    number: int
    phase: Literal["starting", "working", "ended", "retired", "interrupted"]
    #: The task that ran, if one did, and for how long it had, in seconds.
    key: bytes
    name: str
    attempt: int
    started: float
    duration: float
    #: The limit, in seconds, or the memory, in bytes, for which it was killed.
    timeout: float
    memory: int
    #: How many bytes of memory its tasks had left, for which it was replaced; then no task is to blame.
    left: int
    #: Whether the system has killed something for want of memory while it lived.
    memory_ran_out: bool
    #: What it wrote into its mail (a pickled WorkerSummary), and about a fault of which it died.
    mail: bytes
    faults: bytes
    #: What the task printed, if that is kept.
    printed: Printed


class TaskDeath(TypedDict):
    """What a supervisor saw of the death of a task: the worker that comes next records it."""

    key: bytes
    kind: FailureKind
    message: str
    traceback: str
    #: What the task had printed, if that is kept.
    output: str
    #: Whether the task itself was the cause, so that it has failed at once.
    is_sure: bool
    #: Whether to print that it failed; not where the same was printed often enough.
    is_shown: bool
    started: float
    duration: float


class WorkerMail(TypedDict):
    """What a supervisor writes to a worker that it starts."""

    #: The words of the command line, the program's name first; ``sys.argv`` and ``sys.path``.
    command: list[str]
    argv: list[str]
    path: list[str]
    #: The name of this run of the supervisor.
    run: str
    #: When it began (``time.monotonic``).
    began: float
    #: How many tasks the worker runs before another one takes its place; None: any number.
    max_tasks: int | None
    #: The descriptor of the file with the tasks to run; None: they are those of the jugfile.
    tasks: int | None
    #: Whether it is to leave the reports of failures to the supervisor.
    asks_for_reports: bool
    #: Whether it is to write notes for the log.
    is_logged: bool
    deaths: list[TaskDeath]


class PreloadOrder(TypedDict):
    """What a supervisor asks of the process from which it has workers forked."""

    #: ``sys.argv`` and ``sys.path``.
    argv: list[str]
    path: list[str]
    #: The jugfile whose imports count, if there is one, and what is imported besides.
    jugfile: str | None
    modules: list[str]


class Order(TypedDict):
    """What a process asks of the supervisor that it starts."""

    #: The words of the command line, the program's name first; ``sys.argv`` and ``sys.path``.
    command: list[str]
    argv: list[str]
    path: list[str]
    #: The descriptor of the file with the tasks to run; None: they are those of the jugfile.
    tasks: int | None


class RunResult(TypedDict):
    """What a supervisor answers to the process that started it."""

    #: An exit status, and the signal that ended the run; 0 if none did.
    status: int
    signal: int
    #: By task name: what was run, found finished, failed, and has neither a result nor a failure.
    executed: dict[str, int]
    loaded: dict[str, int]
    failed: dict[str, int]
    unfinished: dict[str, int]
    #: How many tasks failed, were marked as failed before, and cannot run without one of those.
    blocked: tuple[int, int, int]
    #: Reports of tasks that failed, by key.
    reports: dict[bytes, FailureReport]


class WorkerSummary(TypedDict):
    """What a worker leaves to its supervisor when it ends."""

    #: The keys of the tasks that failed, in hexadecimal digits.
    failed: set[bytes]
    #: How many tasks failed here, are marked as failed, and cannot run without one of those.
    blocked: tuple[int, int, int]
    #: Why nothing was selected; empty where something was.
    unselected: str
    #: The reports of tasks that failed in it, by key, if the supervisor asked for them; of many, the first.
    reports: dict[bytes, FailureReport]


class Damage(TypedDict):
    """Damage that was found while reading, and that no later result replaced."""

    #: How many records do not match their checksums.
    records: int
    #: The keys of the tasks whose results are lost.
    keys: list[bytes]
    #: Files that cannot be read on: path, offset in bytes, and why.
    files: list[tuple[str, int, str]]


class Fault(TypedDict):
    """Damage that a reading of all files found."""

    #: The task whose result it was; None if not known.
    key: bytes | None
    #: The task's name; empty if not known.
    name: str
    path: str
    #: Where in the file, in bytes.
    offset: int
    what: str
    #: Whether it is only what a worker that was killed leaves: nothing that was acknowledged is lost.
    harmless: bool


class PackReport(TypedDict):
    """What packing did."""

    #: Results in packs now, and how many of them were in none before.
    results: int
    packed: int
    #: How many segments and packs were replaced.
    segments: int
    packs: int
    #: Packs that were listed and do not exist or cannot be read, and are listed no more.
    missing: int
    #: How many files there were before and after, and their bytes.
    files: tuple[int, int]
    bytes: tuple[int, int]
    #: What was not packed: the file, and why.
    left: list[tuple[str, NotPacked]]
    #: Whether another process did it.
    beaten: bool
    #: The bytes of free space that packing the largest of those without room needs.
    needed: int
    #: How many bytes more the pack would have taken, where nothing was packed because of that; else 0.
    larger: int


class PackedStore(PackReport):
    """What ``jug pack`` did."""

    #: How many files of large results that nothing referred to were removed, and their bytes.
    swept: tuple[int, int]


class WorkerDescription(TypedDict):
    """A registered worker; what its file does not say, or while it cannot be read, is missing."""

    id: str
    alive: bool
    host: NotRequired[str]
    boot_id: NotRequired[str]
    pid: NotRequired[int]
    #: When its process began, in clock ticks since boot.
    pid_start: NotRequired[int]
    #: When it registered, in seconds since 1970.
    started: NotRequired[float]
    nonce: NotRequired[str]
    version: NotRequired[str]


class ProcessIdentity(TypedDict):
    """A process, as others on the same machine can check."""

    host: str
    #: Differs from boot to boot of any machine; empty where the system has no such thing.
    boot_id: str
    #: Among which processes `pid` is unique; empty where this is not known.
    pid_ns: str
    pid: int
    #: When it began, in clock ticks since boot; 0 where the system does not say.
    pid_start: int


class WriteCounts(TypedDict):
    """What a store wrote: records, their bytes, writes, calls of fdatasync, and replays after an error."""

    records: int
    bytes: int
    writes: int
    syncs: int
    replays: int
