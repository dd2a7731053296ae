"""`jug runjob`: runs a task of jobslib, one instance at a time, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["RunjobCommand", "runjob"]


class RunjobCommand(SubCommand):
    """Run a task of jobslib, one instance at a time"""

    name = "runjob"
    needs_jugfile = False
    passes_words_on = True
    usage = "[OPTIONS] TASK_CLASS"

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Runs the task and returns the exit status; SystemExit with what the task gave to ``sys.exit``."""
        from ..jobslib.main import command

        return command(options.user_args)


runjob = RunjobCommand()
