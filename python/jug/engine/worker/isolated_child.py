"""The watched child of `isolated`: loads the jugfile, and runs the tasks that it is given."""

from __future__ import annotations

import os
import pickle
import sys
from multiprocessing.connection import Connection

from ... import _native
from ...internal.console import stay_on
from ...internal.printing import flush_output, write_lines_at_once
from ..jugfile import Jugfile, import_before, load
from .isolated import answer, tell_of_ends

__all__ = ["main"]


def main(pipe_fd: int, deaths_fd: int, parent: int, printed_to: int | None) -> None:
    """Serves the process `parent` until it closes the pipe; leaves by SystemExit.

    Parameters
    ----------
    pipe_fd, deaths_fd : int
        The pipe on which keys come and answers go, and the file for what a fault leaves to say.
    parent : int
        The id of the process that started this one.
    printed_to : int or None
        Where tasks are to print; None: where this process does.
    """
    # What a task leaves behind belongs to this process as long as it lives.
    _native.become_subreaper()
    _native.end_with(parent)
    redirection = None
    if printed_to is not None:
        redirection = _native.Redirection(printed_to)
        os.close(printed_to)
        stay_on(sys.stderr.fileno())
    write_lines_at_once()
    for fd in (pipe_fd, deaths_fd):
        os.set_inheritable(fd, False)
    tell_of_ends(deaths_fd)
    pipe = Connection(pipe_fd)
    facts, path = pickle.loads(pipe.recv_bytes())
    _serve(Jugfile(*facts), path, pipe, redirection)


def _serve(
    jugfile: Jugfile, path: list[str], pipe: Connection, redirection: _native.Redirection | None
) -> None:
    from ... import task
    from ..session.open import open_session
    from ..task_graph import graph_of

    import_before(jugfile.path)
    sys.path[:] = path
    options = jugfile.restore()
    try:
        store = load(options, on_error="propagate").store
        graph = graph_of(task.alltasks)
    except BaseException as error:
        pipe.send_bytes(pickle.dumps(("unloadable", f"{type(error).__name__}: {error}")))
        raise SystemExit(1) from None
    session, keys = open_session(store), graph.keys()
    if redirection is not None:
        flush_output()
        redirection.begin()
    pipe.send_bytes(pickle.dumps(("ready", None)))
    while True:
        try:
            key = pipe.recv_bytes()
        except (EOFError, ConnectionError):
            break
        (node,) = graph.find([key])
        session.refresh()
        # A store may be in the memory of the worker.
        if node is None or not all(session.present([keys[needed] for needed in graph.dependencies(node)])):
            pipe.send_bytes(pickle.dumps(("unknown", None)))
            continue
        answer(graph.task(node), pipe, debug=jugfile.debug)
    store.close()
