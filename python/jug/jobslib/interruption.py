"""Raises an exception in a task from another thread: the lock is lost, and the task is to know."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["SIGNAL", "interrupt_task", "task_at_work"]

#: What wakes the task up. SIGALRM, which jobslib takes for this, is left to the task.
SIGNAL = signal.SIGRTMAX - 2

#: The thread that runs a task, and what is to be raised in it.
_at_work: int | None = None
_error: type[BaseException] | None = None


@contextlib.contextmanager
def task_at_work() -> Iterator[None]:
    """While this lasts, `interrupt_task` reaches this thread, if it is the main one."""
    global _at_work, _error
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(SIGNAL, _raise)
    _at_work, _error = threading.get_ident(), None
    try:
        yield
    finally:
        _at_work = None
        signal.signal(SIGNAL, before)


def interrupt_task(error: type[BaseException]) -> bool:
    """Has the task that runs raise that, at its next step in Python. Whether one runs."""
    global _error
    thread = _at_work
    if thread is None:
        return False
    _error = error
    signal.pthread_kill(thread, SIGNAL)
    return True


def _raise(_number: int, _frame: FrameType | None) -> None:
    if _at_work is not None and _error is not None:
        raise _error
