"""`jug debug`: run a task that failed in a debugger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import fail, say
from ..internal.debugger import DebuggerLeft
from ..internal.option_spec import OptionSpec
from ..internal.short_repr import short
from ..internal.tracebacks import message_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .. import _native
    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.failures.listing import Failures
    from ..engine.session.base import StoreSession
    from ..executors.base import Outcome
    from ..executors.debugged import DebuggedCall

__all__ = ["DebugCommand", "debug"]


class DebugCommand(SubCommand):
    """Run a task that failed in a debugger"""

    name = "debug"
    usage = "[JUGFILE] [OPTIONS] ID|NAME [-- ARGUMENTS OF THE JUGFILE]"
    option_specs = (
        OptionSpec(
            "debug_save",
            ("--save",),
            False,
            help="store what the task returns as its result; without this nothing is stored",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is no jugfile says which task."""
        given = split_words(given, "debug_tasks")
        if len(given["debug_tasks"]) != 1:
            raise UserError(
                "jug debug needs the ID of one failure, or the name of one task; 'jug failures' lists them", 2
            )
        return given

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Runs it in this process, with its inputs loaded: from its first line, and again where it raises.

        Returns 0 if the task returned and, with --save, its result is stored; else 1. If an input has no
        result, or with --save another worker has the task, this is a UserError.
        """
        from ..engine.code_watch import CodeWatch
        from ..engine.failures.listing import Failures
        from ..engine.session.open import open_session
        from ..engine.task_graph import graph_of
        from ..engine.worker.single_run import SingleRun
        from ..executors.debugged import DebuggedCall
        from ..task import alltasks

        session = open_session(store)
        CodeWatch(options).note_in(session, store)
        try:
            failures = Failures(graph_of(alltasks), session)
            [text] = options.debug_tasks
            failure = failures.find_id_or_name(text)
            task = failures.task_of(failure)
            _refuse_missing(failures, session, task)
            attempt = failure.report.get("attempt", 1) + 1
            save = options.debug_save
            run = SingleRun(session, task, attempt, save=save, debug=options.debug)
            call = DebuggedCall(task)
            outcome = run.run(call)
        finally:
            session.close()
        return _print_outcome(failure.name, outcome, call, is_saved=save)


def _refuse_missing(failures: Failures, session: StoreSession, task: _native.TaskCore) -> None:
    """UserError if the task needs what has no result."""
    needed = task.direct_dependencies()
    present: Sequence[bool] = session.present([needs.key() for needs in needed])
    missing = [
        f"{needs.name} ({failures.id_of(needs.key())})"
        for needs, found in zip(needed, present, strict=True)
        if not found
    ]
    if missing:
        more = f" and {len(missing) - 5} others" if len(missing) > 5 else ""
        raise UserError(
            f"task {task.name} cannot run: there is no result of {', '.join(missing[:5])}{more}, which it "
            "needs; 'jug execute' runs them"
        )


def _print_outcome(name: str, outcome: Outcome, call: DebuggedCall, *, is_saved: bool) -> int:
    """Prints what became of the task; the exit status."""
    error = outcome.error
    if error is None:
        what = "it is stored" if is_saved else "nothing is stored; --save does that"
        say(f"task {name} returned {short(outcome.value)}; {what}")
        return 0
    if isinstance(error, DebuggerLeft):
        fail(f"task {name} was left before it ended; nothing is stored")
    elif call.has_raised:
        fail(f"task {name} raised {type(error).__name__}; nothing is stored")
    else:
        # It returned, and did or returned what it must not; the message names the task.
        fail(f"{message_of(error)}; nothing is stored")
    return 1


debug = DebugCommand()
