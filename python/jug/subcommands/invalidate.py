"""`jug invalidate`: forget results, and everything that was computed from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jug.subcommands import SubCommand

if TYPE_CHECKING:
    import argparse

__all__ = ["InvalidateCommand", "invalidate"]


class InvalidateCommand(SubCommand):
    """Remove the results of tasks and of all that depends on them"""

    name = "invalidate"

    def run(self, store: Any, options: Any, *args: Any, **kwargs: Any) -> int:
        """Removes results and prints how many, by name; returns 0."""
        from jug.engine.overview import Overview
        from jug.io import print_task_summary_table
        from jug.task import alltasks
        from jug.utils import prepare_matcher_from_options

        matcher = prepare_matcher_from_options(options.invalid_name, options.invalid_pattern)
        if matcher is None or not any(matcher(name) for name in {task.name for task in alltasks}):
            options.print_out("No task has a name that matches; nothing was removed.")
            return 0
        removed = {name: n for name, n in Overview(alltasks, store).invalidate(matcher).items() if n}
        if removed:
            print_task_summary_table(options, [("Invalidated", removed)])
        else:
            options.print_out("The tasks had no results; nothing was removed.")
        return 0

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds --name and --pattern, one of which must be given."""
        from jug.utils import add_task_selection_options

        add_task_selection_options(parser, "invalid_name", "invalid_pattern", True, "invalidate")

    def parse_defaults(self) -> dict[str, Any]:
        """Nothing is selected."""
        return {"invalid_name": None, "invalid_pattern": None}


invalidate = InvalidateCommand()
