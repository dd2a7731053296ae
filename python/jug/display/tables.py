"""The tables of a live display, drawn by the package rich."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..internal.console import escaped
from ..internal.units import format_rate, format_rough, format_size
from .progress import DROPPED_FIRST, Progress, TaskProgress, in_short, left_text, most_telling, sentence

__all__ = ["Tables"]

#: Blanks between columns.
_GAP = 2

#: How wide a bar is, and how wide a column of names is before other columns are left out for it.
_BAR = range(8, 31)
_LEAST_NAME = 14

#: Below this width there are no tables.
_LEAST_WIDTH = 30

#: How wide the label of a worker may be.
_MOST_LABEL = 20

#: How wide columns of rates, times and sizes are at least, so that they do not move when a number grows.
_RATE, _TIME, _SIZE = 7, 6, 7

#: Columns of the table of workers, in the order in which they are left out.
_DROPPED_OF_WORKERS = ("memory", "seconds")


class _Column(NamedTuple):
    """A column of numbers: its title, its text and style in each row, and how wide it is at least."""

    title: str
    cells: Sequence[tuple[str, str]]
    least: int = 0

    @property
    def width(self) -> int:
        """How wide it has to be."""
        return max(self.least, *map(len, (self.title, *(text for text, _ in self.cells))))


class Tables:
    """Draws tables as lines of text for a terminal.

    Parameters
    ----------
    stream : file
        Of the terminal: what it understands depends on its encoding, TERM, COLORTERM and NO_COLOR.
    """

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, force_terminal=True, force_jupyter=False, legacy_windows=False)

    def lines(self, progress: Progress, columns: int, lines: int) -> list[str]:
        """The lines for a terminal of a size, fewer than that, and each of them shorter than that."""
        width, room = max(1, columns - 1), max(1, lines - 1)
        self._console.size = (width, room)
        with self._console.capture() as captured:
            self._console.print(self._shown(progress, width, room), no_wrap=True, overflow="crop", end="")
        text: str = captured.get()
        return text.rstrip("\n").split("\n")[:room]

    def _shown(self, progress: Progress, width: int, room: int) -> Group:
        ends = [_sentence(progress, width)] if progress.total.total else []
        note = textwrap.wrap(escaped(progress.note), width)[: max(1, room // 4)]
        ends += [Text(_shortened(line, width), style="yellow") for line in note]
        room -= len(ends)
        for_names, for_workers = _share(room, len(progress.names), len(progress.workers))
        if width < _LEAST_WIDTH:
            for_names = for_workers = 0
        tables: list[Any] = []
        if for_names:
            names, more = most_telling(progress.names, for_names - 1)
            tables += [_table_of_names(names, more, width), ""]
        if for_workers:
            tables += [_table_of_workers(progress, for_workers - 2, width), ""]
        if tables and for_names + for_workers >= room:
            tables.pop()
        return Group(*tables, *ends)


def _share(room: int, names: int, workers: int) -> tuple[int, int]:
    """How many lines the tables of names and of workers get, with titles and a blank one between them."""
    all_names, all_workers = names + 1 if names else 0, workers + 2 if workers else 0
    if all_names + all_workers <= room:
        return all_names, all_workers
    # What is cut has a line that says so.
    for_workers = min(all_workers, max(room - all_names, room // 2))
    if for_workers < min(all_workers, 4):
        for_workers = 0
    for_names = min(all_names, room - for_workers)
    return for_names if for_names >= min(all_names, 3) else 0, for_workers


def _table_of_names(names: Sequence[TaskProgress], more: int, width: int) -> Table:
    done = [(f"{it.done}/{it.total}", "green" if _is_done(it) else "") for it in names]
    rates = [format_rate(it.rate) if it.rate and not _is_done(it) else "" for it in names]
    columns = {
        "done": _Column("Done", done, max(len(f"{it.total}/{it.total}") for it in names)),
        "running": _Column("Running", [(str(it.running), "cyan" if it.running else "dim") for it in names]),
        "failed": _Column("Failed", [(str(it.failed), "bold red" if it.failed else "dim") for it in names]),
        "rate": _Column("Rate", [(rate, "") for rate in rates], _RATE),
        "left": _Column("Left", [(_left_cell(it), "") for it in names], _TIME),
    }
    texts = [escaped(it.name) for it in names]
    if more:
        texts.append(f"... and {more} more")
    longest = max(map(cell_len, ("Task", *texts)))
    rest = _fit(columns, width, min(longest, _LEAST_NAME), DROPPED_FIRST)
    bar = min(rest - longest - _GAP, _BAR.stop - 1)
    table = _empty_table("Task", min(rest, longest))
    if bar in _BAR:
        table.add_column("", width=bar)
    for column in columns.values():
        table.add_column(column.title, justify="right", width=column.width)
    for row, (text, it) in enumerate(zip(texts, names, strict=False)):
        bars = [_bar(it, bar)] if bar in _BAR else []
        table.add_row(Text(_shortened(text, rest)), *bars, *_cells(columns.values(), row))
    if more:
        table.add_row(Text(_shortened(texts[-1], rest), style="dim"))
    return table


def _table_of_workers(progress: Progress, room: int, width: int) -> Table:
    workers = progress.workers
    shown = workers if len(workers) <= room else [it for it in workers if it.name][: room - 1]
    labels = [_shortened(escaped(it.label), _MOST_LABEL) for it in shown]
    columns = {
        "seconds": _Column("For", [(format_rough(it.seconds) if it.name else "", "") for it in shown], _TIME)
    }
    if any(it.memory is not None for it in shown):
        sizes = ["" if it.memory is None else format_size(it.memory) for it in shown]
        columns["memory"] = _Column("Memory", [(size, "") for size in sizes], _SIZE)
    texts = [escaped(it.name) or "-" for it in shown]
    if len(shown) < len(workers):
        texts.append(f"... and {len(workers) - len(shown)} more")
    # As wide as any name, so that no column moves when another task runs.
    longest = max(map(cell_len, ("Runs", *texts, *(escaped(it.name) for it in progress.names))))
    label = max(map(cell_len, ("Worker", *labels)))
    rest = _fit(columns, width - label - _GAP, min(longest, _LEAST_NAME), _DROPPED_OF_WORKERS)
    table = _empty_table("Worker", min(label, width))
    table.add_column("Runs", width=min(rest, longest))
    for column in columns.values():
        table.add_column(column.title, justify="right", width=column.width)
    for row, (text, name) in enumerate(zip(labels, texts, strict=False)):
        table.add_row(Text(text), Text(_shortened(name, rest)), *_cells(columns.values(), row))
    if len(shown) < len(workers):
        table.add_row("", Text(_shortened(texts[-1], rest), style="dim"))
    return table


def _empty_table(title: str, width: int) -> Table:
    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="bold")
    table.add_column(title, width=width)
    return table


def _bar(it: TaskProgress, width: int) -> ProgressBar:
    return ProgressBar(
        max(it.total, 1),
        it.done,
        width=width,
        complete_style="cyan",
        finished_style="green",
        style="bright_black",
    )


def _cells(columns: Iterable[_Column], row: int) -> list[Text]:
    return [Text(*column.cells[row]) for column in columns]


def _fit(columns: dict[str, _Column], width: int, needed: int, order: Iterable[str]) -> int:
    """Leaves out columns until there is room for what is needed beside them; how much room there is then."""
    for name in (*order, ""):
        rest = width - sum(column.width + _GAP for column in columns.values())
        if rest >= needed or not name:
            break
        columns.pop(name, None)
    return max(1, rest)


def _sentence(progress: Progress, width: int) -> Text:
    parts = sentence(progress.total)
    if cell_len(", ".join(parts.values())) > width:
        parts = {name: in_short(part) for name, part in parts.items()}
    for name in DROPPED_FIRST:
        if cell_len(", ".join(parts.values())) <= width:
            break
        parts.pop(name, None)
    return Text(_shortened(", ".join(parts.values()), width), style="bold")


def _is_done(it: TaskProgress) -> bool:
    return it.done >= it.total


def _left_cell(it: TaskProgress) -> str:
    return in_short(left_text(it.left))


def _shortened(text: str, width: int) -> str:
    """`text` without its middle where it is wider than that."""
    text = text.replace("\n", " ").replace("\t", " ")
    if cell_len(text) <= width:
        return text
    if width < 6:
        return str(set_cell_size(text, width))
    end, beginning = (width - 3) // 2, width - 3 - (width - 3) // 2
    return f"{set_cell_size(text, beginning)}...{set_cell_size(text[::-1], end)[::-1]}"
