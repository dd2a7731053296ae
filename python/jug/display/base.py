"""What a display does, and one that shows nothing."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from .progress import Progress

if TYPE_CHECKING:
    from .. import _native

__all__ = ["Display", "NoDisplay", "pass_on"]


class Display(Protocol):
    """Shows how far a computation is, and lets others print above that."""

    def due_in(self) -> float | None:
        """In how many seconds it wants to be refreshed; None: never."""

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Shows what `look` finds, if it is time for that."""

    def write(self, data: bytes, *, is_error: bool) -> None:
        """Prints whole lines, to stderr where `is_error`, else to stdout."""

    def hide(self) -> None:
        """Leaves the terminal to others until it is refreshed again."""

    def show_again(self) -> None:
        """Shows what :meth:`hide` took away, without a look at what has happened since."""

    def close(self, look: Callable[[], Progress] | None = None) -> None:
        """Ends it; nothing of it is left on a terminal. Elsewhere what `look` finds may stay."""


class NoDisplay:
    """Shows nothing.

    Parameters
    ----------
    output : _native.OutputQueue, optional
        What prints. Default: this process prints at once, and waits for who reads it.
    """

    def __init__(self, output: _native.OutputQueue | None = None) -> None:
        self._output = output

    def due_in(self) -> float | None:
        """Never."""
        return None

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Does not look."""

    def write(self, data: bytes, *, is_error: bool) -> None:
        """Prints at once."""
        pass_on(data, self._output, is_error=is_error)

    def hide(self) -> None:
        """Nothing is shown."""

    def show_again(self) -> None:
        """Nothing is shown."""

    def close(self, look: Callable[[], Progress] | None = None) -> None:
        """Nothing is shown."""


def pass_on(data: bytes, output: _native.OutputQueue | None, *, is_error: bool) -> None:
    """Has `output` write to stderr or stdout, or without one this process itself.

    What a notebook or a user has put in the place of those gets text, and may raise what it likes.
    """
    if output is not None:
        output.write(data, is_error=is_error)
        return
    stream = sys.stderr if is_error else sys.stdout
    if stream is None:
        return
    if not _is_file(stream):
        stream.write(data.decode(errors="replace"))
        stream.flush()
        return
    # Who left the other end of the pipe does not want to know.
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
        while data:
            data = data[os.write(stream.fileno(), data) :]


def _is_file(stream: TextIO) -> bool:
    """Whether all that is written to it goes to a descriptor, or would if it were not closed."""
    try:
        return isinstance(stream, io.TextIOWrapper) and (stream.closed or stream.fileno() >= 0)
    except OSError:
        return False
