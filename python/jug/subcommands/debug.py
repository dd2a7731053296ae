"""`jug debug`: run a task that failed in a debugger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _native
from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import fail, say
from ..internal.option_spec import OptionSpec
from ..internal.short_repr import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.failures.listing import Failures
    from ..engine.session.base import StoreSession
    from ..internal.debugger import Debugged

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

        Returns 0 if the task returned, else 1. If an input has no result, this is a UserError.
        """
        from ..engine.failures.listing import Failures
        from ..engine.session.open import open_session
        from ..engine.task_graph import graph_of
        from ..internal.debugger import debug_call
        from ..task import alltasks

        session = open_session(store)
        try:
            failures = Failures(graph_of(alltasks), session)
            [text] = options.debug_tasks
            failure = failures.find_id_or_name(text)
            task = failures.task_of(failure)
            _refuse_missing(failures, session, task)
            args, keywords = _native.resolve_args(task)
            debugged = debug_call(task.f, args, keywords or {})
            if options.debug_save and debugged.has_returned:
                failures.clear([failure])
                store.dump(debugged.value, task.hash())
        finally:
            session.close()
        return _tell(failure.name, debugged, is_saved=options.debug_save)


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


def _tell(name: str, debugged: Debugged, *, is_saved: bool) -> int:
    """Says what became of the task; the exit status."""
    if debugged.error is not None:
        fail(f"task {name} raised {type(debugged.error).__name__}; nothing is stored")
    elif not debugged.has_returned:
        fail(f"task {name} was left before it ended; nothing is stored")
    else:
        what = "it is stored" if is_saved else "nothing is stored; --save does that"
        say(f"task {name} returned {short(debugged.value)}; {what}")
    return 0 if debugged.has_returned else 1


debug = DebugCommand()
