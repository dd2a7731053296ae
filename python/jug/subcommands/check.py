"""`jug check` and `jug sleep-until`: is everything done?"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["CheckCommand", "SleepUntilCommand", "check", "sleep_until"]


class CheckCommand(SubCommand):
    """Exit with 0 if all tasks are complete, else with 1"""

    name = "check"
    # With --stable other processes load it.
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "check_stable",
            ("--stable",),
            False,
            help="run nothing, load the jugfile in two processes that hash texts differently, and exit "
            "with 0 if both make the same tasks; else name the tasks and arguments that differ",
        ),
    )

    def run(self, store: base_store | None, options: Options, *args: Any, **kwargs: Any) -> NoReturn:
        """Prints nothing; exits with 0 if all tasks are complete, else with 1.

        With ``--stable`` it says how many tasks are the same in two loads, or on stderr which are not.
        """
        if options.check_stable:
            from ..engine.stability import check_stability

            found = check_stability(options)
            if isinstance(found, str):
                options.print_out(found)
            sys.exit(found if isinstance(found, int) else 0)
        from ..engine.jugfile import load
        from ..monitor.status import StatusCollector
        from ..task import alltasks

        if store is None:
            store = load(options).store
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
