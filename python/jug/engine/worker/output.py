"""What the tasks of a worker print, where it is kept with their outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ...internal.printing import flush_output, text_of

if TYPE_CHECKING:
    from ... import _native

__all__ = ["TaskOutput"]


class TaskOutput:
    """Keeps apart what each task prints, and what is printed outside of tasks.

    Parameters
    ----------
    capture : _native.Capture, optional
        Where it is kept. Without it nothing is kept, and everything goes where it went.
    """

    def __init__(self, capture: _native.Capture | None) -> None:
        self._capture = capture

    def begin(self) -> None:
        """Tasks run from now on."""
        if self._capture is not None:
            flush_output()
            self._capture.begin()
            # Of what tasks left running: it belongs to none of those that come now.
            self._capture.take()

    def end(self) -> None:
        """No task runs any more."""
        if self._capture is not None:
            flush_output()
            self._capture.end()

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is printed while the context lasts is no task's."""
        self.end()
        try:
            yield
        finally:
            if self._capture is not None:
                flush_output()
                self._capture.begin()

    def take(self) -> str:
        """What was printed since the last call, by a task that has ended."""
        if self._capture is None:
            return ""
        flush_output()
        printed = self._capture.take()
        return "" if printed is None else text_of(*printed)

    def fileno(self) -> int | None:
        """Where another process prints in which tasks of this worker run; None: where it does anyhow."""
        return None if self._capture is None else self._capture.fileno()
