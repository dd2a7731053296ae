"""HTML for notebooks. All that is shown is text, whatever stands in it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from .console import escaped

__all__ = ["call", "details", "table"]

_LEFT, _RIGHT = ' style="text-align: left"', ' style="text-align: right"'


def _text(value: object) -> str:
    return html.escape(escaped(str(value)))


def call(text: str, state: str) -> str:
    """A call, and where it stands."""
    return f"<code>{_text(text)}</code> <i>{_text(state)}</i>"


def table(titles: Sequence[str], rows: Mapping[str, Sequence[object]], total: Sequence[object] = ()) -> str:
    """A table with a row for each name, sorted, and one for all, where there is a `total`."""
    head = _row("th", ("Task name", *titles))
    body = [_row("td", (name, *rows[name])) for name in sorted(rows)]
    foot = f"<tfoot>{_row('th', ('Total', *total))}</tfoot>" if total else ""
    return f"<table><thead>{head}</thead><tbody>{''.join(body)}</tbody>{foot}</table>"


def _row(tag: str, cells: Iterable[object]) -> str:
    first, *others = (_text(cell) for cell in cells)
    return (
        f"<tr><{tag}{_LEFT}>{first}</{tag}>"
        + "".join(f"<{tag}{_RIGHT}>{cell}</{tag}>" for cell in others)
        + "</tr>"
    )


def details(line: str, text: str) -> str:
    """A line that opens to a longer text; without one it is a line."""
    if not text:
        return f"<div>{_text(line)}</div>"
    return f"<details><summary>{_text(line)}</summary><pre>{_text(text.rstrip())}</pre></details>"
