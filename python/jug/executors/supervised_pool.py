"""A pool whose workers are children of a supervisor: when one ends, the call is known that it ran.

Each worker gets chunks over a socket, one at a time, and sends each answer as soon as it is there. So a
death costs the call that ran: what its chunk had before is there, the rest goes to others, and other workers
run on.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import IO, TYPE_CHECKING, Any

from .. import _native
from ..errors import UserError
from ..internal.console import warn
from ..internal.tracebacks import fault_of_user
from ..process.forkserver import REFUSED
from ..process.managed import End, program_of
from ..process.numeric_threads import thread_variables
from ..process.resident import resident_of_tree
from .base import Outcome
from .chunk import Answer
from .endings import WorkerDied
from .pools import Begun, Death, LiveCall, SharedFiles, path_of, shared_file
from .sources import WorkerReport
from .supervised_worker import receive, send

if TYPE_CHECKING:
    from ..internal.types import EndedWorker, PreloadOrder, WorkerMail

__all__ = ["SupervisedPool"]

#: How long workers that run nothing may take to end, in seconds, before they are killed.
_PATIENCE = 5.0

#: How long to wait between looks where nothing ends the wait, in seconds.
_MOMENT = 0.05

#: How many workers in a row may end before they have done anything.
_MOST_STILLBORN = 3


class _Job:
    """Something that a worker is to do: run a chunk, or say what it can import."""

    def __init__(self, *message: Any) -> None:
        self.message = message
        self.future: Future[Any] = Future()


class _Worker:
    """A worker from its start to its end."""

    def __init__(self, pid: int, there: socket.socket) -> None:
        self.pid = pid
        self.there = there
        #: By which it is killed, and no other process that gets its id later.
        self.handle = os.pidfd_open(pid)
        self.death: Future[Death] = Future()

    def kill(self) -> None:
        # With what it started: its supervisor kills that when it finds that it has ended.
        with contextlib.suppress(OSError):
            signal.pidfd_send_signal(self.handle, signal.SIGKILL)

    def hang_up(self) -> None:
        """Has both ends of the socket find that it is over, also where another process has one."""
        with contextlib.suppress(OSError):
            self.there.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        self.there.close()
        os.close(self.handle)


class SupervisedPool:
    """Children of a supervisor, forked from a process that has imported what they need, if that is possible.

    Parameters
    ----------
    n_workers : int
    modules : sequence of str
        What calls need, beside what this package does.
    """

    is_live = False
    outlives_kill = False
    can_end_workers = True

    def __init__(self, n_workers: int, modules: Sequence[str]) -> None:
        self._n_workers = n_workers
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        #: The workers that live, by number, and those that no thread has taken to give them chunks.
        self._workers: dict[int, _Worker] = {}
        self._new: dict[int, queue.SimpleQueue[_Worker | None]] = {
            number: queue.SimpleQueue() for number in range(1, n_workers + 1)
        }
        self._begun: queue.SimpleQueue[Begun] = queue.SimpleQueue()
        self._files = SharedFiles()
        self._recall: IO[bytes] = shared_file("jug-recall")
        self._is_ending = False
        #: Others may keep for a while what is printed in this process.
        self._streams = sys.stdout, sys.stderr
        #: Why no worker can be started, and how many in a row have ended without an answer.
        self._fault: Exception | None = None
        self._stillborn = 0
        self._order: PreloadOrder = {
            "argv": list(sys.argv),
            "path": list(sys.path),
            "jugfile": None,
            "modules": list(modules),
        }
        threads = max(1, _native.available_cpus() // n_workers)
        self._environment = [*thread_variables(threads).items()]
        self._supervisor = _native.Supervisor(takes_signals=False)
        self._threads = [
            threading.Thread(target=self._supervise, daemon=True, name="jug-pool"),
            *(
                threading.Thread(target=self._give, args=(it,), daemon=True, name="jug-pool")
                for it in self._new
            ),
        ]
        for thread in self._threads:
            thread.start()

    # --- what a coordinator asks for ---

    def nr_workers(self) -> int:
        return self._n_workers

    def submit(self, chunk: bytes | Sequence[LiveCall], inputs: Sequence[Any]) -> Future[Any]:
        return self._put(_Job("run", chunk, list(inputs), path_of(self._recall)))

    def ask_importable(self, modules: Sequence[str]) -> Future[WorkerReport]:
        return self._put(_Job("ask", list(modules)))

    def keep(self, future: Future[Any]) -> Sequence[Any]:
        return ()

    def recall(self) -> None:
        self._recall.write(b"!")

    def is_waiting_for_workers(self) -> bool:
        return False

    def is_broken(self, error: BaseException) -> bool:
        return False

    def death(self) -> Death:
        return Death()

    def note_file(self) -> str:
        # They say it where they send answers.
        return "socket"

    def shared(self, data: bytes) -> str:
        return self._files.path_of(data)

    def begun(self) -> Sequence[Begun]:
        found = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._begun.get_nowait())
        return found

    def has_worker(self, worker: str) -> bool:
        return self._worker(worker) is not None

    def memory(self, worker: str) -> int:
        return resident_of_tree(int(worker))

    def end_worker(self, worker: str, future: Future[Any]) -> None:
        with self._lock:
            found = self._worker(worker)
            if found is not None and not future.done():
                found.kill()

    def kill(self) -> None:
        self._end(patience=0.0)

    def close(self) -> None:
        self._end(patience=_PATIENCE)

    def _put(self, job: _Job) -> Future[Any]:
        if self._fault is not None:
            job.future.set_exception(self._fault)
        else:
            self._jobs.put(job)
        return job.future

    def _worker(self, pid: str) -> _Worker | None:
        return next((it for it in list(self._workers.values()) if it.pid == int(pid)), None)

    def _end(self, patience: float) -> None:
        with self._lock:
            self._is_ending = True
            for worker in self._workers.values():
                # Which it takes for the end.
                worker.hang_up()
        for places in self._new.values():
            self._jobs.put(None)
            places.put(None)
        supervising, *others = self._threads
        supervising.join(patience)
        while supervising.is_alive():
            with self._lock:
                for worker in self._workers.values():
                    worker.kill()
            supervising.join(_MOMENT)
        for thread in others:
            thread.join()
        self._recall.close()
        self._files.close()

    # --- chunks: a thread for each worker ---

    def _give(self, number: int) -> None:
        """Gives jobs to the worker of this number, and to those that take its place."""
        worker: _Worker | None = None
        while (job := self._jobs.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            result: Any = None
            while result is None and self._fault is None:
                worker = worker or self._new[number].get()
                if worker is None:
                    break
                result = self._result(job, worker)
                if worker.death.done():
                    worker.let_go()
                    worker = None
            if isinstance(result, Exception) or result is None:
                job.future.set_exception(result or self._fault or UserError("the pool is closed"))
            else:
                job.future.set_result(result)

    def _result(self, job: _Job, worker: _Worker) -> Any:
        """What came of it; None if the worker ended before it had begun."""
        answers: list[Answer | Outcome] = []
        began = time.time(), time.perf_counter()
        has_begun = False
        try:
            send(worker.there, job.message)
            has_begun = True
            if job.message[0] == "ask":
                return receive(worker.there)
            while not isinstance(found := receive(worker.there), str):
                began = time.time(), time.perf_counter()
                if isinstance(found, list):
                    self._begun.put(Begun(found[0], found[1], str(worker.pid), found[2]))
                else:
                    answers.append(Answer(*found))
            self._stillborn = 0
            return UserError(f"a worker could not run what it was given: {found}") if found else answers
        except (EOFError, OSError):
            death = worker.death.result()
            if job.message[0] == "ask" or not has_begun:
                return self._count_stillborn(death)
            outcome = Outcome(None, WorkerDied(death), *began, time.perf_counter() - began[1])
            return [*answers, outcome]

    def _count_stillborn(self, death: Death) -> None:
        """Notes that a worker ended which had done nothing; if several do, none will do anything."""
        self._stillborn += 1
        if self._stillborn >= _MOST_STILLBORN:
            self._fault = UserError(f"a worker {death.end.clause} before it could run anything")

    # --- processes: one thread, which alone asks the supervisor ---

    def _supervise(self) -> None:
        """Starts workers, and others in the place of those that end."""
        try:
            arguments = self._arguments("serve()")
            order = pickle.dumps(self._order)
            self._supervisor.prepare(sys.executable, arguments, self._environment, order)
            is_preparing = True
            while (is_preparing and not self._is_ending) or self._supervisor.workers():
                for event in self._supervisor.wait(_MOMENT if is_preparing else None):
                    if event[0] == "prepared":
                        self._take_prepared(event[1], is_first=is_preparing)
                        is_preparing = False
                    elif event[0] == "output":
                        self._pass_on(event[5], is_error=event[2])
                    elif event[0] == "ended":
                        self._take_end(event[1])
        except Exception as error:
            self._give_up(error)
        finally:
            self._supervisor.dismiss()

    def _take_prepared(self, why_not: str | None, *, is_first: bool) -> None:
        """Workers can be forked now; or begin from nothing, now or from now on."""
        if why_not is not None and not self._is_ending:
            warn(f"workers are spawned, as none can be forked: {why_not.removeprefix(REFUSED)}")
        for number in self._new if is_first else ():
            self._start(number)

    def _start(self, number: int) -> None:
        with self._lock:
            if self._is_ending or self._fault is not None:
                return
            self._workers[number] = worker = self._started(number)
        self._new[number].put(worker)

    def _started(self, number: int) -> _Worker:
        here, there = socket.socketpair()
        with there:
            mail: WorkerMail = {
                "command": [],
                "argv": self._order["argv"],
                "path": self._order["path"],
                "run": "",
                "began": time.monotonic(),
                "max_tasks": None,
                "tasks": there.fileno(),
                "asks_for_reports": False,
                "is_logged": False,
                "deaths": [],
            }
            pid = self._supervisor.start(
                number,
                sys.executable,
                self._arguments("main()"),
                self._environment,
                pickle.dumps(mail),
                [there.fileno()],
            )
        return _Worker(pid, here)

    def _take_end(self, ended: EndedWorker) -> None:
        with self._lock:
            worker = self._workers.pop(ended["worker"])
        written = fault_of_user(ended["faults"].decode(errors="replace"))
        # Something that its task left behind may hold the other end of the socket.
        worker.hang_up()
        worker.death.set_result(Death(End(ended["kind"], ended["number"]), written))
        self._start(ended["worker"])

    def _give_up(self, error: Exception) -> None:
        """No worker can be started any more."""
        self._fault = UserError(f"no worker can be started: {error}")
        self._supervisor.kill()
        with self._lock:
            left = [*self._workers.values()]
            self._workers.clear()
        for worker in left:
            worker.hang_up()
            worker.death.set_result(Death())
        for places in self._new.values():
            places.put(None)

    def _pass_on(self, text: bytes, *, is_error: bool) -> None:
        """Writes what a worker prints to where this process printed when the pool was opened."""
        stream = self._streams[is_error]
        with contextlib.suppress(OSError, ValueError):
            stream.write(text.decode(errors="replace"))
            stream.flush()

    def _arguments(self, call: str) -> list[str]:
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        return [*flags, "-P", "-c", program_of("executors.supervised_worker", call)]
