"""Tables at the bottom of a terminal, which follow what happens."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from ..internal import console
from .base import pass_on
from .pace import Pace
from .progress import Progress
from .tables import Tables
from .terminal import TerminalLines

if TYPE_CHECKING:
    from .. import _native

__all__ = ["LiveDisplay"]

#: After so many seconds it is drawn anyway: somebody else may have written over it.
_DRAW_ANYWAY = 1.0

#: How many bytes wait for the next look, to be printed above it.
_MOST_WAITING = 1 << 20


class LiveDisplay:
    """Shows tables that are drawn at most eight times a second. What is printed comes above them.

    Parameters
    ----------
    stream : file
        Of the terminal.
    output : _native.OutputQueue, optional
        What prints, of which `stream` is stderr. Default: this process prints, and waits for the terminal.

    Raises
    ------
    ImportError
        If the package rich cannot be imported, by which the tables are drawn.
    """

    def __init__(self, stream: TextIO, output: _native.OutputQueue | None = None) -> None:
        self._tables = Tables(stream)
        self._output = output
        self._terminal = TerminalLines(stream.fileno(), stream.encoding, output)
        self._pace = Pace()
        self._drawn_at = 0.0
        self._shown: tuple[Progress, tuple[int, int]] | None = None
        self._lines: list[str] = []
        #: What is to be printed above.
        self._waiting: list[tuple[bytes, bool]] = []
        self._writer_before = console.write_through(self._say)

    def due_in(self) -> float | None:
        """At most eight times a second."""
        return self._pace.due_in()

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Looks, and draws it if it is not what is shown."""
        if not self._pace.begin():
            return
        if self._terminal.is_ours():
            # What is late already is not followed by more of the same.
            if not self._terminal.is_busy():
                self._draw(look())
        else:
            # Somebody else's lines are where ours would go.
            self.hide()
        self._pace.end()

    def _draw(self, progress: Progress) -> None:
        size = self._terminal.size()
        is_news = (progress, size) != self._shown
        now = time.monotonic()
        if not (is_news or self._waiting or now - self._drawn_at >= _DRAW_ANYWAY):
            return
        if is_news:
            self._shown = (progress, size)
            lines = self._tables.lines(progress, *size)
            # A blank line parts them from what is printed, and takes what is typed.
            self._lines = ["", *lines] if len(lines) < size[1] - 1 else lines
        self._print()
        self._terminal.show(self._lines)
        self._drawn_at = now

    def write(self, data: bytes, *, is_error: bool) -> None:
        """Prints with the next look, if it goes to a terminal; else at once."""
        stream = sys.stderr if is_error else sys.stdout
        if stream is None or not stream.isatty():
            pass_on(data, self._output, is_error=is_error)
            return
        self._waiting.append((data, is_error))
        if sum(len(data) for data, _ in self._waiting) > _MOST_WAITING:
            self._print()

    def hide(self) -> None:
        """Leaves the terminal to others until the next look."""
        self._terminal.erase()
        self._print()
        self._shown = None

    def show_again(self) -> None:
        """Draws what was there before it was hidden, if anything was."""
        if self._lines and self._terminal.is_ours() and not self._terminal.is_busy():
            self._terminal.show(self._lines)

    def close(self, look: Callable[[], Progress] | None = None) -> None:
        """Ends it; nothing of it is left on the terminal."""
        self.hide()
        console.write_through(self._writer_before)

    def _print(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._terminal.print_above(waiting)

    def _say(self, text: str) -> None:
        self.write(text.encode(sys.stderr.encoding, "backslashreplace"), is_error=True)
