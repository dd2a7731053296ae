"""A server of forks: a process that imports what its children need, and forks them in milliseconds."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping

from .. import _native
from ..errors import UserError
from .managed import draw_anew

__all__ = ["REFUSED", "VARIABLE", "NotForkable", "import_for_forks", "serve"]

#: In which environment variable a server finds its descriptors; see `os/process/forkserver.rs`.
VARIABLE = "JUG_FORKSERVER"

#: With this begins why nothing is forked where that is an error, so that nothing is to be spawned instead.
REFUSED = "!"

#: How long a request may be, and how many descriptors come with it at most.
_REQUEST = 1 << 17
_DESCRIPTORS = 64

#: How long a thread may take to end, or to get its name, before it counts.
_MOMENT = 0.3

#: Threads that children do without. Ours ends this process with its parent: it sleeps in one call of the
#: system, and holds nothing that a child could wait for. That of jemalloc (pyarrow has it) is halted for a
#: fork and begins again in the child.
_HARMLESS = ("jug-parent", "jemalloc_bg_thd")


class NotForkable(Exception):
    """Says why this process cannot fork children that work like those that begin from nothing."""


def serve(prepare: Callable[[bytes], Iterable[str]]) -> Mapping[int, int]:
    """Forks children of the process that started this one; returns in each of them, and never here.

    Parameters
    ----------
    prepare : callable
        Gets the order of that process, imports what children need, and says after each import what it was.
        Whatever it raises is why nothing is forked; a UserError is one of who asked for that.

    Returns
    -------
    mapping of int to int
        In a child: the descriptors that it was given, by the numbers that they have where it was asked for.
    """
    parent, channel, leash, order = map(int, os.environ.pop(VARIABLE).split(","))
    # Not a subreaper: its children belong to who asked for them.
    _native.end_on_leash(parent, leash)
    os.close(leash)
    here = socket.socket(fileno=channel)
    here.set_inheritable(False)
    with open(order, "rb") as file:
        why = _why_not(prepare, file.read())
    _flush()
    here.send(f"!{why}".encode(errors="replace")[:1000] if why else b"ready")
    if why:
        os._exit(0)
    gc.collect()
    gc.freeze()
    while True:
        request, descriptors, _, _ = socket.recv_fds(here, _REQUEST, _DESCRIPTORS)
        if not request:
            # The process that asked for children has ended.
            os._exit(0)
        try:
            pid = _fork()
        except OSError as error:
            here.send(f"!cannot fork: {error.strerror}".encode())
        else:
            if pid == 0:
                here.close()
                return _become(request, descriptors)
            here.send(b"%d" % pid)
        for descriptor in descriptors:
            os.close(descriptor)


def _why_not(prepare: Callable[[bytes], Iterable[str]], order: bytes) -> str:
    """Why nothing can be forked after that; empty if something can."""
    try:
        return import_for_forks(prepare(order))
    except UserError as error:
        return f"{REFUSED}{error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"


def import_for_forks(modules: Iterable[str]) -> str:
    """Imports modules, and sees whether this process can be copied after that.

    Parameters
    ----------
    modules : iterable of str
        It imports one after the other, and says after each what it was.

    Returns
    -------
    str
        Why a fork would lack what this process has; empty if it would not.

    Raises
    ------
    UserError
        If one of them is refused.
    """
    threads, suspects = 1, []
    try:
        for what in modules:
            if len(_threads()) > threads:
                threads = len(_threads())
                suspects.append(what)
        _check(suspects)
    except NotForkable as error:
        return str(error)
    except UserError:
        raise
    except BaseException as error:  # Whatever an import may do: SystemExit, too.
        return f"{type(error).__name__}: {error}"
    return ""


def _check(suspects: list[str]) -> None:
    """Raises NotForkable if a copy of this process would lack what it has."""
    # Libraries that heed forks end their threads before one, and start others when they need them (OpenBLAS).
    trial = _fork_in_peace()
    if trial == 0:
        os._exit(0)
    os.waitpid(trial, 0)
    others = _others_after(_MOMENT)
    if others:
        of = f" ({', '.join(suspects)})" if suspects else ""
        count = "1 thread runs" if others == 1 else f"{others} threads run"
        raise NotForkable(f"{count} after the imports{of}, and would be missing in a fork")
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        raise NotForkable("a process was started by an import, and forks would share it")


def _others_after(seconds: float) -> int:
    """How many other threads run, unless none is left within so long: a new one has no name yet."""
    end = time.monotonic() + seconds
    while (others := len(_threads()) - 1) and time.monotonic() < end:
        time.sleep(0.01)
    return others


def _threads() -> list[str]:
    """The names of the threads of this process, without those that children do without."""
    names = []
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(OSError), open(f"/proc/self/task/{thread}/comm") as file:
            names.append(file.read().strip())
    return [name for name in names if name not in _HARMLESS]


def _fork_in_peace() -> int:
    """Forks; Python warns of threads, which were counted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _fork() -> int:
    """Forks a child of this process's parent, and returns its id; 0 in the child."""
    identity, tell = os.pipe()
    go, let_go = os.pipe()
    between = _fork_in_peace()
    if between == 0:
        pid = -1
        try:
            pid = _fork_in_peace()
        finally:
            if pid:
                if pid > 0:
                    os.write(tell, b"%d" % pid)
                os._exit(0)
        os.setpgid(0, 0)
        for descriptor in (identity, tell, let_go):
            os.close(descriptor)
        # Until the process between has ended, and this one has the parent that it is to have.
        os.read(go, 1)
        os.close(go)
        return 0
    os.close(tell)
    os.waitpid(between, 0)
    answer = os.read(identity, 32)
    for descriptor in (identity, go, let_go):
        os.close(descriptor)
    if not answer:
        raise BlockingIOError(errno.EAGAIN, "no process is left")
    return int(answer)


def _become(request: bytes, descriptors: list[int]) -> dict[int, int]:
    """Has this process, a new child, take what it was given."""
    draw_anew()
    text, *variables = request.split(b"\0")
    numbers = dict(zip(map(int, text.split(b",")), descriptors, strict=True))
    for standard in (1, 2):
        os.dup2(numbers[standard], standard)
        os.close(numbers.pop(standard))
    for descriptor in numbers.values():
        os.set_inheritable(descriptor, True)
    for variable in variables:
        name, _, value = variable.partition(b"=")
        os.environb[name] = value
    return numbers


def _flush() -> None:
    """Writes what is kept back: each child would write it again."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
