"""`jug status`: how many tasks are in which state."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from . import SubCommand

__all__ = ["StatusCommand", "status"]

#: How many different errors are shown; a broken function may fail differently for each of its arguments.
_MOST_FAILURES = 10


class StatusCommand(SubCommand):
    """Count the tasks that failed, wait, are ready, complete, active"""

    name = "status"
    needs_jugfile = False

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Loads the jugfile and prints a table, or a line with --short.

        Beside the table, why tasks failed goes to stderr. Returns 0 if all tasks are complete, else 1.
        """
        from ..engine.loading import load
        from ..engine.overview import ACTIVE, COMPLETE, FAILED, READY, WAITING, Overview
        from ..io import print_task_summary_table
        from ..task import alltasks

        overview = Overview(alltasks, load(options).store)
        counts = overview.counts()
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
            _tell_failures(overview.failures())
        return 0 if sum(totals) == totals[3] else 1


def _in_short(failed: int, waiting: int, ready: int, complete: int, active: int) -> str:
    if failed + waiting + ready + active == 0:
        return f"All tasks complete ({complete} tasks)."
    running = f"({active} active)" if active else "(none active)"
    return f"{waiting + ready} tasks waiting to be run, {failed} failed, {complete} complete, {running}."


def _tell_failures(failures: Iterable[tuple[Any, Mapping[str, Any]]]) -> None:
    """Prints why tasks failed, a line for each name and error, with the traceback from --verbose=info on."""
    import logging

    from ..engine.failures import headline

    alike: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for t, report in failures:
        alike.setdefault((t.name, headline(report)), []).append(report)
    if not alike:
        return
    sys.stdout.flush()
    tracebacks = logging.getLogger("jug").isEnabledFor(logging.INFO)
    for (name, error), reports in list(alike.items())[:_MOST_FAILURES]:
        more = f" (and {len(reports) - 1} more alike)" if len(reports) > 1 else ""
        print(f"jug: {name}({reports[0].get('arguments', '')}) failed: {error}{more}", file=sys.stderr)
        if tracebacks:
            print(reports[0].get("traceback", ""), end="", file=sys.stderr)
    if len(alike) > _MOST_FAILURES:
        print(f"jug: and {len(alike) - _MOST_FAILURES} other errors", file=sys.stderr)
    if not tracebacks:
        print("jug: --verbose=info shows the tracebacks", file=sys.stderr)


status = StatusCommand()
