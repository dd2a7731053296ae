"""The pools of this machine: threads, and processes of the standard library and of loky."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

from .. import _native
from ..errors import UserError
from ..process.numeric_threads import thread_variables
from .chunk import begin_worker
from .pools import ExecutorPool, Pool, PoolOfProcesses, path_of, shared_file

__all__ = ["loky_pool", "process_pool", "thread_pool"]


def thread_pool(n_workers: int) -> Pool:
    """Threads of this process: they share its memory, its interpreter, and its end."""
    return ExecutorPool(ThreadPoolExecutor(n_workers, "jug"), n_workers, is_live=True)


def process_pool(n_workers: int) -> Pool:
    """A ``concurrent.futures.ProcessPoolExecutor`` whose workers are fresh interpreters."""
    faults = shared_file("jug-faults")
    executor = ProcessPoolExecutor(
        n_workers,
        mp_context=_Context(),
        initializer=begin_worker,
        initargs=_first_words(n_workers, path_of(faults)),
    )

    def kill() -> None:
        executor.shutdown(wait=False, cancel_futures=True)

    return PoolOfProcesses(executor, n_workers, faults, kill)


def loky_pool(n_workers: int) -> Pool:
    """A ``loky.ProcessPoolExecutor``."""
    try:
        import loky
    except ImportError:
        raise UserError(
            "--backend loky needs the package loky: pip install loky (or this package with its extra 'loky')"
        ) from None
    faults = shared_file("jug-faults")
    executor = loky.ProcessPoolExecutor(
        n_workers, initializer=begin_worker, initargs=_first_words(n_workers, path_of(faults))
    )

    def kill() -> None:
        executor.shutdown(wait=False, kill_workers=True)

    return PoolOfProcesses(executor, n_workers, faults, kill)


def _first_words(n_workers: int, faults: str) -> tuple[Any, ...]:
    threads = max(1, _native.available_cpus() // n_workers)
    return os.getpid(), faults, list(sys.path), thread_variables(threads), os.getcwd()


class _Process(SpawnProcess):
    """A fresh interpreter that does not load the main module: functions of it come by value.

    That module may be a script whose last line runs tasks.
    """

    def start(self) -> None:
        with _without_main():
            super().start()


class _Context(SpawnContext):
    Process = _Process


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
