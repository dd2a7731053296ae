"""Raises an exception in a thread that runs something else: at its next step in Python."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, ClassVar

from ..internal.async_exceptions import raise_in, withdraw

__all__ = ["Interruptible"]

#: A signal that is ignored by default and that no library uses in Python. It ends calls of the system that
#: wait.
_SIGNAL = signal.SIGURG


class Interruptible:
    """The part of a thread's work in which another thread can raise an exception.

    In the main thread it also ends calls that wait, such as ``time.sleep``, if nobody else handles SIGURG. In
    other threads it comes when such a call returns. Code that never comes back to Python is not interrupted.

    Parameters
    ----------
    exception : type
        A class of exceptions, which is raised without arguments.
    """

    #: Those of the main thread that are open; and what handled the signal before the first of them.
    _in_main: ClassVar[list[Interruptible]] = []
    _before: ClassVar[Any] = None

    def __init__(self, exception: type[BaseException]) -> None:
        self._exception = exception
        self._thread = threading.get_ident()
        self._lock = threading.Lock()
        self._is_open = False
        self._is_due = False
        #: Whether the exception was sent to a thread that is not the main one.
        self._is_sent = False

    def __enter__(self) -> Interruptible:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and not self._in_main and signal.getsignal(_SIGNAL) in (signal.SIG_DFL, signal.SIG_IGN):
            Interruptible._before = signal.signal(_SIGNAL, _handle)
        if is_main and signal.getsignal(_SIGNAL) is _handle:
            self._in_main.append(self)
        self._is_open, self._is_sent = True, False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_open = self._is_due = False
        if self not in self._in_main:
            if self._is_sent:
                withdraw()
            return
        self._in_main.remove(self)
        if not self._in_main and signal.getsignal(_SIGNAL) is _handle:
            signal.signal(_SIGNAL, self._before)

    def interrupt(self) -> None:
        """Raises the exception there, unless that part is over. May be called by any thread."""
        with self._lock:
            if not self._is_open:
                return
            if self in self._in_main:
                self._is_due = True
                signal.pthread_kill(self._thread, _SIGNAL)
            else:
                self._is_sent = True
                raise_in(self._thread, self._exception)

    def take(self) -> type[BaseException] | None:
        """What is to be raised now, once."""
        is_due, self._is_due = self._is_due, False
        return self._exception if is_due else None


def _handle(number: int, frame: FrameType | None) -> None:
    for block in list(Interruptible._in_main):
        if exception := block.take():
            raise exception
