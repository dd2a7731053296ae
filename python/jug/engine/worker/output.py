"""What the tasks of a worker print, where it is kept with their outcomes."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from ...internal.printing import flush_output, text_of
from .supervised import SupervisedWork

if TYPE_CHECKING:
    from ... import _native

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
        #: Made once: it is entered twice a task.
        self._apart = nullcontext() if self._capture is None else _Apart(self._capture)

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

    def apart(self) -> AbstractContextManager[None]:
        """What is printed while the context lasts, for a task, is not kept as that of the task."""
        return self._apart

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


class _Apart:
    """Keeps what is printed meanwhile out of what is captured."""

    def __init__(self, capture: _native.Capture) -> None:
        self._capture = capture

    def __enter__(self) -> None:
        flush_output()
        self._capture.end()

    def __exit__(self, *_: Any) -> None:
        flush_output()
        self._capture.begin()
