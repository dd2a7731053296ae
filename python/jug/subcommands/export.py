"""`jug export`: results with what made them, as an RO-Crate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.option_spec import OptionSpec
from ..internal.task_selection import name_and_pattern_specs

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["ExportCommand", "export"]


class ExportCommand(SubCommand):
    """Write results with what made them, as an RO-Crate"""

    name = "export"
    usage = "[JUGFILE] [OPTIONS] --to DIR|FILE NAME|KEY ... [-- ARGUMENTS]"
    option_specs = (
        *name_and_pattern_specs("export_name", "export_pattern", "export"),
        OptionSpec(
            "export_to",
            ("--to",),
            None,
            metavar="DIR|FILE.zip",
            help="a directory, which must be empty or not there yet, or an archive to create",
        ),
        OptionSpec(
            "export_with_files",
            ("--with-files",),
            False,
            help="copy the files that tasks use (jug.File), too, and do not only name them",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is no jugfile says which tasks."""
        return split_words(given, "export_words")

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Writes the results of the tasks that are meant, and how they came about; returns 0.

        A UserError, after which nothing is written: what means no task, or several keys; a result that is
        not there or cannot be loaded; a target that is there; the package rocrate is not installed.
        """
        from ..backends.capabilities import has_jugdir
        from ..internal.appearing import check_outside
        from ..monitor.explain.targets import asked_for
        from ..monitor.provenance.chain import provenance_of
        from ..monitor.provenance.crate import need_rocrate
        from ..monitor.provenance.export import check_target
        from ..monitor.provenance.export import export as export_results

        if not options.export_to:
            raise UserError("jug export needs --to and a directory, or a file that ends in .zip", 2)
        need_rocrate()
        check_target(options.export_to)
        if has_jugdir(store):
            check_outside(options.export_to, store.jugdir)
        words = getattr(options, "export_words", [])
        selection = (words, options.export_name, options.export_pattern)
        with asked_for("export", store, kwargs.get("jugspace"), *selection) as asked:
            known = provenance_of(options.jugfile, asked)
            export_results(known, store, options.export_to, options.export_with_files)
        nr_results = sum(step.is_asked for step in known.steps)
        results = "1 result" if nr_results == 1 else f"{nr_results} results"
        tasks = "1 task" if len(known.steps) == 1 else f"{len(known.steps)} tasks"
        options.print_out(f"Exported {results} to {options.export_to}, with {tasks}.")
        return 0


export = ExportCommand()
