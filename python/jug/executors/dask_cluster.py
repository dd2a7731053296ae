"""A dask cluster of this machine: a scheduler and workers, processes that end with the coordinator."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from typing import IO, Any

from .. import _native
from ..errors import UserError
from ..internal.printing import abandon_full_stdout_at_end
from ..internal.tracebacks import fault_of_user, message_of
from ..process.managed import Child, End, program_of, spawn
from ..process.numeric_threads import thread_variables
from .pools import Death, path_of, shared_file

__all__ = ["LocalDask", "begin_worker", "serve"]

#: How long its processes may take to begin, and to end, in seconds.
_BEGIN = 60.0
_END = 5.0

#: How long the status of a worker that died may take to arrive, in seconds.
_BURIAL = 5.0

#: More than any level that dask uses.
_SILENT = "60"


class LocalDask:
    """A cluster that is there for this process alone.

    Parameters
    ----------
    n_workers : int
        How many workers it has, each with one thread.

    Attributes
    ----------
    address : str
        That of its scheduler, after :meth:`wait`.
    """

    def __init__(self, n_workers: int) -> None:
        self.address = ""
        self._faults = shared_file("jug-faults")
        self._files: dict[bytes, IO[bytes]] = {}
        self._notes = shared_file("jug-notes")
        self._notes_rest = b""
        its_leash, self._leash = os.pipe()
        self._words, its_words = os.pipe()
        self._rest = b""
        order = json.dumps([n_workers, list(sys.path), path_of(self._faults), os.getpid()])
        call = f"serve({its_leash}, {its_words}, {order!r})"
        program = program_of("executors.dask_cluster", call)
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        try:
            self._child: Child = spawn(
                [sys.executable, *flags, "-P", "-c", program], keep=[its_leash, its_words]
            )
        finally:
            os.close(its_leash)
            os.close(its_words)

    def wait(self) -> None:
        """Waits until its workers are there. UserError if it cannot be started."""
        said = self._said(_BEGIN)
        if "address" not in said:
            self.kill()
            why = said.get("error", "it ended, or took longer than a minute")
            raise UserError(f"the cluster of the backend dask could not be started: {why}")
        self.address = str(said["address"])

    def shared(self, data: bytes) -> str:
        """The path of a file with these bytes that its workers can read."""
        file = self._files.get(data)
        if file is None:
            file = self._files[data] = shared_file("jug-function")
            file.write(data)
        return path_of(file)

    def note_file(self) -> str:
        """The file in which its workers say which call begins."""
        return path_of(self._notes)

    def notes(self) -> list[dict[str, Any]]:
        """What they have said since the last time."""
        *lines, self._notes_rest = (self._notes_rest + self._notes.read()).split(b"\n")
        return [json.loads(line) for line in lines]

    def death(self, since: float) -> Death:
        """How a worker ended after that moment (``time.monotonic``): others may have died before."""
        end = End("lost", 0)
        deadline = time.monotonic() + _BURIAL
        while end.kind == "lost" and (said := self._said(deadline - time.monotonic())):
            status = int(said.get("status") or 0)
            if status and float(said["when"]) > since:
                end = End("signal", -status) if status < 0 else End("exit", status)
        return Death(end, fault_of_user(self._faults.read().decode(errors="replace")))

    def _said(self, seconds: float) -> dict[str, Any]:
        """The next thing that it says; nothing if it says nothing for so long, or has ended."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not select.select([self._words], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return {}
            if not (more := os.read(self._words, 65536)):
                return {}
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        return said

    def close(self) -> None:
        """Ends it, with all its processes, unless it was killed."""
        if self._leash < 0:
            return
        os.close(self._leash)
        self._leash = -1
        self._child.leave(_END)
        self._close_files()

    def kill(self) -> None:
        """Ends it at once."""
        self._child.kill()
        self._close_files()

    def _close_files(self) -> None:
        for descriptor in (self._leash, self._words):
            if descriptor >= 0:
                os.close(descriptor)
        self._leash = self._words = -1
        for file in (self._faults, self._notes, *self._files.values()):
            file.close()


def serve(leash: int, words: int, order: str) -> None:
    """The process of the cluster: it ends when the other end of `leash` is closed."""
    n_workers, path, faults, parent = json.loads(order)
    _native.end_with(parent)
    # Ctrl-C is for the coordinator.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path[:] = path
    # Also for its workers; what users need to know of them the coordinator says.
    os.environ["DASK_LOGGING__DISTRIBUTED"] = _SILENT

    def say(**what: object) -> None:
        # Nobody may be there any more to read it.
        with contextlib.suppress(BrokenPipeError):
            os.write(words, json.dumps(what).encode() + b"\n")

    try:
        cluster = _cluster(n_workers, faults, say)
    except Exception as error:
        say(error=f"{type(error).__name__}: {message_of(error)}")
        return
    say(address=cluster.scheduler_address)
    select.select([leash], [], [])
    cluster.close(timeout=_END)


def _cluster(n_workers: int, faults: str, say: Any) -> Any:
    import dask
    import distributed

    class WatchedNanny(distributed.Nanny):  # type: ignore[misc]  # what is known of it depends on what is installed
        """Says how its worker ended."""

        def _on_worker_exit_sync(self, exitcode: int | None) -> None:
            say(status=exitcode, when=time.monotonic())
            super()._on_worker_exit_sync(exitcode)

    variables = thread_variables(max(1, _native.available_cpus() // n_workers))
    dask.config.set(
        {
            # A worker that dies has been ended by what it ran, or not: the coordinator finds out.
            "distributed.scheduler.allowed-failures": 0,
            "distributed.nanny.pre-spawn-environ": variables,
            # Tasks take as much memory as in any other worker; results that stay go to the disk before that.
            "distributed.worker.memory.terminate": False,
            "distributed.worker.memory.pause": False,
        }
    )
    return distributed.LocalCluster(
        n_workers=n_workers,
        threads_per_worker=1,
        processes=True,
        # No dashboard, and no port that others may have.
        scheduler_kwargs={"dashboard": False},
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL + 10,
        worker_class=WatchedNanny,
        preload=[f"from jug.executors.dask_cluster import begin_worker\nbegin_worker({faults!r})"],
    )


def begin_worker(faults: str) -> None:
    """What a worker does first; `faults` is the file to which it writes where it is when it dies of one."""
    abandon_full_stdout_at_end()
    faulthandler.enable(os.open(faults, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
