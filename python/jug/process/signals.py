"""How a worker is asked to end, by a signal or Ctrl-C, and how that differs from what a task raises."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from ..errors import Leave, Signalled

__all__ = [
    "before_stopping",
    "end_cleanly",
    "is_to_leave_at_once",
    "leave_at_once",
    "request_to_end",
    "requests_to",
    "stopping_with",
    "was_asked_to_end",
]

#: The signals with which users and batch systems ask a process to end; a jugfile may handle them its own way.
_REQUESTS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)

#: Those that end a worker with status 1: batch systems send the first, a terminal that is closed the second.
_LEAVE = (signal.SIGTERM, signal.SIGHUP)

#: The last of our signals that came, and when (``time.perf_counter``).
_came: tuple[int, float] = (0, 0.0)

#: The handlers that pass requests on, at present.
_request_handlers: set[Any] = set()

#: Whether threads are left that nobody waits for.
_leaves_at_once = False


def end_cleanly() -> None:
    """Lets batch systems end a worker so that it stores what it has and gives its claims back.

    Ctrl-C raises KeyboardInterrupt as before, and is remembered: a task may raise one of its own.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    # Under nohup SIGHUP is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _leave)
    signal.signal(signal.SIGTERM, _leave)
    _look_after_forks()


def before_stopping(act: Callable[[], None], go_on: Callable[[], None] = lambda: None) -> None:
    """Calls `act` when Ctrl-Z asks this process to stop, which it does after that until it is continued.

    Then it calls `go_on`.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        act()
        os.kill(os.getpid(), signal.SIGSTOP)
        go_on()

    signal.signal(signal.SIGTSTP, stop)


@contextmanager
def requests_to(act: Callable[[int], None]) -> Iterator[None]:
    """For a while, has requests to end call `act` with the number of the signal instead of raising something.

    Not in a thread, nor where somebody else handles such a signal.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        ours = (_interrupt, _leave, signal.default_int_handler)
        numbers = (signal.SIGINT, *_LEAVE)
        before = {number: handler for number in numbers if (handler := signal.getsignal(number)) in ours}

    def request(number: int, _frame: FrameType | None) -> None:
        act(number)

    _look_after_forks()
    _request_handlers.add(request)
    for number in before:
        signal.signal(number, request)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _request_handlers.discard(request)


@contextmanager
def stopping_with(act: Callable[[], None], go_on: Callable[[], None]) -> Iterator[None]:
    """For a while, calls `act` before Ctrl-Z stops this process, and `go_on` when it is continued.

    Not in a thread, nor where somebody else handles Ctrl-Z.
    """
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return
    before_stopping(act, go_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def request_to_end(error: BaseException, since: float) -> BaseException | None:
    """What is to be raised if a task ended with `error` because its worker was asked to end.

    None if the task is to blame. `since` is when the task began (``time.perf_counter``): libraries make
    errors of their own of a signal that comes while they work, which are none of the task's either.
    """
    number, when = _came
    if when >= since:
        return Signalled(number) if number in _LEAVE else KeyboardInterrupt()
    if isinstance(error, Leave):
        return error
    if isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is not _interrupt:
        return error  # Somebody else handles Ctrl-C: a script, or a notebook.
    if isinstance(error, (SystemExit, KeyboardInterrupt)) and _is_raised_by_a_handler(error):
        return error
    return None


def leave_at_once() -> None:
    """Has the command end without waiting for threads: what they run is to be killed."""
    global _leaves_at_once
    _leaves_at_once = True


def is_to_leave_at_once() -> bool:
    """Whether somebody wants that."""
    return _leaves_at_once


def was_asked_to_end() -> bool:
    """Whether one of the signals came that end a worker."""
    return bool(_came[0])


def _is_raised_by_a_handler(error: BaseException) -> bool:
    handlers = {getattr(signal.getsignal(number), "__code__", None) for number in _REQUESTS}
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code not in handlers:
        trace = trace.tb_next
    return trace is not None


def _leave(number: int, _frame: FrameType | None) -> None:
    global _came
    _came = (number, time.perf_counter())
    raise Signalled(number)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    global _came
    _came = (number, time.perf_counter())
    raise KeyboardInterrupt


# A process that a task forks has nothing to store: such a signal ends it at once, as multiprocessing expects.
# A Python handler would not do, since CPython forgets signals that reach a child while it is being forked.
_masks: list[set[int]] = []
_looks_after_forks = False


def _look_after_forks() -> None:
    global _looks_after_forks
    if not _looks_after_forks:
        _looks_after_forks = True
        os.register_at_fork(
            before=_hold_signals, after_in_parent=_let_signals_go, after_in_child=_die_of_signals
        )


def _hold_signals() -> None:
    _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, _LEAVE))


def _let_signals_go() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop())


def _die_of_signals() -> None:
    if threading.current_thread() is threading.main_thread():
        for number in (*_LEAVE, signal.SIGINT):
            handler = signal.getsignal(number)
            if handler in _request_handlers or (handler is _leave and number in _LEAVE):
                is_ctrl_c = number == signal.SIGINT
                signal.signal(number, signal.default_int_handler if is_ctrl_c else signal.SIG_DFL)
    _let_signals_go()
