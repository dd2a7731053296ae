"""Threads that no signal reaches: those are for the main thread, which may wait for them in a way of its
own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

__all__ = ["start_thread"]


def start_thread(name: str, target: Callable[..., object], *values: object) -> threading.Thread:
    """Starts a thread that the process does not wait for, and that has all signals blocked from the first
    moment on.

    Parameters
    ----------
    name : str
        Its name.
    target : callable
        What it runs.
    *values : object
        The arguments for that.

    Returns
    -------
    threading.Thread
        The thread.
    """
    thread = threading.Thread(target=target, args=values, name=name, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread
