"""`jug accept`: results that were made by other code are good all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..internal.task_selection import prepare_matcher_from_options, task_selection_specs

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["AcceptCommand", "accept"]


class AcceptCommand(SubCommand):
    """Take results of other code for results of today's code"""

    name = "accept"
    option_specs = (*task_selection_specs("accept_name", "accept_pattern", "accept only"),)

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Notes that the results stay, and prints how many there are, by name; returns 0."""
        from ..engine.code_changes import accept, count
        from ..io import print_task_summary_table
        from ..task import alltasks

        matcher = prepare_matcher_from_options(options.accept_name, options.accept_pattern)
        found = accept(alltasks, store, options, matcher)
        if found is None:
            options.print_out("This store does not note by which code results are made.")
        elif accepted := count(found):
            print_task_summary_table(options, [("Accepted", dict(accepted))])
        else:
            chosen = "" if matcher is None else " among the chosen tasks"
            options.print_out(f"No result{chosen} was made by other code than that of today.")
        return 0


accept = AcceptCommand()
