"""`jug invalidate`: forget results, and everything that was computed from them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import PatternError
from ..internal.console import warn
from ..internal.option_spec import OptionSpec, add_options
from ..internal.task_selection import prepare_matcher_from_options, task_selection_specs

if TYPE_CHECKING:
    import argparse

    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["InvalidateCommand", "invalidate"]


class InvalidateCommand(SubCommand):
    """Remove the results of tasks and of all that depends on them"""

    name = "invalidate"
    needs_values = False  # What cannot be loaded has to be removed with it.
    option_specs = (
        *task_selection_specs("invalid_name", "invalid_pattern", "invalidate"),
        OptionSpec(
            "invalid_unreadable",
            ("--unreadable",),
            False,
            help="invalidate the tasks whose results cannot be loaded here, because a package is missing or "
            "has another version, or a class was renamed",
            excludes="selection",
        ),
    )

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Removes results and prints how many, by name; returns 0."""
        from ..compound import expanded
        from ..engine.maintenance.invalidate import invalidate
        from ..internal.advice import nothing_selected
        from ..io import print_task_summary_table
        from ..task import alltasks

        matcher = None
        if not options.invalid_unreadable:
            matcher = prepare_matcher_from_options(options.invalid_name, options.invalid_pattern)
            if matcher is None:
                raise PatternError("jug invalidate needs --name, --pattern or --unreadable", status=2)
        affected = invalidate(expanded(alltasks), store, matcher)
        removed = {name: count for name, count in affected.items() if count}
        if removed:
            print_task_summary_table(options, [("Invalidated", removed)])
        elif affected:
            options.print_out("Tasks invalidated, but no results removed")
        else:
            options.print_out("No results invalidated.")
            if alltasks and matcher is not None:
                sys.stdout.flush()
                names = (t.name for t in alltasks)
                has_barrier = bool((kwargs.get("jugspace") or {}).get("__jug__hasbarrier__"))
                warn(nothing_selected(options.invalid_name, options.invalid_pattern, names, has_barrier))
        return 0

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds --name, --pattern and --unreadable, one of which must be given."""
        add_options(parser, self.option_specs, required=True)

    def interrupt_message(self, options: Options) -> str:
        """Some of it may be done."""
        return "some results may be invalid already: run it again"


invalidate = InvalidateCommand()
