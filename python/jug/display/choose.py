"""Which display there is."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..internal.interactive import is_notebook
from .base import Display, NoDisplay
from .plain import PlainDisplay

if TYPE_CHECKING:
    from .. import _native

__all__ = ["MODES", "open_display"]

#: What users may ask for.
MODES = ("plain", "live", "none")


#: What is said where there is a terminal and nothing that draws on it.
_NO_RICH = "install the package 'rich' to see tables instead of these lines"


def open_display(
    mode: str,
    stream: TextIO | None,
    say: Callable[[str], None],
    *,
    at_once: bool = False,
    output: _native.OutputQueue | None = None,
) -> Display:
    """Opens a display.

    Parameters
    ----------
    mode : str
        One of `MODES`; empty for a live one where that can be, else a plain one.
    stream : file
        Where a live one is shown, if that is a terminal. In a notebook it is shown in the cell.
    say : callable
        Prints a line of a plain one.
    at_once : bool
        Whether the first line of a plain one comes at once.
    output : _native.OutputQueue, optional
        What prints, of which `stream` is stderr. Default: this process prints, and waits for who reads it.
    """
    if mode == "none":
        return NoDisplay(output)
    if mode == "plain":
        return PlainDisplay(say, at_once=at_once, output=output)
    if is_notebook():
        from .notebook import NotebookDisplay

        return NotebookDisplay()
    # Nobody need be told that there is no terminal who has not asked for one.
    hint = _why_not(stream)
    if hint or stream is None:
        shown = f"{hint}: lines are shown instead of tables" if mode == "live" else ""
        return PlainDisplay(say, shown, at_once=at_once, output=output)
    try:
        from .live import LiveDisplay

        return LiveDisplay(stream, output)
    except ImportError:
        return PlainDisplay(say, _NO_RICH, at_once=at_once, output=output)


def _why_not(stream: TextIO | None) -> str:
    """Why nothing can be drawn there; empty if it can."""
    try:
        if stream is None or not stream.isatty():
            return "this is no terminal"
    except ValueError:
        return "this is no terminal"
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return "this terminal cannot move its cursor (TERM)"
    return ""
