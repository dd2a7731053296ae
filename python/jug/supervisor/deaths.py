"""What the end of a worker says about the task that it ran."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ..internal.printing import text_of as text_of_output
from ..internal.tracebacks import fault_of_user
from ..internal.units import format_size
from ..process.managed import End

if TYPE_CHECKING:
    from ..internal.types import EndedWorker, FailureKind, TaskDeath

__all__ = ["death_of", "text_of"]


def text_of(ended: EndedWorker) -> str:
    """How a worker ended, in words."""
    return End(ended["kind"], ended["number"]).text


def death_of(ended: EndedWorker) -> TaskDeath | None:
    """How a task died with its worker; None if none ran.

    It is sure that the task was the cause where it broke a limit, or its process ended by itself. A SIGKILL
    may have been anybody's.
    """
    if "key" not in ended:
        return None
    kind: FailureKind
    is_sure = True
    if "timeout" in ended:
        kind, message = "timeout", f"ran longer than {ended['timeout']:g} s, and was killed"
    elif "memory" in ended:
        taken = format_size(ended["memory"])
        kind, message = "memory", f"took its worker to {taken} of memory, and was killed"
    elif ended["number"] == signal.SIGKILL and ended["kind"] == "signal" and ended["memory_ran_out"]:
        kind, message = "memory", "was killed by the system for want of memory"
    elif ended["phase"] == "interrupted":
        kind, message, is_sure = "signal", "had its worker asked to end, by itself or by somebody", False
    else:
        kind, message = ended["kind"], text_of(ended)
        is_sure = End(ended["kind"], ended["number"]).is_own
    return {
        "key": ended["key"],
        "kind": kind,
        "message": message,
        "traceback": fault_of_user(ended["faults"].decode(errors="replace")),
        "output": text_of_output(*ended["printed"]) if "printed" in ended else "",
        "is_sure": is_sure,
        "is_shown": True,
        "started": ended["started"],
        "duration": ended["duration"],
    }
