"""`jug init-store`: create an empty jugdir, say how tasks are claimed in it, or open it to more hosts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .. import _native
from ..cli.registry import SubCommand
from ..errors import UserError

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["InitStoreCommand", "init_store"]

_MEANING = {
    "posix": "for workers on this host only",
    "link": "for workers on any number of hosts",
}


class InitStoreCommand(SubCommand):
    """Create an empty jugdir, or open one to other hosts"""

    name = "init-store"
    needs_jugfile = False

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Creates what --jugdir names, or opens it to workers of other hosts; returns 0.

        UserError if there is nothing to do, or it is no directory; JugdirInUse while somebody works there.
        """
        from ..backends.capabilities import has_jugdir
        from ..backends.select import directory_named
        from ..engine.jugfile import set_jugdir
        from ..internal.redact import redact_url

        directory = os.path.abspath(directory_named(options.jugdir))
        is_jugdir = os.path.isfile(os.path.join(directory, "FORMAT"))
        if options.claims == "link" and is_jugdir and _native.share_jugdir(directory):
            options.print_out(f"{options.jugdir}: claims in mode link from now on, {_MEANING['link']}")
            return 0
        store = set_jugdir(options.jugdir)
        if not has_jugdir(store):
            raise UserError(f"{redact_url(options.jugdir)} needs no init-store: only a directory does")
        if store.native.exists():
            mode = store.native.claim_mode
            raise UserError(
                f"{options.jugdir} exists already; its claims are in mode {mode}, {_MEANING[mode]}"
            )
        store.native.create()
        kind, is_shared = store.native.filesystem
        mode = store.native.claim_mode
        if options.claims != "auto":
            why = "as --claims says"
        elif is_shared:
            why = f"because several hosts may use the filesystem ({kind})"
        else:
            why = f"because the filesystem is one of this host ({kind})"
        options.print_out(f"{options.jugdir}: claims in mode {mode}, {_MEANING[mode]}, {why}")
        return 0


init_store = InitStoreCommand()
