"""Hooks around an execution: how long tasks take, by name."""

from __future__ import annotations

import time
from typing import Any

from .register import register_hook_once

__all__ = ["TimeTasks", "register_time_tasks"]


class TimeTasks:
    """Measures the wall time of tasks, grouped by their name.

    Attributes
    ----------
    times : dict of str to list of float
        Seconds that each task took, by task name.
    """

    def __init__(self) -> None:
        self.times: dict[str, list[float]] = {}
        self._started = 0.0

    def start(self, t: Any) -> None:
        """Notes the time; the hook before a task runs.

        Parameters
        ----------
        t : Task
            Ignored.
        """
        self._started = time.perf_counter()

    def stop(self, t: Any) -> None:
        """Records how long the task ran; the hook after it has run.

        Parameters
        ----------
        t : Task
            The task that has run.
        """
        self.times.setdefault(t.name, []).append(time.perf_counter() - self._started)

    def print_summary(self) -> None:
        """Prints the mean time in seconds and the number of tasks of every name."""
        print("TIMES\n-----\n")
        for name, seconds in self.times.items():
            print(f"{name:20} {sum(seconds) / len(seconds):.2f}s ({len(seconds)} tasks)")


def register_time_tasks() -> None:
    """Prints, after the summary table, how long the executed tasks took."""
    timer = TimeTasks()
    register_hook_once("execute.task-pre-execute", "time_tasks", timer.start)
    register_hook_once("execute.task-executed1", "time_tasks", timer.stop)
    register_hook_once("execute.finished_post_status", "time_tasks", timer.print_summary)
