"""The process that puts results onto the disk: tasks have ended by then, and the next ones run meanwhile."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import _native
from ..process.managed import Child, fork, program_of, spawn
from .folder import Folder

__all__ = ["MOST", "Storing", "main"]

#: How many results may wait for the disk, which has its journal on their side: several at once cost as one.
MOST = 64

#: How many of them are given to the disk at the same time.
_THREADS = 4

_MESSAGE = 1 << 16


class Storing:
    """Has results stored.

    Parameters
    ----------
    folder : Folder
    claims : int
        The descriptor of the claims of this process. The other one has it as well: what it stores is claimed
        until it has ended, too.
    others : sequence of int
        What is no concern of the other process.
    is_forking : bool
        Whether that may be a copy of this one.
    """

    def __init__(self, folder: Folder, claims: int, others: Sequence[int], *, is_forking: bool) -> None:
        here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = here
        with there:
            if is_forking:
                self._child = fork(lambda: _begin(there, [here.fileno(), *others], folder))
            else:
                self._child = _spawned(there.fileno(), claims, folder)

    def fileno(self) -> int:
        """What can be read when something is stored."""
        return self._channel.fileno()

    @property
    def pid(self) -> int:
        """The id of the other process."""
        return self._child.pid

    def store(self, name: str, state: str, temporary: str) -> None:
        """Has a file of :meth:`Folder.write_aside` put where it belongs. No more than so many may wait."""
        self._channel.send(json.dumps([name, state, temporary]).encode())

    def stored(self) -> Iterator[tuple[str, str]]:
        """The names of those that are stored by now, each with why it could not be, which is empty if it was.

        Raises
        ------
        OSError
            If the other process has ended.
        """
        while True:
            try:
                message = self._channel.recv(_MESSAGE, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if not message:
                raise OSError(f"the process that stores results {self._child.end().clause}")
            name, why = json.loads(message)
            yield name, why

    def close(self) -> None:
        """Ends the other process."""
        self._channel.close()
        self._child.end_alone()


def _begin(channel: socket.socket, others: Sequence[int], folder: Folder) -> None:
    for descriptor in others:
        os.close(descriptor)
    _serve(channel, folder)


def _spawned(channel: int, claims: int, folder: Folder) -> Child:
    call = f"main({channel}, {os.getpid()}, {os.fspath(folder.path)!r})"
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    command = [sys.executable, *flags, "-P", "-c", program_of("runforrest.storing", call)]
    return spawn(command, keep=[channel, claims])


def main(channel: int, parent: int, folder: str) -> None:
    """Stores results as the process `parent` asks for it, in an interpreter of its own.

    Parameters
    ----------
    channel : int
        The socket for that.
    parent : int
        The id of the process that started this one.
    folder : str
        The directory of the task list.
    """
    _native.end_with(parent)
    _serve(socket.socket(fileno=channel), Folder(Path(folder)))


def _serve(channel: socket.socket, folder: Folder) -> None:
    threads = [threading.Thread(target=_store, args=(channel, folder), daemon=True) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _store(channel: socket.socket, folder: Folder) -> None:
    """Stores what is asked for until the other end is closed. Each message comes whole, and to one thread."""
    while message := channel.recv(_MESSAGE):
        name, state, temporary = json.loads(message)
        try:
            folder.put(temporary, state, name)
        except OSError as error:
            why = str(error)
        else:
            why = ""
        channel.send(json.dumps([name, why]).encode())
