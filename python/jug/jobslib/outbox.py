"""What goes to servers while a task works on: it waits for none of them."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

__all__ = ["Outbox"]

#: The first pause after a failure and the longest, in seconds.
_PAUSES = (0.1, 30.0)

#: How often the same trouble is logged, in seconds.
_LOGGED = 60.0

#: For how long the end of a process waits for what is left.
_FAREWELL = 5.0


class Outbox:
    """Sends one thing after the other, in a thread of its own, each until it has arrived.

    Parameters
    ----------
    send : callable
        Sends one of them; raises something where that does not work.
    logger : logging.Logger
        Where failures are logged, once a minute at most.
    complaint : str
        What is logged, in front of the reason.
    most : int
        How many may wait; where there are more the oldest is dropped.
    """

    def __init__(
        self, send: Callable[[Any], object], logger: logging.Logger, complaint: str, most: int = 1000
    ) -> None:
        self._send = send
        self._logger = logger
        self._complaint = complaint
        self._waiting: deque[Any] = deque(maxlen=most)
        self._changed = threading.Condition()
        self._is_ending = False
        self._logged: float | None = None
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()

    def add(self, item: Any) -> None:
        """Has that sent; returns at once."""
        with self._changed:
            self._waiting.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jug-outbox", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            self._changed.notify_all()

    def flush(self, seconds: float = _FAREWELL) -> bool:
        """Waits until all has arrived, or failed once more, so long at most; whether nothing waits."""
        if os.getpid() != self._pid:
            # A child that the task forked: what waits is sent by its parent.
            return True
        with self._changed:
            self._is_ending = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._waiting, seconds)
            return not self._waiting

    def _work(self) -> None:
        pause = _PAUSES[0]
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                item = self._waiting[0]
            try:
                self._send(item)
            except Exception as error:
                self._complain(error)
                with self._changed:
                    if self._is_ending:
                        # Nobody waits for another try.
                        self._waiting.clear()
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._is_ending, pause)
                pause = min(2 * pause, _PAUSES[1])
                continue
            pause = _PAUSES[0]
            with self._changed:
                # It may have been dropped meanwhile.
                if self._waiting and self._waiting[0] is item:
                    self._waiting.popleft()
                self._changed.notify_all()

    def _complain(self, error: Exception) -> None:
        now = time.monotonic()
        if self._logged is None or now - self._logged >= _LOGGED:
            self._logged = now
            self._logger.error("%s: %s", self._complaint, error)
