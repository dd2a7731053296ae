"""Tasks that are functions of coiled: ``@coiled.function`` says on which machines in a cloud they run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

from pytask import PTask

from ..errors import UserError
from ..executors.backends import Backend
from ..executors.pools import ExecutorPool, Pool

__all__ = ["AT_ONCE", "coiled_backend", "options_of"]

#: How many are given to it at a time: it starts as many machines as they need.
AT_ONCE = 10_000


def options_of(task: PTask) -> Mapping[str, Any] | None:
    """What ``@coiled.function`` was given, as pytask keeps it; None if a task is none of these."""
    options: Mapping[str, Any] | None = task.attributes.get("coiled_kwargs")
    return options


def coiled_backend(options: Mapping[str, Any]) -> Backend:
    """Where functions with these options run."""
    return Backend("coiled", partial(_pool, options), is_remote=True)


def _pool(options: Mapping[str, Any], n_workers: int) -> Pool:
    try:
        from coiled.function import Function
    except ImportError:
        raise UserError(
            "tasks that are functions of coiled need the package coiled: pip install coiled"
        ) from None
    return ExecutorPool(_CoiledExecutor(partial(Function, **options)), n_workers, is_live=False)


class _CoiledExecutor(Executor):
    """Has functions run by coiled.

    Parameters
    ----------
    wrap : callable
        Makes a function one of coiled's, with a method ``submit`` that returns a future of dask.
    """

    def __init__(self, wrap: Callable[[Callable[..., Any]], Any]) -> None:
        self._wrap = wrap
        self._running: set[Any] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        there = self._wrap(fn).submit(*args, **kwargs)
        self._running.add(there)
        there.add_done_callback(partial(self._take, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Ends what runs, at once or when it is done; the machines end when they have nothing to do."""
        for there in () if wait else [*self._running]:
            with contextlib.suppress(Exception):
                there.cancel()

    def _take(self, future: Future[Any], there: Any) -> None:
        self._running.discard(there)
        try:
            result = there.result()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)
