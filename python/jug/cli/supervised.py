"""Where a worker begins that a supervisor started, or had forked: the same command line without it."""

from __future__ import annotations

import faulthandler
import importlib
import pickle
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..internal import supervision
from ..process.signals import was_asked_to_end
from .main import main as command

if TYPE_CHECKING:
    from ..internal.types import PreloadOrder

__all__ = ["main", "serve"]

#: What of this package workers import when they need it.
_NEEDED = (
    *("subcommands.execute", "engine.worker.execute", "engine.session.file", "engine.failures.summary"),
    *("engine.maintenance.pack", "engine.handover", "hooks.exit_checks", "cli.parser", "io"),
)


def serve() -> None:
    """Imports what workers need, and works in each that is forked of this process as :func:`main` does."""
    from ..process.forkserver import serve as fork

    main(fork(_prepare))


def _prepare(text: bytes) -> Iterator[str]:
    from ..engine.preloading import preload

    order: PreloadOrder = pickle.loads(text)
    sys.path[:] = order["path"]
    sys.argv[:] = order["argv"]
    for name in _NEEDED:
        importlib.import_module(f"jug.{name}")
    yield from preload(order["jugfile"], order["modules"])


def main(numbers: Mapping[int, int] | None = None) -> None:
    """Works for the supervisor that started this process; leaves by SystemExit.

    Parameters
    ----------
    numbers : mapping of int to int, optional
        See :func:`jug.internal.supervision.begin`.
    """
    mine = supervision.begin(numbers)
    faulthandler.enable(mine.faults)
    sys.path[:] = mine.mail["path"]
    sys.argv[:] = mine.mail["argv"]
    try:
        command(mine.mail["command"])
    except SystemExit:
        # Whatever it is, it was printed: the supervisor need not take it for a crash.
        if mine.is_here:
            if was_asked_to_end() and not mine.slot.is_to_stop():
                # Who asked only this worker to end wants the others to go on, and another one in its place.
                # The slot still says what it ran: perhaps the task itself has sent the signal.
                mine.slot.set_phase("interrupted")
            else:
                mine.slot.rests()
                mine.slot.set_phase("retired" if mine.is_retired else "ended")
        raise
