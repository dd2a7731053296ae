"""What comes back from a worker, and how a worker that runs tasks of pytask is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pytask import WarningReport

__all__ = ["STREAMS", "Carried", "TaskOptions", "TaskRaised", "TaskResult", "left_output"]

#: What is captured, in the order in which it is kept.
STREAMS = ("stdout", "stderr")


class TaskOptions(NamedTuple):
    """What a worker is to know of the session."""

    #: Of rich's console there, for tracebacks.
    console: Any
    show_locals: bool
    #: Of the session, and the marks of the task.
    filterwarnings: tuple[str, ...]
    marks: tuple[Any, ...]
    #: How output is kept: "fd", "python", or "" for not at all.
    capture: str
    #: In which directory it runs; empty where that stays.
    cwd: str
    #: Whether files are not those of the session.
    is_remote: bool
    #: How the paths of the files begin that keep output with "fd": they outlive a worker. Each ends with the
    #: name of its stream, and is removed with the task.
    output: str = ""


class Carried(NamedTuple):
    """What a task produced that is only in the worker: the bytes of a file, or a value for a node."""

    content: bytes | None
    value: Any = None


class TaskRaised(NamedTuple):
    """What a task raised; the exception itself, or one with its text where that cannot be sent."""

    error: BaseException
    #: As rich shows it.
    traceback: str


class TaskResult(NamedTuple):
    """What became of a task in a worker."""

    #: One for each product, in the order of its leaves; None where nothing is to be brought.
    carried: list[Carried | None]
    raised: TaskRaised | None
    warnings: list[WarningReport]
    stdout: str
    stderr: str
    #: Which process it was.
    worker: str


def left_output(output: str) -> list[tuple[str, str]]:
    """What a task has printed that did not come back: names of streams and texts.

    Parameters
    ----------
    output : str
        As :attr:`TaskOptions.output` has it.
    """
    found = []
    for stream in STREAMS if output else ():
        path = Path(f"{output}.{stream}")
        # A task that has not begun has none.
        if path.exists():
            found.append((stream, path.read_text(errors="replace")))
            path.unlink()
    return found
