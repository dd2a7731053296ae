"""Runs calls in this thread, one after the other."""

from __future__ import annotations

import time
from typing import Any

from .. import _native, task
from .argument_checks import ArgumentChecks
from .base import Outcome, TaskCall

__all__ = ["InlineExecutor"]


class InlineExecutor:
    """The executor of a worker that runs tasks itself.

    Parameters
    ----------
    debug : bool
        Whether to check all arguments of each call, whatever that costs, and that it makes no tasks.
    """

    def __init__(self, *, debug: bool) -> None:
        self._debug = debug
        self._checks = ArgumentChecks(always=debug)
        #: Whether any task can have arguments that are to be checked, so that not each is asked.
        self._has_checks = _native.has_checked_arguments()

    def run(self, call: TaskCall) -> Outcome:
        """Runs a call; whatever it raises is in the outcome."""
        started, began = time.time(), time.perf_counter()
        try:
            if self._debug:
                value = self._debugged(call)
            elif self._has_checks and call._check_takes() is not None:
                value = self._checks.execute(call)
            else:
                value = call._execute()
        except BaseException as error:
            return Outcome(None, error, started, began, time.perf_counter() - began)
        return Outcome(value, None, started, began, time.perf_counter() - began)

    def _debugged(self, call: TaskCall) -> Any:
        nr_tasks, identity = len(task.alltasks), call._fresh_key()
        value = call._execute() if call._check_takes() is None else self._checks.execute(call)
        call._check_identity(identity)
        if len(task.alltasks) != nr_tasks:
            raise RuntimeError(f"task {call.name} created other tasks while it ran, which jug cannot follow")
        return value
