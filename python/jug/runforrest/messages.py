"""What a script and the process that runs its tasks say to each other: lines of JSON on a socket."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

__all__ = ["Messages", "milliseconds"]

_CHUNK = 1 << 16

#: For how long a poll may wait at most, which has no room for a month in milliseconds.
_LONGEST = 86400.0


def milliseconds(seconds: float | None) -> float | None:
    """How long to poll before so many seconds are over, or a part of them; None: until something happens."""
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST) * 1000 + 1


class Messages:
    """Messages in both directions.

    Parameters
    ----------
    channel : socket
        It is closed with this object.

    Attributes
    ----------
    is_over : bool
        Whether the other end is closed.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._channel.setblocking(False)
        self._read = b""
        self._unsent = bytearray()
        self.is_over = False

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._channel.fileno()

    def close(self) -> None:
        """Closes the socket."""
        self._channel.close()

    @property
    def is_waiting(self) -> bool:
        """Whether something could not be sent yet."""
        return bool(self._unsent)

    def send(self, *message: Any) -> None:
        """Sends a message without waiting: what there is no room for is sent by :meth:`go_on`."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self.go_on()

    def go_on(self) -> None:
        """Sends what has not been sent, as far as there is room."""
        while self._unsent:
            try:
                sent = self._channel.send(self._unsent, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:
                # Nobody is there to read it.
                self._unsent.clear()
                self.is_over = True
                return
            del self._unsent[:sent]

    def received(self) -> Iterator[list[Any]]:
        """The messages that have come."""
        while not self.is_over:
            try:
                data = self._channel.recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self.is_over = not data
            self._read += data
            if len(data) < _CHUNK:
                break
        *lines, self._read = self._read.split(b"\n")
        yield from map(json.loads, lines)
