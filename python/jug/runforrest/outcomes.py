"""What became of tasks whose processes have ended."""

from __future__ import annotations

import errno
from typing import Any, NamedTuple

from ..process.managed import End
from .at_work import Running
from .folder import Folder
from .memory import MemoryLimit
from .performance import STATES

__all__ = ["Ended", "judged", "reason_of"]


class Ended(NamedTuple):
    """A task that has ended.

    Attributes
    ----------
    name : str
        The name of its file.
    message : tuple or None
        What the script is to know of it. None: that it is still to be done.
    word : str
        What the log says.
    seconds : float
        How long it took.
    printed : bytes
        What it has printed, if that is kept.
    """

    name: str
    message: tuple[Any, ...] | None
    word: str
    seconds: float
    printed: bytes

    @property
    def may_succeed(self) -> bool:
        """Whether it has failed in a way that another run may not."""
        return self.word != "done" and (self.message is None or self.message[0] != "unreadable")


def judged(
    task: Running, end: End, word: str, why: str, folder: Folder, memory: MemoryLimit, order: dict[str, Any]
) -> tuple[tuple[Any, ...] | None, str]:
    """What goes to the script and to the log of a task that has ended.

    Parameters
    ----------
    task : Running
    end : End
        How its process has ended.
    word, why : str
        What it has said itself.
    folder : Folder
    memory : MemoryLimit
    order : dict
        What the script has asked for.
    """
    if word in ("unreadable", "unstored"):
        return (word, why), "fail"
    # It may have stored the result itself.
    state = word if word in STATES else folder.result_of(task.name)
    if state is not None:
        return ("finished", state), state
    if task.is_overdue:
        message = ("overdue", order["autokill"])
        return None if order["autokill_requeue"] else message, "autokilled"
    if task.taken:
        return ("overweight", task.taken, order["memory_limit"]), "fail"
    return ("crashed" if task.is_read else "unread", memory.kind_of(end), end.number), "fail"


def reason_of(error: OSError) -> str:
    """Why something could not be done, and what to do about it."""
    advice = ""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        advice = "; run fewer at the same time (nprocesses), or allow more open files (ulimit -n)"
    return f"{error}{advice}"
