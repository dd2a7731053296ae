"""`jug status`: how many tasks are in which state."""

from __future__ import annotations

from typing import Any

from . import SubCommand

__all__ = ["StatusCommand", "status"]


class StatusCommand(SubCommand):
    """Count the tasks that failed, wait, are ready, complete, active"""

    name = "status"

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Loads the jugfile and prints a table, or a line with --short.

        Returns 0 if all tasks are complete, else 1.
        """
        from ..engine.loading import load
        from ..engine.overview import ACTIVE, COMPLETE, FAILED, READY, WAITING, Overview
        from ..io import print_task_summary_table
        from ..task import alltasks

        counts = Overview(alltasks, load(options).store).counts()
        groups = [
            (title, {name: states[state] for name, states in counts.items()})
            for title, state in (
                ("Failed", FAILED),
                ("Waiting", WAITING),
                ("Ready", READY),
                ("Complete", COMPLETE),
                ("Active", ACTIVE),
            )
        ]
        totals = [sum(group.values()) for _, group in groups]
        if options.short:
            options.print_out(_in_short(*totals))
        else:
            print_task_summary_table(options, groups)
        return 0 if sum(totals) == totals[3] else 1


def _in_short(failed: int, waiting: int, ready: int, complete: int, active: int) -> str:
    if failed + waiting + ready + active == 0:
        return f"All tasks complete ({complete} tasks)."
    running = f"({active} active)" if active else "(none active)"
    return f"{waiting + ready} tasks waiting to be run, {failed} failed, {complete} complete, {running}."


status = StatusCommand()
