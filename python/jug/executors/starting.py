"""Starts the processes of executors, each to its end, whatever Ctrl-C reaches meanwhile."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any

__all__ = ["NotedStart", "SpawnedContext", "whole_start"]


@contextlib.contextmanager
def whole_start() -> Iterator[None]:
    """A process starts meanwhile: Ctrl-C counts when it has, and never in that process.

    An executor forgets a process whose start is interrupted, and that shows then what it did not get. Ctrl-C
    at a terminal reaches it, too, in the middle of its imports.
    """
    # It unblocks signals when it starts.
    resource_tracker.ensure_running()
    before: Any = None
    noted: list[Any] = []
    if threading.current_thread() is threading.main_thread():
        before = signal.getsignal(signal.SIGINT)
    if callable(before):
        signal.signal(signal.SIGINT, lambda *given: noted.append(given))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if callable(before):
            signal.signal(signal.SIGINT, before)
            if noted:
                before(*noted[-1])


class NotedStart(BaseProcess):
    """A process of an executor.

    Attributes
    ----------
    note : callable
        Is called with it when it has started.
    """

    note: Callable[[BaseProcess], None]

    def start(self) -> None:
        # What it knows is sent to it.
        note = self.__dict__.pop("note")
        with whole_start():
            super().start()
            note(self)


class _SpawnedProcess(NotedStart, SpawnProcess):
    """A fresh interpreter that does not load the main module: functions of it come by value.

    That module may be a script whose last line runs tasks.
    """

    def start(self) -> None:
        with _without_main():
            super().start()


class SpawnedContext(SpawnContext):
    """That of fresh interpreters.

    Parameters
    ----------
    note : callable
        See :class:`NotedStart`.
    """

    def __init__(self, note: Callable[[BaseProcess], None]) -> None:
        self._note = note

    def Process(self, *args: Any, **kwargs: Any) -> NotedStart:  # type: ignore[override]
        process = _SpawnedProcess(*args, **kwargs)
        process.note = self._note
        return process


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
