"""Asks a worker what it has, before it gets anything to run."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, wait
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

from ..errors import UserError
from ..internal.console import say, warn
from ..internal.tracebacks import message_of
from ..jug_version import __version__
from .pools import Pool
from .sources import WorkerReport

__all__ = ["ask_worker"]

#: How many seconds a worker may take to say anything, and to import what tasks need.
_ASKING = 10.0
_IMPORTING = 300.0

#: How often is looked whether there are workers, in seconds.
_WAITING = 0.05


def ask_worker(pool: Pool, name: str, modules: Sequence[str]) -> WorkerReport:
    """Has a worker of the backend `name` say whether it can import these modules.

    That it begins to answer is a matter of seconds; an import may take longer, which is said.

    Raises
    ------
    UserError
        If none answers, or it has another Python or another version of this package.
    """
    begun = pool.ask_importable([])
    _wait_for_workers(pool, name, begun)
    report = _answer(begun, name, _ASKING)
    if what := _difference(report, sys.version.split()[0]):
        raise UserError(f"the workers of the backend {name} {what}")
    if not modules:
        return report
    asked = pool.ask_importable(modules)
    if wait([asked], _ASKING).not_done:
        warn(
            f"a worker of the backend {name} ({report.place}) has been importing {', '.join(modules)} for "
            f"{_ASKING:g} s"
        )
    return _answer(asked, name, _IMPORTING)


def _answer(future: Future[WorkerReport], name: str, seconds: float) -> WorkerReport:
    try:
        return WorkerReport(*future.result(seconds))
    except UserError:
        raise
    except (FutureTimeout, CancelledError):
        what = f"said nothing within {seconds:g} s: look whether they run"
    except Exception as error:
        what = f"could not begin ({type(error).__name__}: {message_of(error)}): look whether jug is there"
    raise UserError(f"the workers of the backend {name} {what}")


def _difference(report: WorkerReport, here: str) -> str:
    """In what a worker differs from this process that matters; empty if in nothing."""
    if report.python.split(".")[:2] != here.split(".")[:2]:
        return f"run Python {report.python} ({report.place}), and this is {here}: functions need the same"
    if report.package != __version__:
        return f"have jug-rs {report.package} ({report.place}), and this is {__version__}: install that"
    return ""


def _wait_for_workers(pool: Pool, name: str, future: Future[Any]) -> None:
    """Waits until there is one to answer: a cluster may have none until it gets something to run."""
    deadline: float | None = time.monotonic() + _ASKING
    while pool.is_waiting_for_workers() and not future.done():
        time.sleep(_WAITING)
        if deadline is not None and time.monotonic() >= deadline:
            deadline = None
            say(f"waiting for the first worker of the backend {name}")
