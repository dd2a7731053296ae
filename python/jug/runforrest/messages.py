"""What a script and the process that runs its tasks say to each other: lines of JSON on a socket."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from typing import Any

__all__ = ["Messages", "milliseconds"]

_CHUNK = 1 << 16

#: How many chunks are read before what is in them is looked at.
_CHUNKS = 16

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
        Whether the other end is closed, and all that it sent was read.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._channel.setblocking(False)
        #: The beginning of a message whose end has not come yet.
        self._begun = bytearray()
        self._unsent = bytearray()
        self._is_deaf = False
        self.is_over = False

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._channel.fileno()

    def close(self) -> None:
        """Closes the socket."""
        self._channel.close()

    @property
    def unsent(self) -> int:
        """How many bytes could not be sent yet."""
        return len(self._unsent)

    def send(self, *message: Any) -> None:
        """Sends a message without waiting: what there is no room for is sent by :meth:`go_on`."""
        self._unsent += json.dumps(message).encode() + b"\n"
        self.go_on()

    def go_on(self) -> None:
        """Sends what has not been sent, as far as there is room."""
        while self._unsent and not self._is_deaf:
            try:
                sent = self._channel.send(self._unsent, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return
            except OSError:
                # Nobody is there to read it. What came before that is still to be read here.
                self._is_deaf = True
            else:
                del self._unsent[:sent]
        if self._is_deaf:
            self._unsent.clear()

    def finish(self) -> None:
        """Waits until all is sent, or nobody reads it any more."""
        poll = select.poll()
        poll.register(self, select.POLLIN | select.POLLOUT)
        while self._unsent and not self.is_over:
            poll.poll()
            self.go_on()
            for _ in self.received():
                pass

    def received(self) -> Iterator[list[Any]]:
        """The messages that have come."""
        whole = bytearray()
        for _ in range(_CHUNKS):
            try:
                data = self._channel.recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.is_over = True
                break
            end = data.rfind(b"\n") + 1
            if end:
                whole += self._begun + data[:end]
                self._begun = bytearray(data[end:])
            else:
                self._begun += data
        for line in whole.splitlines():
            yield json.loads(line)
