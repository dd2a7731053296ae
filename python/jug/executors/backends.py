"""Where tasks can run, by name: backends of this package, those that users register, and any executor."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Literal, NamedTuple

from ..errors import UserError
from ..internal.tracebacks import message_of
from .pools import ExecutorPool, Pool

__all__ = ["SUPERVISED", "Backend", "WorkerType", "known_backends", "parse_backend", "register", "supervised"]

#: What the workers of an executor are: threads of this process, or processes.
WorkerType = Literal["threads", "processes"]

#: The backend that is none of this room: workers that a supervisor starts.
SUPERVISED = "workers"


class Backend(NamedTuple):
    """A way to have tasks run elsewhere."""

    name: str
    #: Opens a pool of so many workers.
    open: Callable[[int], Pool]
    #: Whether its workers may be on other machines.
    is_remote: bool = False
    #: Whether it can be opened again: what broke is replaced.
    is_replaceable: bool = True
    #: Whether it goes on when one of its workers ends.
    outlives_workers: bool = False


#: What users registered, by name.
_registered: dict[str, Backend] = {}


def register(
    name: str,
    builder: Callable[[int], Executor],
    *,
    worker_type: WorkerType = "processes",
    remote: bool = False,
) -> None:
    """Makes a backend known, for ``--backend NAME`` and ``jug.execute(backend=NAME)``.

    Parameters
    ----------
    name : str
        The name; an earlier backend of that name is replaced, but for those of this package.
    builder : callable
        Takes a number of workers and returns a ``concurrent.futures.Executor``. It is called again when its
        executor broke.
    worker_type : {"processes", "threads"}, default "processes"
        Whether workers are other processes, to which calls are pickled, or threads of this one.
    remote : bool, default False
        Whether workers may run on other machines, where modules beside the jugfile are not.

    Raises
    ------
    ValueError
        If `name` is one of this package's, or `worker_type` is neither of the two.
    TypeError
        If `builder` cannot be called, or `name` is no text.
    """
    if not isinstance(name, str) or not name.strip():
        raise TypeError(f"the name of a backend is text, not {name!r}")
    if name in (SUPERVISED, *_own()) or ":" in name:
        raise ValueError(
            f"{name!r} cannot be the name of another backend: choose one that is free, without ':'"
        )
    if not callable(builder):
        raise TypeError(f"the builder of a backend takes a number of workers; {builder!r} cannot be called")
    if worker_type not in ("threads", "processes"):
        raise ValueError(f"worker_type is 'processes' or 'threads', not {worker_type!r}")
    _registered[name] = Backend(name, partial(_built, name, builder, worker_type), remote)


def known_backends() -> list[str]:
    """The names that ``--backend`` takes."""
    return [SUPERVISED, *_own(), *sorted(_registered)]


def parse_backend(backend: str | Executor) -> Backend:
    """The backend of this name, or of an executor that is there already.

    Raises
    ------
    UserError
        If there is none, with status 2.
    """
    if isinstance(backend, Executor):
        n_workers = int(getattr(backend, "_max_workers", 0) or 0)

        def given(wanted: int) -> Pool:
            is_live = type(backend).__module__ == "concurrent.futures.thread"
            return ExecutorPool(backend, n_workers or wanted, is_live=is_live, is_owned=False)

        return Backend(type(backend).__name__, given, is_remote=True, is_replaceable=False)
    if not isinstance(backend, str):
        raise UserError(
            "a backend is a name or a concurrent.futures.Executor, not an object of the class "
            f"{type(backend).__name__}",
            status=2,
        )
    own = _own()
    name, _, rest = backend.partition(":")
    if backend in _registered:
        return _registered[backend]
    if name == "dask":
        return Backend(backend, partial(_dask, rest), is_remote=bool(rest), outlives_workers=True)
    if backend in own:
        return Backend(backend, own[backend], outlives_workers=backend == "supervised")
    if rest and all(part.isidentifier() for part in (*name.split("."), *rest.split("."))):
        return Backend(backend, partial(_built, backend, None, "processes"), is_remote=True)
    known = ", ".join(known_backends())
    raise UserError(
        f"there is no backend {backend!r}; known are {known}, dask:ADDRESS, and module:function for what "
        "returns an executor",
        status=2,
    )


def _own() -> dict[str, Callable[..., Pool]]:
    # Each imports what it needs when it is opened.
    return {
        "threads": _threads,
        "processes": _processes,
        "supervised": supervised,
        "loky": _loky,
        "dask": partial(_dask, ""),
    }


def _threads(n_workers: int) -> Pool:
    from .local_pools import thread_pool

    return thread_pool(n_workers)


def _processes(n_workers: int) -> Pool:
    from .local_pools import process_pool

    return process_pool(n_workers)


def supervised(n_workers: int, modules: Sequence[str] = ()) -> Pool:
    """Opens a pool whose workers are children of a supervisor; `modules` are what calls there need."""
    from .supervised_pool import SupervisedPool

    return SupervisedPool(n_workers, modules)


def _loky(n_workers: int) -> Pool:
    from .local_pools import loky_pool

    return loky_pool(n_workers)


def _dask(address: str, n_workers: int) -> Pool:
    from .dask_pool import dask_pool

    return dask_pool(address, n_workers)


def _built(name: str, builder: Callable[[int], Any] | None, worker_type: str, n_workers: int) -> Pool:
    if builder is None:
        builder = _imported(name)
    try:
        executor = builder(n_workers)
    except Exception as error:
        raise UserError(
            f"the backend {name} could not be started: {type(error).__name__}: {message_of(error)}"
        ) from error
    if not callable(getattr(executor, "submit", None)) or not callable(getattr(executor, "shutdown", None)):
        raise UserError(
            f"the backend {name} is to return a concurrent.futures.Executor, and returned an object of the "
            f"class {type(executor).__name__}"
        )
    return ExecutorPool(executor, n_workers, is_live=worker_type == "threads")


def _imported(name: str) -> Callable[[int], Any]:
    module, _, function = name.partition(":")
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:
        raise UserError(
            f"the module {module} of the backend {name} cannot be imported: {type(error).__name__}: "
            f"{message_of(error)}; install the package that it belongs to, or correct the name"
        ) from error
    for part in function.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise UserError(f"the backend {name} names no function: the module {module} has no {function}")
    return found  # type: ignore[no-any-return]
