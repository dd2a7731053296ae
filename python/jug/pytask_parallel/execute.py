"""The hooks that run the tasks of a session in parallel; registered where that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytask import Session, console, hookimpl

from .session import ParallelSession

if TYPE_CHECKING:
    from pytask import PTask

__all__ = ["pytask_execute_build", "pytask_execute_task", "pytask_log_session_header"]

#: Under which key of a session's configuration what runs its tasks is.
_KEY = "_jug_parallel_session"


@hookimpl(trylast=True)
def pytask_log_session_header(session: Session) -> None:
    """Says how many workers there are."""
    console.print(f"Starting {session.config['n_workers']} workers.")


@hookimpl
def pytask_execute_build(session: Session) -> bool:
    """Runs all tasks."""
    __tracebackhide__ = True
    # Only now: modules of tasks may have registered where tasks are to run.
    session.config[_KEY] = parallel = ParallelSession(session)
    try:
        parallel.run()
    finally:
        del session.config[_KEY]
    return True


@hookimpl
def pytask_execute_task(session: Session, task: PTask) -> bool | None:
    """Has a task run elsewhere; None for those that make other tasks, which run here."""
    parallel: ParallelSession = session.config[_KEY]
    return parallel.submit(task)
