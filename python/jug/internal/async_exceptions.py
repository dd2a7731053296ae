"""Exceptions that one thread has raised in another, at its next step in Python."""

from __future__ import annotations

import ctypes
import threading

__all__ = ["raise_in", "withdraw"]


class _Withdrawn(BaseException):
    """Takes the place of what was to be raised."""


def raise_in(thread: int, exception: type[BaseException]) -> None:
    """Has an exception raised, without arguments, in the thread of this identifier."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))


def withdraw() -> None:
    """What was to be raised in the calling thread, and was not yet, is forgotten.

    CPython can be told to raise nothing instead. But until 3.12 it then looks for something to raise at each
    step ever after, in all threads. So something is raised, and caught here.
    """
    try:
        raise_in(threading.get_ident(), _Withdrawn)
        while True:
            pass
    except _Withdrawn:
        pass
