"""Tables in the output of a notebook's cell, which follow what happens and stay there in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from IPython.display import display

from ..internal import html
from ..internal.units import format_rate, format_rough, format_size
from .base import NoDisplay
from .pace import Pace
from .progress import Progress, TaskProgress, WorkerProgress, in_short, left_text, most_telling, sentence

__all__ = ["NotebookDisplay"]

#: Seconds from one look to the next, at least: what is shown may go over a network.
_PERIOD = 0.25

#: How many names and workers are shown while it works, and how many names in the end.
_MOST_NAMES, _MOST_WORKERS, _MOST_IN_THE_END = 20, 16, 100

#: The columns of names while it works, the second of them bars.
_TITLES = ("Task name", "", "Done", "Running", "Failed", "Rate", "Time left")


class NotebookDisplay(NoDisplay):
    """Shows tables in the cell that runs. What is printed comes below them.

    Raises
    ------
    ImportError
        If IPython cannot be imported.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pace = Pace(_PERIOD)
        self._began = time.monotonic()
        self._progress: Progress | None = None
        #: By which what is there is replaced.
        self._handle: Any = None

    def due_in(self) -> float | None:
        """At most four times a second."""
        return self._pace.due_in()

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Looks, and shows it if it is not what is shown."""
        if self._pace.begin():
            progress = look()
            if progress != self._progress:
                self._progress = progress
                self._show(_working(progress), _line(progress))
            self._pace.end()

    def close(self, look: Callable[[], Progress] | None = None) -> None:
        """Leaves what was seen last, as a table of what was done."""
        progress = self._progress if look is None else look()
        if progress is not None:
            self._show(*_ended(progress, time.monotonic() - self._began))

    def _show(self, shown: str, line: str) -> None:
        bundle = {"text/plain": line, "text/html": shown}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


def _line(progress: Progress, without: Sequence[str] = ()) -> str:
    """The same as a line of text, for what shows no HTML."""
    parts = sentence(progress.total) if progress.total.total else {"note": progress.note}
    return ", ".join(text for name, text in parts.items() if name not in without)


def _working(progress: Progress) -> str:
    """What is shown while tasks run."""
    parts = []
    if progress.names:
        names, more = most_telling(progress.names, _MOST_NAMES)
        rows = [_row(it) for it in names]
        parts.append(html.rows(_TITLES, [*rows, *_and_more(more)], _row(progress.total, "Total")))
    if progress.workers:
        shown = progress.workers[:_MOST_WORKERS]
        workers = [_worker(it) for it in shown]
        more = len(progress.workers) - len(shown)
        parts.append(html.rows(("Worker", "Runs", "For", "Memory"), [*workers, *_and_more(more)], left=2))
    return "".join(parts) + html.note(progress.note)


def _row(it: TaskProgress, title: str = "") -> list[object]:
    is_done = it.done >= it.total
    return [
        title or it.name,
        html.bar(it.done, it.failed, it.total),
        f"{it.done} / {it.total}",
        it.running or "",
        html.alarming(it.failed) if it.failed else "",
        format_rate(it.rate) if it.rate and not is_done else "",
        in_short(left_text(it.left)),
    ]


def _worker(it: WorkerProgress) -> list[object]:
    memory = "" if it.memory is None else format_size(it.memory)
    return [it.label, it.name or "-", format_rough(it.seconds) if it.name else "", memory]


def _ended(progress: Progress, seconds: float) -> tuple[str, str]:
    """What is shown in the end, and the same as a line of text; nothing where there were no tasks."""
    names, more = most_telling(progress.names, _MOST_IN_THE_END)
    if not names:
        return "", ""
    # Neither what runs nor how long it takes still.
    columns = [0, 1, 2, *([4] if progress.total.failed else [])]
    titles, *rows, total = (
        [cells[column] for column in columns]
        for cells in (_TITLES, *map(_row, names), _row(progress.total, "Total"))
    )
    table = html.rows(titles, [*rows, *_and_more(more)], total)
    took = f"worked for {format_rough(seconds)}" if seconds >= 1 else ""
    return table + html.note(took), _line(progress, without=("running", "rate", "left"))


def _and_more(number: int) -> list[list[object]]:
    return [[f"and {number} more"]] if number else []
