"""`jug pack`: few large files in place of many small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["PackCommand", "pack"]


class PackCommand(SubCommand):
    """Put the results of workers that have ended into one file"""

    name = "pack"
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "pack_force",
            ("--force",),
            False,
            help="pack also where that takes more room: few files are opened faster than many",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Packs all there is and says what that did. Workers may go on meanwhile.

        Nothing is packed where that would take more room, unless ``--force`` is given. Returns 1 if there is
        no room for anything, else 0.
        """
        from ..engine.jugfile import load_if_there
        from ..engine.maintenance.pack import describe, pack_store

        done = pack_store(load_if_there(options).store, force=options.pack_force)
        options.print_out(f"Packed {done['packed']} objects")
        if not options.short:
            for line in describe(done):
                options.print_out(line)
        return 1 if done["needed"] and not done["segments"] else 0

    def interrupt_message(self, options: Options) -> str:
        """Packing changes no result."""
        return "all results are as they were"


pack = PackCommand()
