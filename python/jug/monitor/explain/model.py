"""What is said of a task, before it is text or JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...engine.argument_differences import Difference
from ...engine.task_state import TaskState

if TYPE_CHECKING:
    from ...internal.types import FailureReport, ResultFacts

__all__ = [
    "Argument",
    "Explanation",
    "MadeBy",
    "Nearest",
    "Runner",
    "TaskRef",
    "UnaskedResults",
    "Waiting",
]


class TaskRef(NamedTuple):
    """A task that is named in what is said of another one."""

    #: The beginning of its key, as `jug failures` shows it.
    id: str
    key: bytes
    name: str
    #: None if it is no task of the jugfile.
    state: TaskState | None
    #: Whether its last run failed.
    has_failed: bool = False

    def __str__(self) -> str:
        state = "not in the jugfile" if self.state is None else self.state.name.lower()
        failed = ", its last run failed" if self.has_failed and self.state is not TaskState.FAILED else ""
        return f"{self.name} {self.id} ({state}{failed})"


class Argument(NamedTuple):
    """A part of what a key is made of."""

    #: "argument 2", "argument scale=".
    name: str
    #: In short.
    value: str
    type: str
    #: Equal for equal values, in every process and on every day.
    digest: bytes
    #: The tasks in it, those first that have no result; of many the first ones.
    tasks: Sequence[TaskRef]
    nr_tasks: int


class Runner(NamedTuple):
    """The worker that has claimed a task; what is not known is empty, 0 or None."""

    worker: str
    host: str
    pid: int
    #: Since when the task runs, in seconds since 1970.
    since: float | None


class Waiting(NamedTuple):
    """What a task waits for."""

    nr_inputs: int
    nr_unfinished: int
    #: Those that have no result, of many the first ones.
    unfinished: Sequence[TaskRef]
    #: The shortest chain of inputs to one that failed for good, the task itself left out; empty if none did.
    to_failed: Sequence[TaskRef]
    #: The same to one that runs, or may run now.
    to_runnable: Sequence[TaskRef]


class Nearest(NamedTuple):
    """A task of the same name that has a result."""

    task: TaskRef
    #: Of the arguments that differ the first ones.
    differences: Sequence[Difference]
    #: How many arguments differ.
    nr_differing: int
    #: Whether the function gets the same: by name here and by place there, or a default that was given.
    is_same_call: bool


class UnaskedResults(NamedTuple):
    """Stored results for which no task of the jugfile asks."""

    #: Of the name that is asked about; when the first and the last of them were made, None if not known.
    number: int
    first: float | None
    last: float | None
    #: How many there are of names that no task of the jugfile has.
    other_names: Mapping[str, int]
    #: How many were looked at, and how many there are.
    nr_looked_at: int
    total: int


class MadeBy(NamedTuple):
    """The code that made a result, and that of today; "" for what is not known."""

    code: str
    today: str
    is_accepted: bool
    #: What became of each piece of the code that is another one now.
    changes: Sequence[str]


class Explanation(NamedTuple):
    """All that is known of a task."""

    id: str
    key: bytes
    name: str
    #: The arguments in short, as they would stand in a call.
    call: str
    #: None if it is no task of the jugfile.
    state: TaskState | None
    runner: Runner | None = None
    waiting: Waiting | None = None
    failure: FailureReport | None = None
    is_damaged: bool = False
    was_removed: bool = False
    #: What became of a file of its result, which counts no more for that: "the file /work/out is not there".
    lost_file: str = ""
    facts: ResultFacts | None = None
    #: Versions of Python and packages with which the result was stored, and those of here that differ.
    libraries: Mapping[str, str] = {}
    libraries_here: Mapping[str, str] = {}
    code: MadeBy | None = None
    arguments: Sequence[Argument] = ()
    #: Only of what has no result.
    nearest: Sequence[Nearest] = ()
    #: How many tasks of this name have results.
    nr_results: int = 0
    unasked: UnaskedResults | None = None
    #: Results that no task asks for whose arguments were guessed: their keys, and what differs.
    guessed: Sequence[tuple[bytes, str]] = ()
    #: The key of an earlier version under which there is a result.
    former_key: bytes | None = None
