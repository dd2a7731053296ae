"""``jug.execute``: runs tasks in this process, or in workers of a supervisor that is a child of it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from .. import task
from ..backends.open_jugdir import default_modes
from ..backends.select import select
from ..configuration import Options, default_options, read_configuration_file
from ..display.choose import MODES
from ..engine.blocked import Blocked
from ..engine.handover import write_tasks
from ..engine.jugfile import set_jugdir
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of, tasks_by_store
from ..engine.worker.backend_options import ChosenBackend
from ..engine.worker.execute import execution_loop
from ..engine.worker.state import ExecutionState
from ..errors import UserError
from ..internal import task_origin
from ..internal.dependencies import tasks_in
from ..internal.limits import (
    as_bytes,
    as_count,
    as_count_from_1,
    as_seconds,
    as_word,
    as_workers,
    checked_parameter,
)
from ..internal.task_selection import prepare_matcher_from_options
from ..supervisor.options import START_METHODS
from .child import supervise
from .summary import ExecutionSummary

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..backends.base import base_store
    from ..internal.types import RunResult

__all__ = ["execute"]


def execute(
    tasks: Any = None,
    *,
    jugfile: str | os.PathLike[str] | None = None,
    jugdir: str | os.PathLike[str] | None = None,
    n_workers: int | str | None = None,
    backend: str | Executor | None = None,
    keep_going: bool = True,
    timeout: float | None = None,
    retries: int | None = None,
    memory_limit: str | float | None = None,
    name: str | None = None,
    pattern: str | None = None,
    threads_per_worker: int | None = None,
    max_tasks_per_worker: int | None = None,
    start_method: str | None = None,
    preload: str | Sequence[str] | None = None,
    capture: bool = False,
    progress: str | None = None,
    log: str | os.PathLike[str] | None = None,
) -> ExecutionSummary:
    """Runs tasks with all that they need, and says what became of them.

    What has a result already is not run. Configuration files count as for ``jug execute``.

    Parameters
    ----------
    tasks : task or any that holds tasks, optional
        The tasks, as ``jug.value`` takes them: a task, a list, a dict. Default: all that this process has
        made.
    jugfile : str or path, optional
        In place of `tasks`: a jugfile that workers load, and whose tasks they run up to its end, as ``jug
        execute`` does. This process does not load it.
    jugdir : str or path, optional
        Where results are kept. With `jugfile` the default is what ``jug execute`` uses. Tasks have the store
        that was open when they were made; if none was, this one is opened for them.
    n_workers : int or "auto", optional
        How many workers, each a process; "auto": one for each processor that this process may use. Default:
        tasks run in this process, one after the other, and a jugfile in one worker.
    backend : str or concurrent.futures.Executor, optional
        What runs tasks, by its name as for ``jug execute --backend``, or an executor, which stays open.
        `n_workers` is "auto" then if it is not given. Default: workers.
    keep_going : bool, default True
        Whether the other tasks run after one has failed.
    timeout : float, optional
        For how many seconds a task may run whose function does not say that. One that runs longer is ended,
        and has failed. Default: as configured, else for ever.
    retries : int, optional
        How often a task that failed is tried again, after a pause that doubles from 1 s, where its function
        does not say that. Default: as configured, else not at all.
    memory_limit : str or int, optional
        How much memory a worker may take, with all that its task starts: text such as ``"4GB"``, or a number
        of bytes. The task that takes more is ended, and has failed. Default: as configured, else any.
    name, pattern : str, optional
        Which tasks to run, as ``--name`` and ``--pattern`` of the command.
    threads_per_worker : int, optional
        How many threads numeric libraries use in each worker. Default: processors / workers.
    max_tasks_per_worker : int, optional
        After how many tasks another worker takes the place of one.
    start_method : {"spawn", "forkserver"}, optional
        How workers are started: each from nothing, or all from one that has imported what they need. Default:
        as configured, else "spawn".
    preload : str or sequence of str, optional
        With "forkserver": modules of your own that are imported once for all workers, too.
    capture : bool, default False
        Whether what tasks print in workers is kept with the failures instead of being shown.
    progress : {"live", "plain", "none"}, optional
        How to show how far workers are: by tables in the cell of a notebook or at the bottom of a terminal,
        by a line every ten seconds, or not. Default: as configured, else tables where that can be, and lines
        elsewhere.
    log : str or path, optional
        A file to which all that workers print is appended, and what becomes of them.

    Returns
    -------
    ExecutionSummary
        How many tasks were run, had a result already, and failed, by name; and why they failed.

    Raises
    ------
    UserError
        If a jugfile that is being loaded calls this. If tasks cannot be handed to workers: the message says
        which, why, and what to do. If no worker could work.
    RuntimeError
        If no store is open.
    ValueError, TypeError
        If a parameter is wrong, or a value in a configuration file that counts here.
    KeyboardInterrupt
        If it is interrupted. With workers nothing new starts then, and what runs may finish; a second
        interrupt kills what runs. What was finished is stored.
    """
    # IPython shows lines of functions that say this only where they raise something themselves.
    __tracebackhide__ = True
    loading = task_origin.of_this_load()
    if loading is not None:
        raise UserError(
            f"jug.execute() stands in a jugfile that is being loaded, {loading.jugfile}: put it under "
            "`if __name__ == '__main__':`, where it is run by `python` and not by `jug`"
        )
    if tasks is not None and jugfile is not None:
        raise ValueError("jug.execute() runs tasks or a jugfile, not both")
    prepare_matcher_from_options(name, pattern)
    given = {
        "keep_going": keep_going,
        "timeout": checked_parameter("timeout", timeout, as_seconds),
        "retries": checked_parameter("retries", retries, as_count),
        "name": name,
        "pattern": pattern,
    }
    of_workers = {
        "memory_limit": checked_parameter("memory_limit", memory_limit, as_bytes),
        "threads_per_worker": checked_parameter("threads_per_worker", threads_per_worker, as_count_from_1),
        "max_tasks_per_worker": checked_parameter(
            "max_tasks_per_worker", max_tasks_per_worker, as_count_from_1
        ),
        "start_method": checked_parameter(
            "start_method", start_method, partial(as_word, words=START_METHODS)
        ),
        "preload": preload if preload is None or isinstance(preload, str) else ",".join(preload),
        "capture": capture or None,
        "progress": checked_parameter("progress", progress, partial(as_word, words=MODES)),
        "log": None if log is None else os.fspath(log),
    }
    pool = _pool_of(backend, n_workers, of_workers, jugfile)
    of_supervisor = [] if pool is not None else _of_supervisor(n_workers, of_workers, jugfile, backend)
    words = of_supervisor + _words(given)
    try:
        if jugfile is not None:
            words.append(os.fspath(jugfile))
            if jugdir is not None:
                words.append(f"--jugdir={os.fspath(jugdir)}")
            return ExecutionSummary(supervise(words))
        if jugdir is not None:
            _open(jugdir)
        options = Options(read_configuration_file(default_options=default_options))
        options.update({f"execute_{name}": value for name, value in given.items() if value is not None})
        if pool is not None:
            options.update({"execute_memory_limit": of_workers["memory_limit"]})
        results: list[RunResult] = []
        for store, its_tasks in tasks_by_store(list(task.alltasks if tasks is None else tasks_in(tasks))):
            if pool is not None or not of_supervisor:
                results.append(_run_here(store, its_tasks, options, pool))
            else:
                results.append(_run_in_workers(store, its_tasks, words))
            if results[-1]["status"] and not keep_going:
                break
        return ExecutionSummary(_merged(results))
    except UserError as error:
        raise _in_words_of_python(error) from None
    finally:
        if pool is not None:
            pool.close()


def _pool_of(
    backend: str | Executor | None, n_workers: Any, options: Mapping[str, object], jugfile: object
) -> ChosenBackend | None:
    """What runs tasks, if neither this process does nor supervised workers."""
    __tracebackhide__ = True
    if backend is None or backend == "workers":
        return None
    if jugfile is not None:
        raise ValueError(
            "a jugfile is run by workers: for another backend load it first, by jug.init(), and run its tasks"
        )
    for name, value in options.items():
        if value is not None and name not in ("memory_limit", "progress"):
            raise ValueError(f"{name} is for the backend 'workers'")
    n_workers = checked_parameter("n_workers", "auto" if n_workers is None else n_workers, as_workers)
    return ChosenBackend(backend, n_workers, str(options["progress"] or ""))


def _in_words_of_python(error: UserError) -> Exception:
    """What is raised of it: of a wrong option, also one in a configuration file, it names the parameter."""
    if error.status != 2 or isinstance(error, ValueError):
        return error
    return ValueError(re.sub(r"--([a-z][a-z-]*)", lambda option: option[1].replace("-", "_"), str(error)))


def _of_supervisor(
    n_workers: Any, options: Mapping[str, object], jugfile: object, backend: object
) -> list[str]:
    """The options of a supervisor, as words of the command line; none if there is to be none."""
    __tracebackhide__ = True
    if n_workers is None and jugfile is not None:
        n_workers = 1
    if n_workers is None and backend is not None:
        n_workers = "auto"
    if n_workers is None:
        given = [name for name, value in options.items() if value is not None]
        if given:
            raise ValueError(f"{given[0]} is for workers: give n_workers as well, as in n_workers='auto'")
        return []
    return [f"-n{checked_parameter('n_workers', n_workers, as_workers)}", *_words(options)]


def _words(options: Mapping[str, object]) -> list[str]:
    """Options by their names in Python, as words of the command line."""
    words = []
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            # A configuration file may say something else.
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words.append(f"--{option}={value}")
    return words


def _open(jugdir: str | os.PathLike[str]) -> None:
    """Opens a store for tasks that were made before any was open."""
    if task.Task.store is None:
        set_jugdir(jugdir)
    elif select(jugdir) is not task.Task.store:
        raise UserError(
            f"the tasks were made for {task.Task.store!r}, where their results are kept: call "
            f"jug.set_jugdir({os.fspath(jugdir)!r}) before they are made, or leave jugdir= out"
        )


def _run_here(
    store: base_store, tasks: list[task.Task], options: Options, pool: ChosenBackend | None
) -> RunResult:
    """Runs the tasks of a store in this process, or from it in a pool."""
    state = ExecutionState()
    if pool is not None:
        state.coordinator, state.display = pool, pool.display
    state.reports = {}
    status = 0
    try:
        status = int(execution_loop(tasks, options, state))
    except Exception as error:
        # What a task raised is in its report.
        if state.raised is None or error is not state.raised[0]:
            raise
        status = 1
    state.complaints.end()
    failed, unfinished = _not_finished(store, tasks, options, state.failed)
    return {
        "status": status,
        "signal": 0,
        "executed": state.executed,
        "loaded": state.loaded,
        "failed": failed,
        "unfinished": unfinished,
        "blocked": (state.blocked.failed, state.blocked.marked, state.blocked.waiting),
        "reports": state.reports,
    }


def _not_finished(
    store: base_store, tasks: list[task.Task], options: Options, failed: set[bytes]
) -> tuple[Counter[str], Counter[str]]:
    """How many of the selected tasks failed, and how many others have no result, by name."""
    graph = graph_of(tasks, compared=False)
    session = open_session(store)
    try:
        session.refresh()
        present = session.present(graph.keys())
    finally:
        session.close()
    is_selected = prepare_matcher_from_options(options.execute_name, options.execute_pattern)
    copies = Counter(graph.node_ids())
    counts: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for node, (key, name) in enumerate(zip(graph.keys(), graph.names(), strict=True)):
        if not present[node] and (is_selected is None or is_selected(name)):
            counts[key.hex().encode() not in failed][name] += copies.get(node, 1)
    return counts


def _run_in_workers(store: base_store, tasks: list[task.Task], words: list[str]) -> RunResult:
    """Runs the tasks of a store in workers, which are given what is in the memory of this process."""
    __tracebackhide__ = True
    graph = graph_of(tasks)
    session = open_session(store)
    # What was stored here so far may not be written yet.
    session.sync()
    session.close()
    sync, claims = default_modes()
    with os.fdopen(os.memfd_create("jug-tasks"), "w+b") as file:
        write_tasks(file, graph, store)
        file.flush()
        return supervise([*words, f"--sync={sync}", f"--claims={claims}"], file.fileno())


def _merged(results: list[RunResult]) -> RunResult:
    """What became of the tasks of several stores."""
    blocked = Blocked(*(sum(numbers) for numbers in zip(*(it["blocked"] for it in results), strict=True)))
    return {
        "status": max((it["status"] for it in results), default=0),
        "signal": 0,
        "executed": sum((Counter(it["executed"]) for it in results), Counter()),
        "loaded": sum((Counter(it["loaded"]) for it in results), Counter()),
        "failed": sum((Counter(it["failed"]) for it in results), Counter()),
        "unfinished": sum((Counter(it["unfinished"]) for it in results), Counter()),
        "blocked": (blocked.failed, blocked.marked, blocked.waiting),
        "reports": {key: report for it in results for key, report in it["reports"].items()},
    }
