"""``jug execute``: working through a jugfile, load after load, until no barrier is left."""

from __future__ import annotations

import logging
import time
from typing import Any

from .. import task
from ..utils import prepare_matcher_from_options
from .drift import Drift, load_steadily
from .loading import Jugfile
from .signals import end_cleanly
from .state import ExecutionState
from .worker import Worker

__all__ = ["execute", "execution_loop"]

_log = logging.getLogger("jug")


def execute(options: Any, state: ExecutionState) -> bool:
    """Loads the jugfile and runs its tasks, again after each barrier; whether a task failed here.

    Parameters
    ----------
    options : jug options
    state : ExecutionState
        Filled with what was done.
    """
    end_cleanly()
    state.jugfile = Jugfile.of(options)
    store = None
    failures = False
    patience = float(options.execute_wait_cycle_time) * int(options.execute_nr_wait_cycles)
    drift = Drift()
    while True:
        loaded = load_steadily(options, store, drift)
        store, state.has_barrier = loaded.store, loaded.has_barrier
        executed_before = state.executed.total()
        failures = execution_loop(task.alltasks, options, state) or failures
        if not loaded.has_barrier or state.idle >= patience:
            return failures
        drift.ended(task.alltasks)
        if state.executed.total() > executed_before:
            continue
        if not all(t.can_load() for t in reversed(task.alltasks)):
            _log.info("a barrier is not met, and nothing can be done about it here")
            return failures
        # All tasks are there and none was run: the barrier was met while the jugfile was loading. Should it
        # wait for something else, this loop must not spin.
        time.sleep(0.01)
        state.idle += 0.01


def execution_loop(
    tasks: list[task.Task], options: Any, state: ExecutionState | None = None, store: Any = None
) -> bool:
    """Runs the tasks in `tasks`; whether one failed here.

    Parameters
    ----------
    tasks : list of Task
    options : jug options
    state : ExecutionState, optional
        What earlier calls did; default a new one.
    store : store, optional
        That of all these tasks; default ``Task.store``.

    Raises
    ------
    Exception
        What a task raised, unless ``options.execute_keep_going``; a TaskQuit where that is no Exception.
    """
    if not tasks:
        return False
    matcher = prepare_matcher_from_options(options.execute_name, options.execute_pattern)
    store = task.Task.store if store is None else store
    return Worker(tasks, store, options, state or ExecutionState(), matcher).run()
