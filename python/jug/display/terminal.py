"""Lines at the bottom of a terminal that are replaced again and again, and what is printed above them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .base import pass_on

if TYPE_CHECKING:
    from .. import _native

__all__ = ["TerminalLines"]

_HIDE_CURSOR, _SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"
_ERASE_LINE_END, _ERASE_BELOW = "\x1b[K", "\x1b[J"

#: The size where the terminal does not say.
_USUAL_SIZE = (80, 24)


class TerminalLines:
    """Shows lines on a terminal, in the place of those that it showed before.

    The cursor, which is hidden, stays at the beginning of the first line. Where the terminal gets narrower
    and breaks the lines into more of them, they are all still below it.

    Parameters
    ----------
    descriptor : int
        The terminal.
    encoding : str
        What it understands.
    output : _native.OutputQueue, optional
        What prints, of which the terminal is stderr. Default: this process prints at once.
    """

    def __init__(self, descriptor: int, encoding: str, output: _native.OutputQueue | None = None) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._output = output
        #: Whether lines are there now.
        self.is_shown = False

    def size(self) -> tuple[int, int]:
        """How many columns and lines it has now."""
        try:
            columns, lines = os.get_terminal_size(self._descriptor)
        except OSError:
            columns, lines = 0, 0
        return columns or _USUAL_SIZE[0], lines or _USUAL_SIZE[1]

    def is_ours(self) -> bool:
        """Whether this process is in the foreground; in the background a shell has its prompt there."""
        try:
            return os.tcgetpgrp(self._descriptor) == os.getpgrp()
        except OSError:
            # It is not the terminal that this process is controlled by, so that there is no such thing.
            return True

    def is_busy(self) -> bool:
        """Whether what was written before is still on its way: the terminal is slow, or was stopped."""
        return self._output is not None and self._output.is_busy(is_error=True)

    def show(self, lines: Sequence[str]) -> None:
        """Shows these, each of them shorter than the terminal is wide, and fewer than it has lines."""
        begin = "" if self.is_shown else _HIDE_CURSOR
        self.is_shown = True
        shown = "\r\n".join(line + _ERASE_LINE_END for line in lines)
        up = f"\x1b[{len(lines) - 1}A" if len(lines) > 1 else ""
        self._write(f"{begin}\r{shown}{_ERASE_BELOW}{up}\r")

    def erase(self) -> None:
        """Removes what it shows; the cursor is where that began, and is shown."""
        if self.is_shown:
            self.is_shown = False
            self._write(f"\r{_ERASE_BELOW}{_SHOW_CURSOR}")

    def print_above(self, parts: Sequence[tuple[bytes, bool]]) -> None:
        """Prints whole lines, to stderr where the second of a part says so, in place of what is shown."""
        if self.is_shown:
            self._write(f"\r{_ERASE_BELOW}")
        for data, is_error in parts:
            pass_on(data, self._output, is_error=is_error)

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "replace")
        if self._output is not None:
            self._output.write(data, is_error=True)
            return
        # A terminal that was closed shows nothing any more.
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
