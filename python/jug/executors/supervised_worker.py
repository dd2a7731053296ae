"""A worker of a pool that a supervisor started, or had forked: it gets chunks over a socket."""

from __future__ import annotations

import faulthandler
import importlib
import os
import pickle
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..internal import supervision
from ..internal.printing import flush_output
from ..internal.tracebacks import message_of
from .chunk import answers_of
from .sources import importable

if TYPE_CHECKING:
    from ..internal.types import PreloadOrder

__all__ = ["main", "receive", "send", "serve"]

#: Before each message: how many bytes it has.
_LENGTH = struct.Struct("<Q")

#: How many bytes are read at a time.
_PART = 1 << 20


def send(there: socket.socket, message: Any) -> None:
    """Sends a message, which is pickled. OSError if nobody gets it."""
    data = pickle.dumps(message, 5)
    if len(data) < _PART:
        there.sendall(_LENGTH.pack(len(data)) + data)
    else:
        there.sendall(_LENGTH.pack(len(data)))
        there.sendall(data)


def receive(there: socket.socket) -> Any:
    """The next message. EOFError if there will be none."""
    (length,) = _LENGTH.unpack(_received(there, _LENGTH.size))
    return pickle.loads(_received(there, length))


def _received(there: socket.socket, length: int) -> bytearray:
    data = bytearray()
    while len(data) < length:
        try:
            part = there.recv(min(length - len(data), _PART))
        except OSError:
            part = b""
        if not part:
            raise EOFError
        data += part
    return data


def serve() -> None:
    """Imports what workers need, and works in each that is forked of this process as :func:`main` does."""
    from ..process.forkserver import serve as fork

    main(fork(_prepare))


def _prepare(text: bytes) -> Iterator[str]:
    order: PreloadOrder = pickle.loads(text)
    sys.path[:] = order["path"]
    for name in ("cloudpickle", *order["modules"]):
        importlib.import_module(name)
        yield name


def main(numbers: Mapping[int, int] | None = None) -> None:
    """Runs what the pool sends until that is over.

    Parameters
    ----------
    numbers : mapping of int to int, optional
        See :func:`jug.internal.supervision.begin`.
    """
    mine = supervision.begin(numbers)
    faulthandler.enable(mine.faults)
    sys.path[:] = mine.mail["path"]
    sys.argv[:] = mine.mail["argv"]
    assert mine.mail["tasks"] is not None
    there = socket.socket(fileno=mine.mail["tasks"])
    there.set_inheritable(False)
    try:
        while True:
            what, *given = receive(there)
            if what == "ask":
                send(there, importable(*given))
            else:
                _run(there, *given)
    except (EOFError, OSError):
        # As the processes of multiprocessing do: what is left of libraries ends with this process.
        flush_output()
        os._exit(0)


def _run(there: socket.socket, data: bytes, inputs: list[bytes], recall: str) -> None:
    """Sends each answer at once, as this process may end with the next call; then why there is no other."""

    def note(chunk: int, call: int) -> None:
        send(there, [chunk, call, time.monotonic()])

    why = ""
    try:
        for answer in answers_of(data, inputs, note, recall):
            send(there, tuple(answer))
    except OSError:
        raise
    except Exception as error:
        why = f"{type(error).__name__}: {message_of(error)}"
    send(there, why)
