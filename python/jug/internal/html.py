"""HTML for notebooks. All that is shown is text, whatever stands in it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from .console import escaped

__all__ = ["Markup", "alarming", "bar", "call", "details", "note", "rows", "table"]

#: What is wider than the page goes on in the next line, wherever that has to be.
_BROKEN = "overflow-wrap: anywhere"
_LEFT = {"th": ' style="text-align: left"', "td": f' style="text-align: left; {_BROKEN}"'}
_RIGHT = ' style="text-align: right"'

#: Colors that can be seen on a light and on a dark background.
_DONE, _FAILED, _REST = "#3b9c6b", "#d9534f", "rgba(128, 128, 128, 0.3)"


class Markup(str):
    """A cell that is HTML already."""


def _text(value: object) -> str:
    return value if isinstance(value, Markup) else html.escape(escaped(str(value)))


def bar(done: int, failed: int, total: int) -> Markup:
    """A bar that shows how many are done, and how many failed."""
    parts = "".join(
        f'<div style="display: inline-block; height: 0.6em; width: {100 * number / total:.2f}%; '
        f'vertical-align: top; background-color: {color}"></div>'
        for number, color in ((done, _DONE), (failed, _FAILED))
        if number
    )
    return Markup(
        f'<div style="width: 10em; height: 0.6em; text-align: left; white-space: nowrap; overflow: hidden; '
        f'line-height: 0; background-color: {_REST}">{parts}</div>'
    )


def alarming(value: object) -> Markup:
    """Something that should not be overlooked."""
    return Markup(f'<b style="color: {_FAILED}">{_text(value)}</b>')


def note(line: str) -> str:
    """A line; nothing where it is empty."""
    return f"<div><i>{_text(line)}</i></div>" if line else ""


def call(text: str, state: str) -> str:
    """A call, and where it stands."""
    return f"<code>{_text(text)}</code> <i>{_text(state)}</i>"


def table(
    titles: Sequence[str], rows_by_name: Mapping[str, Sequence[object]], total: Sequence[object] = ()
) -> str:
    """A table with a row for each name, sorted, and one for all, where there is a `total`."""
    body = [(name, *rows_by_name[name]) for name in sorted(rows_by_name)]
    return rows(("Task name", *titles), body, ("Total", *total) if total else ())


def rows(
    titles: Sequence[object], body: Iterable[Sequence[object]], total: Sequence[object] = (), *, left: int = 1
) -> str:
    """A table, of which the first columns hold texts, so many as `left` says, and the others numbers.

    Numbers and their units stay on one line.
    """
    head = _row("th", titles, left)
    foot = f"<tfoot>{_row('th', total, left)}</tfoot>" if total else ""
    lines = "".join(_row("td", cells, left) for cells in body)
    return f"<table><thead>{head}</thead><tbody>{lines}</tbody>{foot}</table>"


def _row(tag: str, cells: Iterable[object], left: int) -> str:
    shown = []
    for at, cell in enumerate(cells):
        if at < left:
            shown.append(f"<{tag}{_LEFT[tag]}>{_text(cell)}</{tag}>")
        else:
            text = cell if isinstance(cell, Markup) else _text(cell).replace(" ", "&nbsp;")
            shown.append(f"<{tag}{_RIGHT}>{text}</{tag}>")
    return f"<tr>{''.join(shown)}</tr>"


def details(line: str, text: str) -> str:
    """A line that opens to a longer text; without one it is a line."""
    if not text:
        return f'<div style="{_BROKEN}">{_text(line)}</div>'
    summary = f'<summary style="{_BROKEN}">{_text(line)}</summary>'
    return f"<details>{summary}<pre>{_text(text.rstrip())}</pre></details>"
