"""Pools of workers: whatever is a ``concurrent.futures.Executor``."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from multiprocessing.process import BaseProcess
from typing import IO, Any, NamedTuple, Protocol

from ..internal.tracebacks import fault_of_user
from ..process.managed import End
from .chunk import Answer, run_chunk, run_live
from .sources import WorkerReport, importable

__all__ = [
    "Begun",
    "ChunkLost",
    "Death",
    "ExecutorPool",
    "LiveCall",
    "Pool",
    "PoolOfProcesses",
    "SharedFiles",
    "path_of",
    "shared_file",
]

#: A call as it runs in a thread of this process: function, arguments, keywords.
LiveCall = tuple[Callable[..., Any], Sequence[Any], "dict[str, Any]"]

#: How long a process that was killed may take until its status is known, in seconds.
_BURIAL = 5.0


def shared_file(name: str) -> IO[bytes]:
    """A new file in memory that other processes of this user on this host can open while it is open here."""
    return os.fdopen(os.memfd_create(name), "w+b", buffering=0)


def path_of(file: IO[bytes]) -> str:
    """Where others find it."""
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"


class Begun(NamedTuple):
    """A call that began in a worker, or in the one that says so last."""

    chunk: int
    call: int
    #: What `Pool.end_worker` takes.
    worker: str
    #: On the clock of ``time.monotonic``.
    when: float


class Death(NamedTuple):
    """How a worker ended."""

    end: End = End("lost", 0)
    #: Where it was then, if that is known.
    traceback: str = ""


class ChunkLost(Exception):
    """What a future of a pool raises whose chunk does not come back, while the pool goes on.

    Parameters
    ----------
    why : str
    is_death : bool, default False
        Whether a worker ended that had it, by which nobody says.
    """

    def __init__(self, why: str, *, is_death: bool = False) -> None:
        super().__init__(why)
        self.is_death = is_death


class Pool(Protocol):
    """Workers to which a coordinator gives chunks.

    Attributes
    ----------
    is_live : bool
        Whether its workers are threads of this process, which take calls as they are.
    outlives_kill : bool
        Whether something may go on running after :meth:`kill`, for which the interpreter would wait.
    """

    is_live: bool
    outlives_kill: bool

    @property
    def can_end_workers(self) -> bool:
        """Whether single workers can be ended, as limits need it."""

    def nr_workers(self) -> int:
        """How many chunks may run at a time, at present."""

    def submit(self, chunk: bytes | Sequence[LiveCall], inputs: Sequence[Any]) -> Future[Any]:
        """Has a chunk run. `inputs` are values of :meth:`keep` and :meth:`shared`."""

    def keep(self, future: Future[Any]) -> Sequence[Any]:
        """What stands for the results of a chunk where its workers are, one a call, or None for a call.

        Empty if they are only here.
        """

    def recall(self) -> None:
        """Starts nothing more: futures of what has not begun can be cancelled then, or bring nothing."""

    def is_waiting_for_workers(self) -> bool:
        """Whether there is no worker at present, but some may come."""

    def ask_importable(self, modules: Sequence[str]) -> Future[WorkerReport]:
        """See :func:`importable`: of any of the workers, or :func:`merged` of those that differ."""

    def is_broken(self, error: BaseException) -> bool:
        """Whether a future that raised this says of the pool that it runs nothing any more."""

    def death(self) -> Death:
        """How a worker ended by itself, after the pool was found broken."""

    def note_file(self) -> str:
        """A file into which workers write which call begins; empty where they say it in another way."""

    def shared(self, data: bytes) -> Any:
        """These bytes where all workers find them: the path of a file, or an input of chunks; else None."""

    def begun(self) -> Sequence[Begun]:
        """The calls that began since the last time."""

    def has_worker(self, worker: str) -> bool:
        """Whether a worker that said something is there still, as far as is known."""

    def memory(self, worker: str) -> int:
        """How many bytes of memory a worker takes, with all that it started."""

    def end_worker(self, worker: str, future: Future[Any]) -> None:
        """Kills a worker, which runs the chunk of this future, with all that it started."""

    def kill(self) -> None:
        """Ends all at once, whatever runs."""

    def close(self) -> None:
        """Ends the workers, which run nothing."""


class SharedFiles:
    """Bytes that all workers on this host can read, each once in memory."""

    def __init__(self) -> None:
        self._files: dict[bytes, IO[bytes]] = {}

    def path_of(self, data: bytes) -> str:
        """The path of a file with them."""
        file = self._files.get(data)
        if file is None:
            file = self._files[data] = shared_file("jug-function")
            file.write(data)
        return path_of(file)

    def close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


class ExecutorPool:
    """Any executor. Its workers are nobody's that could be ended one by one.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    n_workers : int
    is_live : bool
        Whether its workers are threads of this process.
    is_owned : bool
        Whether it is to be shut down here.
    """

    can_end_workers = False
    outlives_kill = True

    def __init__(self, executor: Executor, n_workers: int, *, is_live: bool, is_owned: bool = True) -> None:
        self._executor = executor
        self._n_workers = n_workers
        self._is_owned = is_owned
        self.is_live = is_live
        #: Whether no call is to begin any more, for threads and for processes of this host.
        self._is_recalled = threading.Event()
        self._recall: IO[bytes] | None = None

    def nr_workers(self) -> int:
        return self._n_workers

    def submit(self, chunk: bytes | Sequence[LiveCall], inputs: Sequence[Any]) -> Future[list[Answer]]:
        if self.is_live:
            return self._executor.submit(run_live, chunk, self._is_recalled.is_set)  # type: ignore[arg-type]
        if self._recall is None:
            self._recall = shared_file("jug-recall")
        return self._executor.submit(run_chunk, chunk, (), None, path_of(self._recall))  # type: ignore[arg-type]

    def keep(self, future: Future[Any]) -> Sequence[Any]:
        return ()

    def recall(self) -> None:
        self._is_recalled.set()
        if self._recall is not None:
            self._recall.write(b"!")

    def is_waiting_for_workers(self) -> bool:
        return False

    def ask_importable(self, modules: Sequence[str]) -> Future[WorkerReport]:
        return self._executor.submit(importable, modules)

    def is_broken(self, error: BaseException) -> bool:
        return isinstance(error, BrokenExecutor)

    def death(self) -> Death:
        return Death()

    def note_file(self) -> str:
        return ""

    def shared(self, data: bytes) -> str | None:
        return None

    def begun(self) -> Sequence[Begun]:
        return ()

    def has_worker(self, worker: str) -> bool:
        return True

    def memory(self, worker: str) -> int:
        return 0

    def end_worker(self, worker: str, future: Future[Any]) -> None:
        raise NotImplementedError

    def kill(self) -> None:
        if self._is_owned:
            self._executor.shutdown(wait=False)
        self._close_files()

    def close(self) -> None:
        if self._is_owned:
            self._executor.shutdown(wait=True)
        self._close_files()

    def _close_files(self) -> None:
        if self._recall is not None:
            self._recall.close()
            self._recall = None


class PoolOfProcesses(ExecutorPool):
    """An executor whose workers are children of this process, each leading a group of its own.

    Parameters
    ----------
    executor : concurrent.futures.Executor
    n_workers : int
    faults : binary file
        To which they write where they are when they die of a fault.
    kill_all : callable
        Ends it at once.
    processes : mapping of int to multiprocessing.Process
        Those that were started, also after the executor has forgotten them.
    """

    can_end_workers = True
    outlives_kill = False

    def __init__(
        self,
        executor: Executor,
        n_workers: int,
        faults: IO[bytes],
        kill_all: Callable[[], None],
        processes: Mapping[int, BaseProcess],
    ) -> None:
        super().__init__(executor, n_workers, is_live=False)
        self._kill_all = kill_all
        self._faults = faults
        self._processes = processes
        self._notes: IO[bytes] | None = None
        self._files = SharedFiles()
        self._rest = b""

    def death(self) -> Death:
        """That of the first one that did not end because the executor ended it."""
        ends = []
        deadline = time.monotonic() + _BURIAL
        for process in [*self._processes.values()]:
            process.join(max(0.0, deadline - time.monotonic()))
            # The executor joins it, too: who did not get its status finds it here in a moment.
            while (status := process.exitcode) is None and time.monotonic() < deadline:
                time.sleep(0.001)
            if status is not None and status != 0:
                ends.append(End("signal", -status) if status < 0 else End("exit", status))
        # The executor ends the others by SIGTERM or SIGKILL.
        ends.sort(key=lambda end: (not end.is_own, end.number == signal.SIGTERM))
        written = self._faults.read().decode(errors="replace")
        return Death(ends[0] if ends else End("lost", 0), fault_of_user(written))

    def note_file(self) -> str:
        if self._notes is None:
            self._notes = shared_file("jug-notes")
        return path_of(self._notes)

    def shared(self, data: bytes) -> str | None:
        return self._files.path_of(data)

    def begun(self) -> Sequence[Begun]:
        if self._notes is None:
            return ()
        lines = (self._rest + self._notes.read()).split(b"\n")
        self._rest = lines.pop()
        found = []
        for line in lines:
            chunk, call, pid, when = line.decode().split()
            found.append(Begun(int(chunk), int(call), pid, float(when)))
        return found

    def memory(self, worker: str) -> int:
        from ..process.resident import resident_of_tree

        return resident_of_tree(int(worker))

    def end_worker(self, worker: str, future: Future[Any]) -> None:
        if int(worker) in self._processes:
            _kill_group(int(worker))

    def kill(self) -> None:
        for pid, process in [*self._processes.items()]:
            if process.exitcode is None:
                _kill_group(pid)
        self._kill_all()
        self._close_files()

    def close(self) -> None:
        # That of loky knows nothing of `cancel_futures`.
        self._executor.shutdown(wait=True)
        self._close_files()

    def _close_files(self) -> None:
        super()._close_files()
        for file in (self._faults, self._notes):
            if file is not None:
                file.close()
        self._notes = None
        self._files.close()


def _kill_group(pid: int) -> None:
    """Kills a worker that leads a process group, with all that is in it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
