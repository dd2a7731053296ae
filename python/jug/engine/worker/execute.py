"""``jug execute``: working through a jugfile, load after load, until no barrier is left."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import compress
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

from ... import task, task_results
from ...errors import UserError
from ...internal import log, supervision
from ...internal.console import warn
from ...internal.task_selection import prepare_matcher_from_options
from ...internal.tracebacks import begin_at_users_line
from ...process.signals import end_cleanly
from ..drift import Drift, load_steadily
from ..handover import read_tasks
from ..jugfile import Jugfile
from ..removing import remove_outdated
from ..rerun import CodeReruns
from ..session.open import open_session
from ..task_graph import tasks_by_store
from .options import WorkerOptions
from .state import MADE_AGAIN, ExecutionState
from .worker import Worker

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...configuration import Options

__all__ = ["execute", "execution_loop", "run_tasks"]


def execute(options: Options, state: ExecutionState) -> bool:
    """Loads the jugfile and runs its tasks, again after each barrier; whether a task failed here.

    A worker that was given tasks by its supervisor runs those instead.

    Parameters
    ----------
    options : Options
    state : ExecutionState
        Filled with what was done.

    Raises
    ------
    UserError
        If a result that the jugfile needs while it loads is made again and again, each time in vain.
    """
    end_cleanly()
    mine = supervision.current()
    if mine is not None and mine.mail["tasks"] is not None:
        with mmap(mine.mail["tasks"], 0, access=ACCESS_READ) as file:
            read_tasks(file)
        return run_tasks(task.alltasks, options, state)
    state.jugfile = Jugfile.of(options)
    store = None
    failures = False
    patience = WorkerOptions(options).patience
    drift = Drift()
    reruns = CodeReruns(options)
    state.before = drift.before
    supervised = supervision.current()
    damages: Counter[str] = Counter()
    #: How often it was loaded again because of results that went, at the end and in a row at the beginning.
    nr_again = nr_removals = 0
    while True:
        began, nr_read = time.time(), task_results.nr_read
        with _removing_outdated():
            loaded = load_steadily(options, store, drift)
        store, state.has_barrier = loaded.store, loaded.has_barrier
        has_read = task_results.nr_read != nr_read
        # What was loaded may have been made of results that are gone.
        nr_removals = nr_removals + 1 if reruns.look(store, began) else 0
        if 0 < nr_removals <= MADE_AGAIN:
            continue
        if nr_removals:
            warn(
                "another worker, which began before the code was changed, makes the removed results again: "
                "end it, and run this command once more"
            )
        if supervised is not None:
            supervised.slot.set_more(loaded.has_barrier)
        damages[loaded.damage] += 1
        if loaded.damage and damages[loaded.damage] > MADE_AGAIN:
            raise UserError(
                f"{loaded.damage} ({MADE_AGAIN} times in this run): something else writes there too; let "
                "each task write files of its own"
            )
        executed_before = state.executed.total()
        failures = run_tasks(task.alltasks, options, state) or failures
        graph, state.graph = state.graph, None
        goes_on = loaded.has_barrier and state.executed.total() > executed_before
        # The jugfile may have made tasks of what was removed.
        is_vain = state.has_left or (state.has_removed and has_read)
        is_again = is_vain and not goes_on and nr_again < MADE_AGAIN
        if not (loaded.has_barrier or is_again) or state.idle >= patience:
            return failures
        drift.ended(task.alltasks, graph)
        if goes_on or is_again:
            nr_again += is_again
            continue
        if not all(t.can_load() for t in reversed(task.alltasks)):
            log.info("a barrier is not met, and no task that it waits for can run")
            return failures
        # All tasks are there and none was run: the barrier was met while the jugfile was loading. Should it
        # wait for something else, this loop must not spin.
        time.sleep(0.01)
        state.idle += 0.01


def run_tasks(
    tasks: list[task.Task], options: Options, state: ExecutionState, store: base_store | None = None
) -> bool:
    """Runs the tasks in `tasks`; whether one failed here.

    Parameters
    ----------
    tasks : list of Task
    options : Options
    state : ExecutionState
        What earlier calls did, to be added to.
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
    if store is None:
        store = tasks[0]._open_store()  # It says that none is open.
    with _removing_outdated():
        if state.coordinator is None:
            return Worker(tasks, store, options, state, matcher).run()
        from .pooled import PooledWorker

        return PooledWorker(tasks, store, options, state, matcher, state.coordinator()).run()


@contextmanager
def _removing_outdated() -> Iterator[None]:
    """Results whose files are gone or changed are removed: their tasks run again."""
    before, task_results.remove_outdated = task_results.remove_outdated, remove_outdated
    try:
        yield
    finally:
        task_results.remove_outdated = before


def execution_loop(tasks: list[task.Task], options: Options, state: ExecutionState | None = None) -> bool:
    """Runs tasks in this process, as ``jug execute`` does.

    Parameters
    ----------
    tasks : list of Task
        Usually ``jug.task.alltasks``: what has a result afterwards, or has failed, is taken out of that list,
        unless only some tasks were selected by `options`. Any other list stays as it is. Tasks that were made
        for different stores run one store after the other.
    options : Options
        Of the command ``execute``; ``jug.options.default_options`` will do.
    state : ExecutionState, optional
        What earlier calls did, to be added to. Default: a new one.

    Returns
    -------
    bool
        Whether a task failed.

    Raises
    ------
    Exception
        What a task raised, unless ``options.execute_keep_going`` is set. A RuntimeError whose ``__cause__``
        it is, where that is no Exception: a task's SystemExit is a failure like any other.
    """
    if state is None:
        state = ExecutionState()
    by_store = tasks_by_store(tasks)
    failed = False
    try:
        for store, its_tasks in by_store:
            failed = run_tasks(its_tasks, options, state, store) or failed
        return failed
    except Exception as error:
        if state.raised is not None and error is state.raised[0]:
            begin_at_users_line(error)
        raise
    finally:
        if tasks is task.alltasks and options.execute_name is None and options.execute_pattern is None:
            present: set[bytes] = set()
            for store, its_tasks in by_store:
                session = open_session(store)
                keys = [t.key() for t in its_tasks]
                present.update(compress(keys, session.present(keys)))
                session.close()
            tasks[:] = [t for t in tasks if t.key() not in present and t.hash() not in state.failed]
