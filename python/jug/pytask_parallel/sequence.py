"""What is said and checked where tasks run one after the other, in pytask's process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytask import Session, console, get_marks, hookimpl

from .limits import limits_of

if TYPE_CHECKING:
    from pytask import PTask

__all__ = ["InSequence"]


class InSequence:
    """The hooks of such a session.

    Parameters
    ----------
    option : str
        Because of which tasks do not run in parallel, though that was asked for; empty if it was not.
    """

    def __init__(self, option: str) -> None:
        self._option = option

    @hookimpl(trylast=True)
    def pytask_log_session_header(self) -> None:
        """Says so."""
        if self._option:
            console.print(f"{self._option} runs tasks one after the other, in this process.")

    @hookimpl(tryfirst=True)
    def pytask_execute_build(self, session: Session) -> None:
        """Says what does not hold then; limits of tasks are known when they are collected."""
        is_limited = session.config["task_timeout"] is not None or any(
            get_marks(task, "timeout") or get_marks(task, "memory") for task in session.tasks
        )
        if is_limited:
            what_to_do = (
                "" if self._option else " To have them held, choose a --parallel-backend, such as 'jug'."
            )
            console.print(
                "Warning: no limit of time or memory is held, as tasks run one after the other, in this "
                f"process.{what_to_do}",
                style="warning",
                highlight=False,
            )

    @hookimpl(tryfirst=True)
    def pytask_execute_task(self, session: Session, task: PTask) -> None:
        """Has a mark that is wrong be a failure of its task, as in parallel."""
        limits_of(task, session.config)
