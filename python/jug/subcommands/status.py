"""`jug status`: how many tasks are in which state."""

from __future__ import annotations

from typing import Any

from jug.subcommands import SubCommand

__all__ = ["StatusCommand", "status"]

_COLUMNS = (("Failed", "F"), ("Waiting", "W"), ("Ready", "R"), ("Complete", "C"), ("Active", "A"))


class StatusCommand(SubCommand):
    """Count the tasks that failed, wait, are ready, complete, active"""

    name = "status"

    def run(self, options: Any, store: Any, *args: Any, **kwargs: Any) -> int:
        """Prints a table, or a line with --short; returns 0 if all tasks are complete, else 1."""
        from jug.engine.overview import Overview
        from jug.task import alltasks

        overview = Overview(alltasks, store)
        counts = overview.counts()
        if options.short:
            options.print_out(_in_short({s: sum(c.get(s, 0) for c in counts.values()) for _, s in _COLUMNS}))
        else:
            from jug.io import print_task_summary_table

            groups = [(title, {n: c.get(state, 0) for n, c in counts.items()}) for title, state in _COLUMNS]
            print_task_summary_table(options, groups)
        return 0 if overview.all_complete() else 1


def _in_short(totals: dict[str, int]) -> str:
    if totals["C"] == sum(totals.values()):
        return f"All tasks complete ({totals['C']} tasks)."
    active = f"({totals['A']} active)" if totals["A"] else "(none active)"
    return (
        f"{totals['W'] + totals['R']} tasks waiting to be run, {totals['F']} failed, "
        f"{totals['C']} complete, {active}."
    )


status = StatusCommand()
