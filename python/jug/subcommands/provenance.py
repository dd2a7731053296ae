"""`jug provenance`: what results were made of, by which code, when, where and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec
from ..internal.task_selection import name_and_pattern_specs

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["ProvenanceCommand", "provenance"]


class ProvenanceCommand(SubCommand):
    """Print what results were made of, by which code and when"""

    name = "provenance"
    usage = "[JUGFILE] [OPTIONS] NAME|KEY ... [-- ARGUMENTS]"
    option_specs = (
        *name_and_pattern_specs("provenance_name", "provenance_pattern", "follow"),
        OptionSpec(
            "provenance_json",
            ("--json",),
            False,
            help="print all of it as JSON, with the kept source of the code, for programs",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is no jugfile says which tasks."""
        return split_words(given, "provenance_words")

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Prints a block for each task that is meant, and before it those of all that it needs; returns 0.

        With --short it is a line for each, with --json all of it is one object.

        What means no task, or several keys, is a UserError.
        """
        from ..monitor.explain.targets import asked_for
        from ..monitor.provenance.chain import provenance_of

        words = getattr(options, "provenance_words", [])
        selection = (words, options.provenance_name, options.provenance_pattern)
        with asked_for("provenance", store, kwargs.get("jugspace"), *selection) as asked:
            known = provenance_of(options.jugfile, asked)
        if options.provenance_json:
            import json

            from ..monitor.provenance.as_json import as_json

            options.print_out(json.dumps(as_json(known, asked.has_barrier), indent=2, default=str))
            return 0
        from ..monitor.provenance.text import in_short, lines_of

        for line in in_short(known) if options.short else lines_of(known):
            options.print_out(line)
        return 0


provenance = ProvenanceCommand()
