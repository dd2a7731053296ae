"""Has a thread stop what it runs when nobody wants that any more, as far as Python can."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from ..internal.async_exceptions import raise_in, withdraw

__all__ = ["GivenUp", "run_until_given_up"]

#: How often is looked whether somebody wants it, in seconds.
_PERIOD = 0.2

Value = TypeVar("Value")


class GivenUp(BaseException):
    """Is raised amid what nobody wants any more."""


def run_until_given_up(
    function: Callable[[], Value], is_given_up: Callable[[], bool], loop: asyncio.AbstractEventLoop
) -> Value | None:
    """What a function returns in this thread; None if it was interrupted because nobody wants it.

    That is at the next line of Python: a call into a library goes on until it returns. What it returns then
    does not count: it may be wanted again, and is not what it would have been.

    Parameters
    ----------
    function : callable
    is_given_up : callable
        Is called five times a second.
    loop : asyncio event loop
        In which that is done: that of another thread.
    """
    thread = _Interruptible()

    async def watch() -> None:
        while not is_given_up() and not thread.is_left:
            await asyncio.sleep(_PERIOD)
        # Again and again, as what runs may take no notice of it.
        while is_given_up() and not thread.is_left:
            thread.interrupt()
            await asyncio.sleep(_PERIOD)

    watching: Future[None] | None = None
    value: Value | None = None
    error: BaseException | None = None
    # It is raised where something is called, or a loop begins again: between these parts nothing is.
    try:
        watching = asyncio.run_coroutine_threadsafe(watch(), loop)
        value = function()
    except BaseException as raised:
        error = raised
    while not thread.is_left:
        try:  # noqa: SIM105  # what makes and enters a context manager would be outside
            thread.leave()
        except GivenUp:
            pass
    if watching is not None:
        watching.cancel()
    if thread.was_interrupted:
        return None
    if error is not None:
        raise error
    return value


class _Interruptible:
    """The thread that makes it, until it leaves."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        # One that its owner may take again, where it was interrupted when it had it.
        self._lock = threading.RLock()
        self.is_left = False
        self.was_interrupted = False

    def interrupt(self) -> None:
        """Raises GivenUp in it, unless it has left, or is about to."""
        if self._lock.acquire(blocking=False):
            try:
                if not self.is_left:
                    self.was_interrupted = True
                    raise_in(self._thread, GivenUp)
            finally:
                self._lock.release()

    def leave(self) -> None:
        """From now on nothing is raised in it."""
        with self._lock:
            if self.was_interrupted:
                withdraw()
            self.is_left = True
