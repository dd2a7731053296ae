"""The signal after which a worker starts nothing more: what runs is finished, and stored.

Nobody has such a signal unless the environment says so: scripts have handlers of their own for SIGUSR1.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from ..errors import UserError

__all__ = [
    "VARIABLE",
    "came_since",
    "is_to_stop",
    "name",
    "named",
    "obey",
    "sleep_until_stopped",
]

#: The variable of the environment that names it.
VARIABLE = "JUG_STOP_SIGNAL"

#: What it may be: no other signal is left to users by the system and by this package.
_NAMES = ("USR1", "USR2")

#: The signal, and when it came (``time.perf_counter``); 0 and infinity until then.
_came: tuple[int, float] = (0, float("inf"))

_is_sleeping = False


class _Woken(BaseException):
    """Ends a sleep."""


def named(text: str) -> signal.Signals:
    """The signal of that name. UserError if it is none that may be chosen."""
    short = text.upper().removeprefix("SIG")
    if short not in _NAMES:
        raise UserError(f"the environment variable {VARIABLE} must be USR1 or USR2, not {text!r}")
    return signal.Signals[f"SIG{short}"]


def obey(number: signal.Signals) -> None:
    """Has this process note the signal from now on, and a sleep end by it.

    A jugfile may still handle it in its own way. Only the main thread can do this; elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    signal.signal(number, _note)
    # What a task is doing goes on.
    signal.siginterrupt(number, False)


def is_to_stop() -> bool:
    """Whether it came."""
    return bool(_came[0])


def came_since(began: float) -> bool:
    """Whether it came after `began` (``time.perf_counter``)."""
    return bool(_came[0]) and _came[1] >= began


def name() -> str:
    """The name of the signal that came."""
    return signal.Signals(_came[0]).name


def sleep_until_stopped(sleep: Callable[[float], object], seconds: float) -> None:
    """Calls `sleep` with `seconds`, and returns early if the signal comes, or has come."""
    global _is_sleeping
    try:
        try:
            _is_sleeping = True
            if not _came[0]:
                sleep(seconds)
        finally:
            _is_sleeping = False
    except _Woken:
        pass


def _note(number: int, _frame: FrameType | None) -> None:
    global _came, _is_sleeping
    _came = (number, time.perf_counter())
    if _is_sleeping:
        _is_sleeping = False
        raise _Woken
