"""`jug check` and `jug sleep-until`: is everything done?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from ..cli.registry import SubCommand

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["CheckCommand", "SleepUntilCommand", "check", "sleep_until"]


class CheckCommand(SubCommand):
    """Exit with 0 if all tasks are complete, else with 1"""

    name = "check"

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> NoReturn:
        """Prints nothing; exits with 0 if all tasks are complete, else with 1."""
        from ..monitor.status import StatusCollector
        from ..task import alltasks

        sys.exit(0 if StatusCollector(alltasks, store).all_complete() else 1)


class SleepUntilCommand(SubCommand):
    """Wait until all tasks are complete, then exit"""

    name = "sleep-until"
    needs_jugfile = False

    def run(self, options: Options, store: base_store, jugspace: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Sleeps while other processes work; exits with 0 when all tasks are complete.

        With 1 when all that is left cannot run, because a task is marked as failed, or ended its
        process too often.
        """
        from ..internal.console import fail
        from ..monitor.wait import wait_until_complete

        blocked = wait_until_complete(options)
        if blocked:
            fail(str(blocked))
        sys.exit(1 if blocked else 0)


check = CheckCommand()
sleep_until = SleepUntilCommand()
