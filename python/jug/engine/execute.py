"""``jug execute``: working through a jugfile, load after load, until no barrier is left."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from typing import Any

from .. import task
from ..utils import prepare_matcher_from_options
from .loading import load
from .worker import ExecutionState, Worker

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
    _end_cleanly_on_sigterm()
    store = None
    failures = False
    patience = float(options.execute_wait_cycle_time) * int(options.execute_nr_wait_cycles)
    while True:
        loaded = load(options, store)
        store = loaded.store
        executed_before = state.executed.total()
        failures = execution_loop(task.alltasks, options, state) or failures
        if not loaded.has_barrier or state.idle >= patience:
            return failures
        if state.executed.total() > executed_before:
            continue
        if not all(t.can_load() for t in reversed(task.alltasks)):
            _log.info("a barrier is not met, and nothing can be done about it here")
            return failures
        # All tasks are there and none was run: the barrier was met while the jugfile was loading. Should it
        # wait for something else, this loop must not spin.
        time.sleep(0.01)
        state.idle += 0.01


def _end_cleanly_on_sigterm() -> None:
    """Lets batch systems end a worker so that it stores what it has and gives its claims back."""
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.signal(signal.SIGTERM, _leave) is not _leave:
        os.register_at_fork(
            before=_hold_sigterm, after_in_parent=_let_sigterm_go, after_in_child=_die_of_sigterm
        )


def _leave(*_: object) -> None:
    sys.exit(1)


# A process that a task forks has nothing to store: SIGTERM ends it at once, as multiprocessing expects. A
# Python handler would not do, since CPython forgets signals that reach a child while it is being forked.
_masks: list[set[int]] = []


def _hold_sigterm() -> None:
    _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}))


def _let_sigterm_go() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _masks.pop())


def _die_of_sigterm() -> None:
    if signal.getsignal(signal.SIGTERM) is _leave and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _let_sigterm_go()


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
        What a task raised, unless ``options.execute_keep_going``.
    """
    if not tasks:
        return False
    matcher = prepare_matcher_from_options(options.execute_name, options.execute_pattern)
    store = task.Task.store if store is None else store
    return Worker(tasks, store, options, state or ExecutionState(), matcher).run()
