"""`jug count`: how many tasks the jugfile creates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["CountCommand", "count"]


class CountCommand(SubCommand):
    """Count the tasks by name, whether they have run or not"""

    name = "count"

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> None:
        """Prints a table, or a line with --short."""
        from collections import Counter

        from .. import _native
        from ..io import print_task_summary_table
        from ..task import alltasks

        print_task_summary_table(options, [("Count", Counter(_native.count_names(alltasks)))])


count = CountCommand()
