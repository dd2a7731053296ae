"""How far a run is, as a display shows it: what a supervisor would say of its workers."""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

from ..display.base import NoDisplay
from ..display.choose import open_display
from ..display.plain import PlainDisplay
from ..internal.console import say
from ..process.resident import resident_of_tree
from ..supervisor.progress import ProgressOfWorkers

if TYPE_CHECKING:
    from ..display.base import Display

__all__ = ["RunProgress"]


class RunProgress:
    """Shows how far the tasks of a run are.

    Parameters
    ----------
    mode : str or None
        How, see `jug.display.choose`; None: not at all.
    names : dict of str to str
        What each task calls, by the name of its file.
    """

    def __init__(self, mode: str | None, names: dict[str, str]) -> None:
        self._tally = _Tally(names)
        self._progress = ProgressOfWorkers(self._tally, "the tasks")
        self._display: Display = NoDisplay() if mode is None else open_display(mode, sys.stderr, say)

    @property
    def shows_output(self) -> bool:
        """Whether what tasks print has to be written by the display: else it would be written over."""
        return not isinstance(self._display, (NoDisplay, PlainDisplay))

    def due_in(self) -> float | None:
        """In how many seconds there may be something to show; None: never."""
        return self._display.due_in()

    def refresh(self) -> None:
        """Shows how far it is, if it is time for that."""
        self._display.refresh(self._progress.look)

    def write(self, text: str, *, is_error: bool) -> None:
        """Writes what a task has printed, each byte as a letter."""
        self._display.write(text.encode("latin-1"), is_error=is_error)

    def starts(self, name: str, pid: int) -> None:
        """A task starts in a process."""
        self._tally.starts(name, pid)

    def ends(self, name: str, *, is_failed: bool, seconds: float) -> None:
        """A task has ended."""
        self._tally.ends(name, is_failed=is_failed, seconds=seconds)

    def drop(self, name: str) -> None:
        """A task is not run any more."""
        self._tally.drop(name)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Leaves the terminal to the script while the context lasts."""
        self._display.hide()
        yield
        self._display.show_again()

    def close(self) -> None:
        """Nothing is shown any more."""
        self._display.close(self._progress.look)


class _Tally:
    """Counts the tasks of a run, and says so as a supervisor does.

    Parameters
    ----------
    names : dict of str to str
        See :class:`RunProgress`. Others are not counted.
    """

    def __init__(self, names: dict[str, str]) -> None:
        self._names = defaultdict(str, names)
        self._totals = Counter(names.values())
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        #: By the name of the file: a number that no other has that runs, the process, and when it started.
        self._running: dict[str, tuple[int, int, float]] = {}

    def starts(self, name: str, pid: int) -> None:
        """A task starts, perhaps again."""
        self._running.pop(name, None)
        taken = {number for number, _, _ in self._running.values()}
        number = next(it for it in count(1) if it not in taken)
        self._running[name] = (number, pid, time.monotonic())

    def ends(self, name: str, *, is_failed: bool, seconds: float) -> None:
        """A task has ended."""
        self._running.pop(name, None)
        what = self._names[name]
        if is_failed:
            self._failed[what] += 1
        else:
            self._done[what] += 1
            self._seconds[what] = self._seconds.get(what, 0.0) + seconds

    def drop(self, name: str) -> None:
        """A task is not run any more."""
        self._running.pop(name, None)
        self._totals[self._names[name]] -= 1

    def counts(self) -> list[tuple[str, int, int, int, int, float]]:
        """As `_native.Supervisor.counts`."""
        return [
            (
                what,
                total,
                self._done[what],
                self._done[what],
                self._failed[what],
                self._seconds.get(what, 0.0),
            )
            for what, total in self._totals.items()
        ]

    def running(self) -> list[tuple[int, int, tuple[bytes, str, int, float] | None]]:
        """As `_native.Supervisor.running`."""
        now = time.monotonic()
        return sorted(
            (number, pid, (name.encode(errors="surrogateescape"), self._names[name], 1, now - started))
            for name, (number, pid, started) in self._running.items()
        )

    def has_more(self) -> bool:
        """All tasks are counted."""
        return False

    def resident(self) -> list[tuple[int, int]]:
        """As `_native.Supervisor.resident`."""
        return [(number, resident_of_tree(pid)) for number, pid, _ in self._running.values()]
