"""`jug execute`: run what is left to do."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand, maybe_print_citation_info
from ..engine.worker.backend_options import BACKEND_SPECS, ChosenBackend
from ..errors import Signalled, UserError
from ..internal import supervision
from ..internal.console import fail, show, warn
from ..internal.limits import checked_options
from ..internal.option_spec import OptionSpec
from ..internal.printing import open_closed_streams
from ..internal.task_selection import task_selection_specs
from ..process import stop_signal
from ..supervisor.options import SUPERVISOR_SPECS, SupervisorOptions

if TYPE_CHECKING:
    from ..configuration import Options
    from ..engine.worker.state import ExecutionState
    from ..internal.types import WorkerSummary

__all__ = ["ExecuteCommand", "execute"]

_STOP_FILE = "__jug_please_stop_running.txt"


class ExecuteCommand(SubCommand):
    """Run the tasks that have no result yet"""

    name = "execute"
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "execute_wait_cycle_time",
            ("--wait-cycle-time",),
            12.0,
            metavar="SECONDS",
            type=float,
            help="length of a wait cycle (default: 12); jug wakes up at once when there is something to run",
        ),
        OptionSpec(
            "execute_nr_wait_cycles",
            ("--nr-wait-cycles",),
            150,
            metavar="N",
            type=int,
            help="give up after N wait cycles without anything to run (default: 150)",
        ),
        *task_selection_specs("execute_name", "execute_pattern", "execute only"),
        OptionSpec(
            "execute_keep_going",
            ("--keep-going",),
            False,
            help="run the other tasks when one has failed",
            excludes="keep_going",
        ),
        OptionSpec(
            "execute_keep_going",
            ("--no-keep-going",),
            False,
            help="do not, whatever a configuration file says",
            action="store_false",
            excludes="keep_going",
        ),
        OptionSpec(
            "execute_keep_failed",
            ("--keep-failed",),
            False,
            help="mark failed tasks, so that they are not tried again before 'jug retry'",
        ),
        OptionSpec(
            "execute_explain",
            ("--explain",),
            False,
            help="say in a line on stderr of each task that runs why it does",
        ),
        OptionSpec(
            "execute_crash_limit",
            ("--crash-limit",),
            2,
            metavar="N",
            type=int,
            help="how many times a task may end the process that runs it before it has failed (default: 2)",
        ),
        OptionSpec(
            "execute_rerun_changed",
            ("--rerun-changed",),
            False,
            help="run tasks again whose results were made by other code than that of today, and all that "
            "depends on them; the same as --on-code-change=rerun",
        ),
        *SUPERVISOR_SPECS,
        *BACKEND_SPECS,
        OptionSpec(
            "execute_retries",
            ("--retries",),
            0,
            metavar="N",
            type=int,
            help="try a task that failed again up to N times (default: 0), after a pause that doubles from "
            "1 s; @TaskGenerator(retries=N) comes first",
        ),
        OptionSpec(
            "execute_timeout",
            ("--timeout",),
            None,
            metavar="SECONDS",
            help="end a task that runs longer, which is a failure (default: no limit); "
            "@TaskGenerator(timeout=SECONDS) comes first",
        ),
        OptionSpec(
            "execute_memory_limit",
            ("--memory-limit",),
            None,
            metavar="SIZE",
            help="with -n: end a task whose worker takes more memory, with all that it started, which is a "
            "failure (500M, 4GB; default: no limit)",
        ),
        OptionSpec(
            "execute_one_instance",
            ("--one-instance",),
            None,
            metavar="KEY",
            help="run only if no other computation with this KEY runs, on any host, and end when that is not "
            "certain any more; exit with 1 if one runs",
        ),
        OptionSpec(
            "execute_lease",
            ("--lease",),
            None,
            metavar="URL",
            help="with --one-instance: what says whether one runs (file:///DIRECTORY, redis://HOST, "
            "postgresql://HOST/DATABASE, etcd://HOST, consul://HOST; default: the jugdir)",
        ),
        OptionSpec(
            "execute_no_check_environment",
            ("--no-check-environment",),
            False,
            help=f"ignore the JUG_* environment variables and the file {_STOP_FILE}",
        ),
        OptionSpec(
            "execute_no_pack",
            ("--no-pack",),
            False,
            help="do not pack the results of workers that have ended, however many files there are",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Works until nothing is left, prints what was done; returns 0.

        Exits with 1 if a task failed, or cannot run because one is marked as failed; if another computation
        of the kind of --one-instance runs.
        """
        kind, lease = options.execute_one_instance, options.execute_lease
        if kind is None and lease is not None:
            raise UserError("--lease is for --one-instance KEY, which is missing", status=2)
        if kind is None or supervision.current() is not None:
            return self._run(options)
        from ..engine.session.one_instance import one_instance

        with one_instance(kind, lease, options.jugdir):
            return self._run(options)

    def _run(self, options: Options) -> int:
        from ..engine.failures.summary import details
        from ..engine.worker.end_time import EndTime
        from ..engine.worker.execute import execute as run_tasks
        from ..engine.worker.state import ExecutionState

        if options.execute_crash_limit < 1:
            raise UserError(f"--crash-limit must be 1 or more, not {options.execute_crash_limit}", status=2)
        limits = checked_options(
            options.execute_timeout, options.execute_retries, options.execute_memory_limit
        )
        options.update(
            {
                "execute_timeout": limits.timeout,
                "execute_retries": limits.retries,
                "execute_memory_limit": limits.memory,
            }
        )
        supervised = supervision.current()
        backend = ChosenBackend.of(options) if supervised is None else None
        supervisor = SupervisorOptions.of(options) if supervised is None and backend is None else None
        if supervisor is not None:
            return self._supervise(options, supervisor)
        if supervised is None and backend is None and limits.memory is not None:
            raise UserError(
                "a memory limit needs supervised workers: jug execute -n 1 --memory-limit ...", status=2
            )
        state = ExecutionState()
        if not options.execute_no_check_environment:
            self._check_environment()
            state.end_time = EndTime.from_environment(os.environ)
        if backend is not None:
            state.coordinator, state.display = backend, backend.display
        if supervised is not None and supervised.mail["asks_for_reports"]:
            state.reports = {}
        try:
            failed = run_tasks(options, state)
            if backend is not None:
                # Where nothing was to be run nobody has looked yet whether there is such a backend.
                backend()
        except Exception as error:
            if state.raised is None or error is not state.raised[0]:
                raise
            show(details(state.raised[1]))
            sys.exit(1)
        finally:
            if backend is not None:
                backend.close()
            # A task may have closed them, and what follows is printed.
            open_closed_streams()
            if supervised is not None:
                supervised.answer(_summary(options, state))
        if supervised is None:
            self._print_summary(options, [("Executed", state.executed), ("Loaded", state.loaded)])
        if not options.execute_no_pack:
            _compact_if_due()
        sys.stdout.flush()
        state.complaints.end()
        if supervised is None:
            if unselected := _unselected(options, state):
                warn(unselected)
            # Of a single failure it was said before, unless it was another worker's.
            if state.blocked and not (state.complaints and state.blocked == (1, 0, state.blocked.waiting)):
                fail(str(state.blocked))
        if failed or state.blocked:
            sys.exit(1)
        return 0

    def _supervise(self, options: Options, supervisor: SupervisorOptions) -> int:
        """The same with workers as children."""
        from ..supervisor.run import SupervisedRun

        check = not options.execute_no_check_environment
        stop = os.environ.get(stop_signal.VARIABLE, "") if check else ""
        run = SupervisedRun(supervisor, stop_at=stop_signal.named(stop) if stop else None)
        status = run.run()
        groups = [("Executed", run.executed), ("Loaded", run.loaded)]
        if run.failed.total():
            groups.append(("Failed", run.failed))
        # Where no worker came so far that it had tasks, the error says all that there is to say.
        if run.has_loaded or not (status or run.signal):
            self._print_summary(options, groups)
            sys.stdout.flush()
        run.report_end()
        if run.signal:
            raise KeyboardInterrupt if run.signal == signal.SIGINT else Signalled(run.signal)
        return status

    def _print_summary(self, options: Options, groups: Sequence[tuple[str, Counter[str]]]) -> None:
        from ..hooks import jug_hook
        from ..io import print_task_summary_table

        maybe_print_citation_info(options)
        jug_hook("execute.finished_pre_status")
        print_task_summary_table(options, groups)
        jug_hook("execute.finished_post_status")

    def _check_environment(self) -> None:
        from ..hooks.exit_checks import exit_env_vars, exit_if_file_exists

        exit_env_vars()
        exit_if_file_exists(_STOP_FILE)

    def interrupt_message(self, options: Options) -> str:
        """Results are written while the command runs."""
        return "what was finished is stored"


def _summary(options: Options, state: ExecutionState) -> WorkerSummary:
    """What a worker leaves to its supervisor."""
    failed, marked, waiting = state.blocked
    return {
        "failed": set(state.failed),
        "blocked": (failed, marked, waiting),
        "unselected": _unselected(options, state),
        "reports": state.reports or {},
    }


def _unselected(options: Options, state: ExecutionState) -> str:
    """That no task was selected by --name or --pattern, if there are tasks."""
    from ..internal.advice import nothing_selected
    from ..task import alltasks

    # After an error in the jugfile nobody has selected anything yet.
    is_selected = options.execute_name is not None or options.execute_pattern is not None
    if state.has_selected or not (alltasks and is_selected):
        return ""
    names = (t.name for t in alltasks)
    return nothing_selected(options.execute_name, options.execute_pattern, names, state.has_barrier)


def _compact_if_due() -> None:
    """Packs what dead workers left, if that is much. It is no part of the computation: it must not fail."""
    from ..engine.maintenance.pack import pack_if_due
    from ..task import Task

    try:
        pack_if_due(Task.store)
    except (OSError, RuntimeError) as error:
        warn(f"the results could not be packed: {error}")


execute = ExecuteCommand()
