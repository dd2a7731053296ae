"""Workers inside tasks: a task's function may call `jug.init` and `execution_loop`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from ... import task

__all__ = ["Pausable", "RunsInChild", "running_here", "worker_at_work"]

#: The workers that are at work in each thread, each inside a task of the one before.
_at_work = threading.local()


class Pausable(Protocol):
    """A worker in the middle of whose task another one may begin."""

    def running(self) -> bytes | None:
        """The key of the task that it runs."""

    def pause(self) -> None:
        """Another one begins: gives back what was claimed and not started, which that one may need."""

    def resume(self) -> None:
        """The other one has ended: says again what runs, and what will."""


class RunsInChild:
    """The worker of a task that runs in a process of its own: it is in another one and waits for it."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def running(self) -> bytes | None:
        return self._key

    def pause(self) -> None:
        """Nothing was claimed in this process."""

    def resume(self) -> None:
        """It has said so all the time."""


def running_here() -> frozenset[bytes]:
    """The keys of the tasks that this thread is in the middle of: nobody in it can wait for them to end."""
    return frozenset(key for worker in _workers() if (key := worker.running()) is not None)


@contextmanager
def worker_at_work(worker: Pausable) -> Iterator[None]:
    """Takes note of a worker for as long as the context lasts.

    Afterwards new tasks are of the store that they were of before, whatever jugfiles were opened meanwhile.
    """
    workers, store = _workers(), task.Task.store
    if workers:
        workers[-1].pause()
    workers.append(worker)
    try:
        yield
    finally:
        workers.pop()
        task.Task.store = store
        if workers:
            workers[-1].resume()


def _workers() -> list[Pausable]:
    if not hasattr(_at_work, "workers"):
        _at_work.workers = []
    workers: list[Pausable] = _at_work.workers
    return workers
