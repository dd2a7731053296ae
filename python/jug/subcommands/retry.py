"""`jug retry`: let tasks run again that failed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..engine.failures.report import KINDS
from ..errors import UserError
from ..internal.console import warn
from ..internal.option_spec import OptionSpec
from ..internal.task_selection import Matcher, name_and_pattern_specs, prepare_matcher_from_options

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.failures.listing import Failures, TaskFailure

__all__ = ["RetryCommand", "retry"]


class RetryCommand(SubCommand):
    """Let tasks that failed run again as if for the first time"""

    name = "retry"
    usage = "[JUGFILE] [OPTIONS] [ID ...] [-- ARGUMENTS OF THE JUGFILE]"
    option_specs = (
        *name_and_pattern_specs("retry_name", "retry_pattern", "clear the failures of"),
        OptionSpec(
            "retry_kind",
            ("--kind",),
            None,
            choices=KINDS,
            help="clear the failures of this kind",
            excludes="selection",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is no jugfile is an ID."""
        return split_words(given, "retry_ids")

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Forgets the failures that are selected, or all, and prints how many there were; returns 0.

        An ID that means no failure, or several, is a UserError, and then nothing is forgotten.
        """
        from ..engine.failures.listing import Failures
        from ..engine.session.open import open_session
        from ..engine.task_graph import graph_of
        from ..internal.advice import nothing_selected
        from ..task import alltasks

        matches = prepare_matcher_from_options(options.retry_name, options.retry_pattern)
        session = open_session(store)
        try:
            failures = Failures(graph_of(alltasks), session)
            number = failures.clear(_selected(failures, options, matches))
        finally:
            session.close()
        options.print_out(f"Cleared {number} failure{'' if number == 1 else 's'}")
        names = {t.name for t in alltasks}
        if matches is not None and names and not any(map(matches, names)):
            sys.stdout.flush()
            has_barrier = bool((kwargs.get("jugspace") or {}).get("__jug__hasbarrier__"))
            warn(nothing_selected(options.retry_name, options.retry_pattern, names, has_barrier))
        return 0

    def interrupt_message(self, options: Options) -> str:
        """Some of it may be done."""
        return "some failures may be cleared already: run it again"


def _selected(failures: Failures, options: Options, matches: Matcher | None) -> list[TaskFailure]:
    """The failures that the IDs name, or those that the options select, or all."""
    ids, kind = getattr(options, "retry_ids", []), options.retry_kind
    # Of what excludes each other a jugrc file can set both.
    given = [name for name in ("name", "pattern", "kind") if getattr(options, f"retry_{name}") is not None]
    if ids and given:
        raise UserError(f"IDs and --{given[0]} exclude one another", 2)
    if kind is not None and kind not in KINDS:
        raise UserError(f"{kind!r} is no kind of failure; there are {', '.join(KINDS)}", 2)
    if ids:
        # By key, so that one that is named twice counts once.
        return list({failure.key: failure for failure in map(failures.find_exactly, ids)}.values())
    return [
        failure
        for failure in failures.all()
        if (matches is None or matches(failure.name)) and kind in (None, failure.report.get("kind"))
    ]


retry = RetryCommand()
