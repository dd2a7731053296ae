"""The pools of this machine: threads, and processes of the standard library and of loky."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing.process import BaseProcess
from typing import Any

from .. import _native
from ..errors import UserError
from ..process.numeric_threads import thread_variables
from .chunk import begin_worker
from .pools import ExecutorPool, Pool, PoolOfProcesses, path_of, shared_file
from .starting import SpawnedContext

__all__ = ["loky_pool", "process_pool", "thread_pool"]


def thread_pool(n_workers: int) -> Pool:
    """Threads of this process: they share its memory, its interpreter, and its end."""
    return ExecutorPool(ThreadPoolExecutor(n_workers, "jug"), n_workers, is_live=True)


def process_pool(n_workers: int) -> Pool:
    """A ``concurrent.futures.ProcessPoolExecutor`` whose workers are fresh interpreters."""
    faults = shared_file("jug-faults")
    processes: dict[int, BaseProcess] = {}
    executor = ProcessPoolExecutor(
        n_workers,
        mp_context=SpawnedContext(_keeping(processes)),
        initializer=begin_worker,
        initargs=_first_words(n_workers, path_of(faults)),
    )

    def kill() -> None:
        executor.shutdown(wait=False, cancel_futures=True)

    return PoolOfProcesses(executor, n_workers, faults, kill, processes)


def loky_pool(n_workers: int) -> Pool:
    """A ``loky.ProcessPoolExecutor``."""
    try:
        import loky
    except ImportError:
        raise UserError(
            "--backend loky needs the package loky: pip install loky (or this package with its extra 'loky')"
        ) from None
    from .loky_processes import NotedLokyContext

    faults = shared_file("jug-faults")
    processes: dict[int, BaseProcess] = {}
    executor = loky.ProcessPoolExecutor(
        n_workers,
        context=NotedLokyContext(_keeping(processes)),
        initializer=begin_worker,
        initargs=_first_words(n_workers, path_of(faults)),
    )

    def kill() -> None:
        executor.shutdown(wait=False, kill_workers=True)

    return PoolOfProcesses(executor, n_workers, faults, kill, processes)


def _first_words(n_workers: int, faults: str) -> tuple[Any, ...]:
    threads = max(1, _native.available_cpus() // n_workers)
    return os.getpid(), faults, list(sys.path), thread_variables(threads), os.getcwd()


def _keeping(processes: dict[int, BaseProcess]) -> Callable[[BaseProcess], None]:
    def keep(process: BaseProcess) -> None:
        assert process.pid is not None
        processes[process.pid] = process

    return keep
