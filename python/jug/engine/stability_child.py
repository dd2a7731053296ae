"""A process that loads a jugfile for `stability`, and answers what it is asked about its tasks."""

from __future__ import annotations

import os
import sys
from multiprocessing.connection import Connection

from .. import _native, task
from ..configuration import start_logging
from ..errors import UserError
from ..internal.console import fail
from ..internal.printing import flush_output
from .comparison import LoadHere
from .jugfile import import_before, load
from .stability import Loaded, Order
from .task_graph import keys_of

__all__ = ["main"]


def main(parent: int, pipe_fd: int, printed_to: int | None = None) -> None:
    """Loads the jugfile and answers until the pipe is closed; leaves by SystemExit if it cannot be loaded.

    Parameters
    ----------
    parent : int
        The id of the process that started this one.
    pipe_fd : int
        The pipe to it.
    printed_to : int, optional
        Where all goes that is printed. Default: where that of the parent goes.
    """
    # What the jugfile starts ends with this process.
    _native.become_subreaper()
    _native.end_with(parent)
    os.set_inheritable(pipe_fd, False)
    if printed_to is not None:
        for standard in (1, 2):
            os.dup2(printed_to, standard)
        os.close(printed_to)
    pipe = Connection(pipe_fd)
    order: Order = pipe.recv()
    try:
        _serve(order, pipe)
    except UserError as error:
        fail(str(error))
        raise SystemExit(error.status) from None


def _serve(order: Order, pipe: Connection) -> None:
    import_before(order.jugfile.path)
    sys.path[:] = order.path
    options = order.jugfile.restore()
    options.update({"verbose": order.verbose})
    start_logging(options)
    loaded = load(options, on_error="exit")
    here = LoadHere(task.alltasks)
    flush_output()
    keys = keys_of(task.alltasks).joined()
    pipe.send(Loaded(keys, [t.name for t in task.alltasks], loaded.has_barrier))
    while True:
        try:
            what, about = pipe.recv()
        except (EOFError, ConnectionError):
            break
        pipe.send(getattr(here, what)(about))
    loaded.store.close()
