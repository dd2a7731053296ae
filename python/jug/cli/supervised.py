"""Where a worker begins that a supervisor started: the same command line, without the supervisor."""

from __future__ import annotations

import faulthandler
import sys

from ..internal import supervision
from .main import main as command

__all__ = ["main"]


def main() -> None:
    """Works for the supervisor that started this process; leaves by SystemExit."""
    mine = supervision.begin()
    faulthandler.enable(mine.faults)
    sys.path[:] = mine.mail["path"]
    sys.argv[:] = mine.mail["argv"]
    try:
        command(mine.mail["command"])
    except SystemExit:
        # Whatever it is, it was printed: the supervisor need not take it for a crash.
        if mine.is_here:
            mine.slot.rests()
            mine.slot.set_phase("retired" if mine.is_retired else "ended")
        raise
