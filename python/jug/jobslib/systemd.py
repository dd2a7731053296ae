"""What systemd is told of a service: that it is ready, that it lives, that it stops."""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from .state import LauncherState

__all__ = ["ServiceManager"]


class ServiceManager:
    """Sends messages to the service manager that ``NOTIFY_SOCKET`` names; without one it does nothing.

    With ``WATCHDOG_USEC`` a thread says twice in that time that the launcher lives, as long as nothing that
    it does is late.

    Parameters
    ----------
    state : LauncherState
    """

    def __init__(self, state: LauncherState) -> None:
        # What the task starts is no service.
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        interval = os.environ.pop("WATCHDOG_USEC", "")
        process = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        self._state = state
        self._ended = threading.Event()
        if self._address and interval.isdecimal() and int(interval) and process == str(os.getpid()):
            self._half = int(interval) / 2e6
            threading.Thread(target=self._live, name="jug-watchdog", daemon=True).start()

    def ready(self) -> None:
        """The launcher has begun."""
        self._send(f"READY=1\nMAINPID={os.getpid()}")

    def status(self, text: str) -> None:
        """What it does, in a line."""
        self._send(f"STATUS={text}")

    def stopping(self) -> None:
        """It ends."""
        self._ended.set()
        self._send("STOPPING=1")

    def _live(self) -> None:
        while True:
            if self._state.is_alive():
                self._send("WATCHDOG=1")
            if self._ended.wait(self._half):
                return

    def _send(self, text: str) -> None:
        if not self._address:
            return
        # Whether somebody listens is no concern of the task.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.connect(f"\0{self._address[1:]}" if self._address[0] == "@" else self._address)
            out.send(text.encode())
