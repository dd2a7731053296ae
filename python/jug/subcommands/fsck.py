"""`jug fsck`: read all that is stored, say what is damaged, and make those tasks runnable again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["FsckCommand", "fsck"]


class FsckCommand(SubCommand):
    """Check all results; with --repair, let damaged ones run again"""

    name = "fsck"
    needs_jugfile = False
    needs_values = False
    option_specs = (
        OptionSpec(
            "fsck_repair",
            ("--repair",),
            False,
            help="make the tasks of damaged results runnable again, keep damaged files in a directory "
            "'quarantine' of the jugdir, and remove files that nothing refers to",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Reads everything and prints what is wrong; returns 1 if anything is damaged, else 0.

        Nothing is changed without --repair. The jugfile is needed for nothing but its names and classes.
        """
        from ..backends.select import directory_named
        from ..engine.maintenance.verify import Verification, open_jugdir, verify_manifest
        from ..internal.progress_line import ProgressLine

        repair, report = options.fsck_repair, options.print_out
        has_bad_manifest = verify_manifest(directory_named(options.jugdir), repair=repair, report=report)
        if has_bad_manifest and not repair:
            return 1
        store, names = open_jugdir(options)
        if not os.path.isdir(store.jugdir):
            # As for all that only looks, this is a store without results.
            report(f"there is no jugdir {store.jugdir} (yet)")
        verification = Verification(store, names)
        verification.read(ProgressLine)
        for line in verification.findings():
            report(line)
        if repair:
            verification.repair(report)
        return 1 if verification.found_damage or has_bad_manifest else 0

    def interrupt_message(self, options: Options) -> str:
        """Whether a repair was begun."""
        if options.fsck_repair:
            return "no result that could be read is lost; run it again to finish the repair"
        return "nothing was changed"


fsck = FsckCommand()
