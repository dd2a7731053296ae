"""What a task has printed whose worker did not live to bring it.

A worker keeps it in two files without a name. While a task runs, they are also in a queue of which the
session has an end, so that it finds them after the worker's death; when the session dies, they are gone.
"""

from __future__ import annotations

import array
import contextlib
import os
import secrets
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

__all__ = ["STREAMS", "LostOutput", "Whose", "found_if_lost"]

#: What is captured, in the order in which it is kept.
STREAMS = ("stdout", "stderr")

#: How many workers may introduce themselves before one of them is asked for.
_BACKLOG = 4096

_NUMBER = struct.Struct("=Q")


class Whose(NamedTuple):
    """Which task of which session it is."""

    #: Where the session listens, without the zero byte of names that are in no folder.
    address: str
    number: int


class LostOutput:
    """The session's side."""

    def __init__(self) -> None:
        self.address = f"jug-pytask-{secrets.token_hex(16)}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(f"\0{self.address}")
        self._listener.listen(_BACKLOG)
        self._listener.setblocking(False)
        #: The ends of workers' queues, the latest one last.
        self._queues: list[socket.socket] = []

    def of(self, number: int) -> list[tuple[str, str]]:
        """What is there of a task that did not come back: names of streams and texts."""
        self._meet()
        found: list[tuple[str, str]] = []
        for queue in [*reversed(self._queues)]:
            descriptors = _descriptors_of(queue, number)
            if not descriptors:
                continue
            if not found:
                # Another worker may have had it before.
                found = [(name, _text_of(it)) for name, it in zip(STREAMS, descriptors, strict=True)]
            for descriptor in descriptors:
                os.close(descriptor)
            self._queues.remove(queue)
            queue.close()
        return found

    def close(self) -> None:
        """Nobody wants to know any more."""
        for each in (self._listener, *self._queues):
            each.close()
        self._queues.clear()

    def _meet(self) -> None:
        """Takes the queues of workers that are new."""
        while True:
            try:
                worker, _ = self._listener.accept()
            except OSError:
                return
            with worker, contextlib.suppress(OSError):
                _, user, _ = struct.unpack("3i", worker.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
                if user == os.getuid():
                    self._queues += [socket.socket(fileno=it) for it in _received(worker)[1]]


def _descriptors_of(queue: socket.socket, number: int) -> Sequence[int]:
    """Of the files of a task, if it is that which a worker runs."""
    data, descriptors = _received(queue, socket.MSG_PEEK)
    if len(descriptors) == len(STREAMS) and data == _NUMBER.pack(number):
        return descriptors
    for descriptor in descriptors:
        os.close(descriptor)
    return ()


def _received(queue: socket.socket, flags: int = 0) -> tuple[bytes, Sequence[int]]:
    """What is in it, and the descriptors that come with that; nothing if it is empty."""
    # socket.recv_fds of some versions of Python forgets the flags.
    descriptors = array.array("i")
    room = socket.CMSG_SPACE(len(STREAMS) * descriptors.itemsize)
    try:
        data, ancillary, _, _ = queue.recvmsg(_NUMBER.size, room, flags | socket.MSG_DONTWAIT)
    except OSError:
        return b"", ()
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, descriptors


def _text_of(descriptor: int) -> str:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")


# --- in workers ---


class _Queue(NamedTuple):
    """What a worker has of its queue."""

    into: socket.socket
    out_of: socket.socket


#: That of this process and session. The children that a task forks have it, and run no tasks.
_queues: dict[tuple[int, str], _Queue | None] = {}
_lock = threading.Lock()


@contextlib.contextmanager
def found_if_lost(whose: Whose | None, files: Sequence[IO[bytes]]) -> Iterator[None]:
    """Has the session find these files if this process ends meanwhile."""
    queue = None if whose is None else _queue_to(whose.address)
    if whose is not None and queue is not None:
        with contextlib.suppress(OSError):
            socket.send_fds(queue.into, [_NUMBER.pack(whose.number)], [it.fileno() for it in files])
    try:
        yield
    finally:
        if queue is not None:
            for descriptor in _received(queue.out_of)[1]:
                os.close(descriptor)


def _queue_to(address: str) -> _Queue | None:
    """The queue whose other end this session has; None if it cannot have one, as on another machine."""
    key = (os.getpid(), address)
    with _lock:
        if key not in _queues:
            _queues[key] = None
            with contextlib.suppress(OSError):
                _queues[key] = _introduced(address)
        return _queues[key]


def _introduced(address: str) -> _Queue:
    queue = _Queue(*socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as session:
        # Where it has no room for one more, this is not worth to wait for.
        session.setblocking(False)
        session.connect(f"\0{address}")
        socket.send_fds(session, [b"!"], [queue.out_of.fileno()])
    return queue
