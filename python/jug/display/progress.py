"""How far a computation is at one moment, as it is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..internal.units import format_rate, format_rough
from .eta import TimeLeft

__all__ = [
    "DROPPED_FIRST",
    "Progress",
    "TaskProgress",
    "WorkerProgress",
    "all_of",
    "left_text",
    "most_telling",
    "sentence",
]

#: What is left out where there is no room for all of it, in this order.
DROPPED_FIRST = ("rate", "running", "left", "failed")


class TaskProgress(NamedTuple):
    """How far the tasks of a name are, or all of them."""

    #: Empty for all.
    name: str
    done: int
    total: int
    running: int = 0
    failed: int = 0
    #: How many are finished in a second; None: not known.
    rate: float | None = None
    left: TimeLeft = TimeLeft(None)


class WorkerProgress(NamedTuple):
    """What a worker does."""

    #: By which it is known to the user.
    label: str
    #: The name of the task that it runs; empty if it runs none.
    name: str = ""
    #: For how many seconds it has run that.
    seconds: float = 0.0
    #: The bytes of its memory, with all below it; None: not known.
    memory: int | None = None


class Progress(NamedTuple):
    """How far a computation is."""

    #: In the order in which they are shown.
    names: Sequence[TaskProgress]
    total: TaskProgress
    workers: Sequence[WorkerProgress] = ()
    #: What is to be said beside that; empty: nothing.
    note: str = ""


def all_of(names: Sequence[TaskProgress], left: TimeLeft) -> TaskProgress:
    """How far the tasks of all names are."""
    rates = [it.rate for it in names if it.rate is not None]
    return TaskProgress(
        "",
        sum(it.done for it in names),
        sum(it.total for it in names),
        sum(it.running for it in names),
        sum(it.failed for it in names),
        sum(rates) if rates else None,
        left,
    )


def sentence(total: TaskProgress) -> dict[str, str]:
    """The parts of a sentence that says how far all tasks are."""
    parts = {"done": f"{total.done} of {total.total} tasks done", "running": f"{total.running} running"}
    if total.failed:
        parts["failed"] = f"{total.failed} failed"
    if total.rate:
        parts["rate"] = format_rate(total.rate, " tasks")
    if left := left_text(total.left):
        parts["left"] = f"{left} left"
    return parts


def left_text(left: TimeLeft) -> str:
    """An estimate in short; empty where nothing is known, or nothing is left."""
    if not left.seconds:
        return ""
    return f"{'more than ' if left.at_least else ''}{format_rough(math.ceil(left.seconds))}"


def in_short(text: str) -> str:
    """The same with fewer letters, for a cell of a table or a narrow line."""
    return text.replace(" tasks", "").replace("more than", ">")


def most_telling(names: Sequence[TaskProgress], room: int) -> tuple[Sequence[TaskProgress], int]:
    """So many names, those first that run or failed, then what is not done; and how many others there are."""
    if len(names) <= room:
        return names, 0
    by_interest = sorted(
        range(len(names)),
        key=lambda at: (
            not names[at].running,
            not names[at].failed,
            names[at].done >= names[at].total,
            not names[at].done,
        ),
    )
    chosen = sorted(by_interest[: room - 1])
    return [names[at] for at in chosen], len(names) - len(chosen)
