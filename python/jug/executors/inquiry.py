"""Asks a worker what it has, before it gets anything to run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..internal.tracebacks import message_of
from .chunk import WorkerReport
from .pools import Pool

__all__ = ["ask_worker"]

#: For how many seconds a worker is waited for that is to say whether it can import a module.
_ASKING = 10.0

#: How often is looked whether there are workers, in seconds.
_WAITING = 0.05


def ask_worker(pool: Pool, name: str, modules: Sequence[str]) -> WorkerReport:
    """Has a worker of the backend `name` say whether it can import these modules.

    Raises
    ------
    UserError
        If none answers, or it runs another Python.
    """
    future = pool.ask_importable(modules)
    _wait_for_workers(pool, name, future)
    try:
        report = WorkerReport(*future.result(_ASKING))
    except UserError:
        raise
    except (FutureTimeout, CancelledError):
        what = f"said nothing within {_ASKING:g} s: look whether they run"
    except Exception as error:
        what = f"could not begin ({type(error).__name__}: {message_of(error)}): look whether jug is there"
    else:
        here = sys.version.split()[0]
        if report.python.split(".")[:2] == here.split(".")[:2]:
            return report
        what = f"run Python {report.python} ({report.place}), and this is {here}: functions need the same"
    raise UserError(f"the workers of the backend {name} {what}")


def _wait_for_workers(pool: Pool, name: str, future: Future[Any]) -> None:
    """Waits until there is one to answer: a cluster may have none until it gets something to run."""
    deadline: float | None = time.monotonic() + _ASKING
    while pool.is_waiting_for_workers() and not future.done():
        time.sleep(_WAITING)
        if deadline is not None and time.monotonic() >= deadline:
            deadline = None
            say(f"waiting for the first worker of the backend {name}")
