"""The page of `jug webstatus`: a watcher that looks at the store, and a server that shows what it saw."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["serve"]


def serve(options: Options) -> int:
    """Shows the page until Ctrl-C; returns 130 then.

    Parameters
    ----------
    options : jug options

    Raises
    ------
    UserError
        If nothing can listen on the port and the address of `options`.
    """
    from ..monitor.watcher import Watcher
    from .publisher import Publisher
    from .server import open_server

    # First: a user who chose a port that is taken need not wait for the jugfile.
    with (
        open_server(options.webstatus_ip, options.webstatus_port) as server,
        contextlib.suppress(KeyboardInterrupt),
    ):
        watcher = Watcher(options, Publisher(options, server.feed))
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
        options.print_out(f"{options.jugfile} is shown on {server.url} until Ctrl-C")
        sys.stdout.flush()
        try:
            watcher.run()
        finally:
            server.shutdown()
    return 130
