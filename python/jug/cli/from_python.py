"""Where a supervisor begins that a script or a notebook started; see `jug.execution.child`."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from .. import _native
from ..errors import UserError
from ..internal import running
from ..supervisor.options import SupervisorOptions
from ..supervisor.run import SupervisedRun
from .parser import parse

if TYPE_CHECKING:
    from ..display.progress import Progress
    from ..internal.types import Order, RunResult

__all__ = ["main"]


def main(pipe_fd: int, out_fd: int, err_fd: int, parent: int) -> None:
    """Runs workers for the process `parent` and answers it.

    Parameters
    ----------
    pipe_fd : int
        The pipe on which the order and the answer go.
    out_fd, err_fd : int
        The pipes to which it and its workers print.
    parent : int
        The id of the process that started this one.
    """
    # They wait until there is somebody who takes them: the supervisor.
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    _native.end_with(parent)
    for descriptor, standard in ((out_fd, 1), (err_fd, 2)):
        os.dup2(descriptor, standard)
        os.close(descriptor)
    os.set_inheritable(pipe_fd, False)
    pipe = Connection(pipe_fd)
    order: Order = pipe.recv()
    pipe.send(("ready", None))
    sys.path[:] = order["path"]
    sys.argv[:] = order["argv"]
    running.begin_command(order["command"])
    try:
        pipe.send(("result", _run(order, pipe)))
    except UserError as error:
        pipe.send(("error", (str(error), error.status)))


def _run(order: Order, pipe: Connection) -> RunResult:
    supervisor = SupervisorOptions.of(parse(order["command"][1:]))
    assert supervisor is not None
    pipe.send(("display", supervisor.progress))
    sender = _Sender(pipe)
    run = SupervisedRun(supervisor, order["tasks"], asks_for_reports=True, show=sender.send)
    status = run.run()
    sender.end()
    run.report_rest()
    return {
        "status": status,
        "signal": run.signal,
        "executed": run.executed,
        "loaded": run.loaded,
        "failed": run.failed,
        "unfinished": run.unfinished,
        "blocked": (run.blocked.failed, run.blocked.marked, run.blocked.waiting),
        "reports": run.reports,
    }


class _Sender:
    """Sends how far it is to the process that shows it.

    Who is stopped reads nothing, and this process has workers to watch: it waits for nobody before the end.

    Parameters
    ----------
    pipe : Connection
        To that process.
    """

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._room = select.poll()
        self._room.register(pipe.fileno(), select.POLLOUT)
        #: What there was no room for.
        self._late: Progress | None = None

    def send(self, progress: Progress) -> None:
        """Sends it, if it can be read soon."""
        self._late = progress
        if self._room.poll(0):
            self.end()

    def end(self) -> None:
        """Sends what is still to be sent."""
        late, self._late = self._late, None
        if late is not None:
            # If nobody is there any more, this process ends in a moment.
            with contextlib.suppress(OSError):
                self._pipe.send(("progress", late))
