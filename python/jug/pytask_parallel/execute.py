"""The hooks that run the tasks of a session in parallel; registered where that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytask import ExecutionError, ExecutionReport, Session, Traceback, console, hookimpl
from rich.table import Table

from ..errors import UserError
from .backends import NoExecutor
from .session import ParallelSession

if TYPE_CHECKING:
    from pytask import PTask

__all__ = [
    "pytask_execute_build",
    "pytask_execute_log_end",
    "pytask_execute_task",
    "pytask_log_session_header",
]

#: From which verbosity on.
_MUCH = 2

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
    try:
        # Only now: modules of tasks may have registered where tasks are to run.
        session.config[_KEY] = parallel = ParallelSession(session)
        parallel.run()
    except UserError as error:
        # What it says is enough: no line of this package is of help.
        console.print(f"Error: {error}", style="failed", markup=False, highlight=False)
        raise ExecutionError from None
    except NoExecutor as error:
        _show(error, show_locals=session.config["show_locals"])
        raise ExecutionError from None
    finally:
        session.config.pop(_KEY, None)
    return True


def _show(error: NoExecutor, *, show_locals: bool) -> None:
    """What a builder raised, with its own lines, and what to do.

    Pytask shows all lines of what it does not expect, with their variables: thousands, of this package.
    """
    cause = error.__cause__
    if cause is not None:
        console.print(Traceback((type(cause), cause, cause.__traceback__), show_locals=show_locals))
        console.print()
    for line in (f"ValueError: {error}", error.advice):
        console.print(line, style="failed", markup=False, highlight=False)


@hookimpl
def pytask_execute_task(session: Session, task: PTask) -> bool | None:
    """Has a task run elsewhere; None for those that make other tasks, which run here."""
    parallel: ParallelSession = session.config[_KEY]
    return parallel.submit(task)


@hookimpl(tryfirst=True)
def pytask_execute_log_end(session: Session, reports: list[ExecutionReport]) -> None:
    """Shows how long tasks took and where they ran, if much is to be shown."""
    if session.config["verbose"] < _MUCH:
        return
    table = Table("Task", "Seconds", "Worker")
    for report in reports:
        attributes = report.task.attributes
        if "worker" in attributes:
            began, ended = attributes["duration"]
            table.add_row(report.task.name.rpartition("/")[2], f"{ended - began:.2f}", attributes["worker"])
    if table.row_count:
        console.print(table)
