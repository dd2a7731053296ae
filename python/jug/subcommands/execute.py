"""`jug execute`: run what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jug.subcommands import SubCommand, maybe_print_citation_info

if TYPE_CHECKING:
    import argparse

__all__ = ["ExecuteCommand", "execute"]

_STOP_FILE = "__jug_please_stop_running.txt"


class ExecuteCommand(SubCommand):
    """Run the tasks that have no result yet"""

    name = "execute"

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Works until nothing is left, prints what was done; returns 0, or 1 if a task failed."""
        from jug.engine.execute import execute as run_tasks
        from jug.hooks import jug_hook
        from jug.io import print_task_summary_table

        self._select_early(options)
        if not options.execute_no_check_environment:
            self._check_environment()
        outcome = run_tasks(options, kwargs["store"], kwargs["jugspace"])
        maybe_print_citation_info(options)
        jug_hook("execute.finished_pre_status")
        print_task_summary_table(options, [("Executed", outcome.executed), ("Loaded", outcome.loaded)])
        jug_hook("execute.finished_post_status")
        return int(outcome.exit_status)

    def _select_early(self, options: Any) -> None:
        """Fails on a wrong --pattern (from a configuration file) before any work is done."""
        if options.execute_pattern is not None:
            from jug.utils import prepare_task_matcher

            prepare_task_matcher(options.execute_pattern)

    def _check_environment(self) -> None:
        from jug.hooks.exit_checks import exit_env_vars, exit_if_file_exists

        exit_env_vars()
        exit_if_file_exists(_STOP_FILE)

    def parse(self, parser: argparse.ArgumentParser) -> None:
        """Adds the options."""
        from jug.utils import add_task_selection_options

        parser.add_argument(
            "--wait-cycle-time",
            dest="execute_wait_cycle_time",
            metavar="SECONDS",
            type=float,
            help="length of a wait cycle (default: 12); jug wakes up at once when there is something to run",
        )
        parser.add_argument(
            "--nr-wait-cycles",
            dest="execute_nr_wait_cycles",
            metavar="N",
            type=int,
            help="give up after N wait cycles without anything to run (default: 150)",
        )
        add_task_selection_options(parser, "execute_name", "execute_pattern", False, "execute only")
        parser.add_argument(
            "--keep-going",
            dest="execute_keep_going",
            action="store_true",
            help="run the other tasks when one has failed",
        )
        parser.add_argument(
            "--keep-failed",
            dest="execute_keep_failed",
            action="store_true",
            help="mark failed tasks, so that they are not tried again before 'jug cleanup --failed-only'",
        )
        parser.add_argument(
            "--no-check-environment",
            dest="execute_no_check_environment",
            action="store_true",
            help=f"ignore the JUG_* environment variables and the file {_STOP_FILE}",
        )

    def parse_defaults(self) -> dict[str, Any]:
        """Wait up to half an hour, select everything, stop at the first error."""
        return {
            "execute_wait_cycle_time": 12.0,
            "execute_nr_wait_cycles": 150,
            "execute_name": None,
            "execute_pattern": None,
            "execute_keep_going": False,
            "execute_keep_failed": False,
            "execute_no_check_environment": False,
        }


execute = ExecuteCommand()
