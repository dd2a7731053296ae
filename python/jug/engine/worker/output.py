"""What the tasks of a worker print, where it is kept with their outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...internal.printing import flush_output, text_of
from .supervised import SupervisedWork

__all__ = ["TaskOutput"]


class TaskOutput:
    """Keeps apart what each task prints, and what is printed outside of tasks.

    Parameters
    ----------
    supervised : SupervisedWork, optional
        What knows whether it is kept, and hears of it. Without it everything goes where it went.
    """

    def __init__(self, supervised: SupervisedWork | None) -> None:
        self._supervised = supervised
        self._capture = None if supervised is None else supervised.capture

    def begin(self) -> None:
        """Tasks run from now on."""
        if self._capture is not None:
            flush_output()
            self._capture.begin()
            # Of what tasks left running: it belongs to none of those that come now.
            self.take("")

    def end(self) -> None:
        """No task runs any more."""
        if self._capture is not None:
            flush_output()
            self._capture.end()
            # Of a task that was interrupted.
            self.take("")

    @contextmanager
    def apart(self) -> Iterator[None]:
        """What is printed while the context lasts, for a task, is not kept as that of the task."""
        if self._capture is not None:
            flush_output()
            self._capture.end()
        try:
            yield
        finally:
            if self._capture is not None:
                flush_output()
                self._capture.begin()

    def take(self, name: str) -> str:
        """What was printed since the last call, by a task of this name that has ended."""
        if self._capture is None or self._supervised is None:
            return ""
        flush_output()
        printed = self._capture.take()
        text = "" if printed is None else text_of(*printed)
        self._supervised.note(name, text)
        return text

    def fileno(self) -> int | None:
        """Where another process prints in which tasks of this worker run; None: where it does anyhow."""
        return None if self._capture is None else self._capture.fileno()
