"""Where tasks of pytask can run, and what users register for that."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from enum import Enum
from functools import partial
from typing import Any, ClassVar, NamedTuple

from ..errors import UserError
from ..executors.backends import Backend, parse_backend, supervised
from ..executors.pools import ExecutorPool, Pool

__all__ = [
    "WORKER_MODULES",
    "NoExecutor",
    "ParallelBackend",
    "ParallelBackendRegistry",
    "WorkerType",
    "backend_of",
    "registry",
]


#: What runs in a worker.
WORKER_MODULES = ("jug.pytask_parallel.worker",)


class ParallelBackend(Enum):
    """Where tasks run.

    Attributes
    ----------
    NONE
        In the process of pytask, one after the other.
    CUSTOM
        In an executor whose builder a project has registered.
    DASK
        On the cluster of the current dask client, or on one of this machine.
    JUG
        In processes of this package, children of a supervisor.
    LOKY
        In processes of loky.
    PROCESSES
        In processes of ``concurrent.futures``.
    THREADS
        In threads of the process of pytask.
    """

    NONE = "none"
    CUSTOM = "custom"
    DASK = "dask"
    JUG = "jug"
    LOKY = "loky"
    PROCESSES = "processes"
    THREADS = "threads"


#: Those whose workers are processes that this package starts on this host.
OF_THIS_HOST = (ParallelBackend.LOKY, ParallelBackend.PROCESSES, ParallelBackend.JUG)


_MEND = "Correct the builder that the project has registered, or choose another --parallel-backend."


class WorkerType(Enum):
    """What the workers of an executor are: threads of this process, or processes."""

    THREADS = "threads"
    PROCESSES = "processes"


class _Registration(NamedTuple):
    builder: Callable[..., Executor]
    worker_type: WorkerType
    remote: bool
    #: Whether it is one of this package, whose workers are more than those of an executor.
    is_own: bool = False


class NoExecutor(ValueError):
    """What a project has registered, or has not, gives no executor; `advice` is what to do.

    What a builder raised is its cause.
    """

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


def _not_registered(kind: ParallelBackend) -> NoExecutor:
    return NoExecutor(
        f"No registered parallel backend found for kind {kind.value!r}.",
        "Register one with registry.register_parallel_backend in a module of tasks or of --hook-module, or "
        "choose another --parallel-backend.",
    )


class ParallelBackendRegistry:
    """The builders of executors, by what they are for.

    Attributes
    ----------
    registry : dict of ParallelBackend to a named tuple
        Its fields are ``builder``, ``worker_type`` and ``remote``. All objects of this class share it.
    """

    registry: ClassVar[dict[ParallelBackend, _Registration]] = {}

    def register_parallel_backend(
        self,
        kind: ParallelBackend,
        builder: Callable[..., Executor],
        *,
        worker_type: WorkerType | str = WorkerType.PROCESSES,
        remote: bool = False,
    ) -> None:
        """Makes the builder of an executor known.

        Parameters
        ----------
        kind : ParallelBackend
            For ``ParallelBackend.CUSTOM``, or in the place of another one.
        builder : callable
            Takes ``n_workers``, by name, and returns a ``concurrent.futures.Executor``. It is called again
            where its executor broke.
        worker_type : WorkerType or {"processes", "threads"}, default WorkerType.PROCESSES
            What its workers are.
        remote : bool, default False
            Whether they may lack the files of this machine: the files that tasks depend on are sent then, and
            those that they produce brought back.

        Raises
        ------
        ValueError
            If there is no such type of workers.
        """
        self.registry[kind] = _Registration(builder, WorkerType(worker_type), remote)

    def get_parallel_backend(self, kind: ParallelBackend, n_workers: int) -> Executor:
        """An executor of this kind.

        Parameters
        ----------
        kind : ParallelBackend
        n_workers : int

        Returns
        -------
        concurrent.futures.Executor
            What the builder returned.

        Raises
        ------
        ValueError
            If there is no builder for it, or the builder raised.
        """
        __tracebackhide__ = True
        try:
            builder = self.registry[kind].builder
        except KeyError:
            raise _not_registered(kind) from None
        try:
            return builder(n_workers=n_workers)
        except (Exception, SystemExit) as error:
            raise NoExecutor(f"Could not instantiate parallel backend {kind.value!r}.", _MEND) from error

    def reset(self) -> None:
        """Has what is registered be what this package brings."""
        self.registry.clear()
        for kind, builder, worker_type in (
            (ParallelBackend.DASK, _dask_executor, WorkerType.PROCESSES),
            (ParallelBackend.JUG, _process_executor, WorkerType.PROCESSES),
            (ParallelBackend.LOKY, _loky_executor, WorkerType.PROCESSES),
            (ParallelBackend.PROCESSES, _process_executor, WorkerType.PROCESSES),
            (ParallelBackend.THREADS, _thread_executor, WorkerType.THREADS),
        ):
            self.registry[kind] = _Registration(builder, worker_type, remote=False, is_own=True)


def backend_of(kind: ParallelBackend, n_workers: int) -> Backend:
    """Where tasks of a session run.

    Raises
    ------
    ValueError
        If nothing is registered for it.
    """
    registration = registry.registry.get(kind)
    if registration is None:
        raise _not_registered(kind)
    if not registration.is_own:
        return Backend(kind.value, partial(_registered_pool, kind), is_remote=registration.remote)
    if kind is ParallelBackend.DASK:
        return parse_backend(_dask_name(n_workers))
    if kind is ParallelBackend.JUG:
        forked = partial(supervised, modules=WORKER_MODULES)
        return Backend(kind.value, forked, outlives_workers=True)
    return parse_backend(kind.value)


def _registered_pool(kind: ParallelBackend, n_workers: int) -> Pool:
    executor = registry.get_parallel_backend(kind, n_workers)
    if not callable(getattr(executor, "submit", None)) or not callable(getattr(executor, "shutdown", None)):
        raise NoExecutor(
            f"Could not instantiate parallel backend {kind.value!r}: its builder is to return a "
            f"concurrent.futures.Executor, and returned an object of the class {type(executor).__name__}.",
            _MEND,
        )
    is_live = registry.registry[kind].worker_type is WorkerType.THREADS
    # Those of concurrent.futures and of loky.
    if is_live and any(it.__name__ == "ProcessPoolExecutor" for it in type(executor).__mro__):
        raise NoExecutor(
            f"Could not instantiate parallel backend {kind.value!r}: it is registered with "
            f"worker_type='threads', and the workers of its {type(executor).__name__} are processes.",
            _MEND,
        )
    return ExecutorPool(executor, n_workers, is_live=is_live)


def _dask_name(n_workers: int) -> str:
    """The name of the dask backend: with the address of the current client, if there is one."""
    with _missing("distributed", "dask"):
        import distributed
    try:
        client = distributed.Client.current()
    except ValueError:
        return "dask"
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    if workers != n_workers:
        warnings.warn(
            f"The number of workers in the dask cluster ({workers}) does not match the number of workers "
            f"requested ({n_workers}). The requested number of workers will be ignored.",
            stacklevel=1,
        )
    return f"dask:{client.scheduler.address}"


def _dask_executor(n_workers: int) -> Executor:
    with _missing("distributed", "dask"):
        import distributed
    try:
        client = distributed.Client.current()
    except ValueError:
        client = distributed.Client(distributed.LocalCluster(n_workers=n_workers))
    executor: Executor = client.get_executor(pure=False)
    return executor


def _loky_executor(n_workers: int) -> Executor:
    with _missing("loky", "loky"):
        import loky
    executor: Executor = loky.get_reusable_executor(max_workers=n_workers)
    return executor


def _process_executor(n_workers: int) -> Executor:
    return ProcessPoolExecutor(n_workers)


def _thread_executor(n_workers: int) -> Executor:
    return ThreadPoolExecutor(n_workers)


@contextlib.contextmanager
def _missing(package: str, extra: str) -> Iterator[Any]:
    try:
        yield
    except ImportError:
        raise UserError(
            f"the parallel backend needs the package {package}: pip install {package} (or this package with "
            f"its extra '{extra}')"
        ) from None


registry = ParallelBackendRegistry()
registry.reset()
