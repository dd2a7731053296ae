"""What this process prints: when it is written, and what is kept of it as text."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from .. import _native
from .units import format_size

__all__ = [
    "abandon_full_stdout_at_end",
    "abandon_stdout",
    "bytes_of",
    "flush_output",
    "open_closed_streams",
    "replace_missing_streams",
    "text_of",
    "write_lines_at_once",
]


def open_closed_streams() -> None:
    """Opens stdin, stdout and stderr as /dev/null where they are closed, as after ``>&-`` in a shell.

    Else the next file that is opened gets the number of one, and what tasks print is written into that.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # The lowest number that is free: those below are open.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def replace_missing_streams() -> None:
    """Gives this process the streams of Python's that it has not, because they were closed when it began."""
    open_closed_streams()
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def write_lines_at_once() -> None:
    """Has Python and C write each line when it ends, also to a pipe: what dies has said all that it said."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    _native.write_c_lines_at_once()


def flush_output() -> None:
    """Writes what Python keeps back of what was printed."""
    # They may be the user's, and may be closed: that is no matter of the task. It is done for each task.
    try:  # noqa: SIM105
        sys.stdout.flush()
    except Exception:
        pass
    try:  # noqa: SIM105
        sys.stderr.flush()
    except Exception:
        pass


def abandon_stdout() -> None:
    """Writes nothing more to stdout; Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def abandon_full_stdout_at_end() -> None:
    """Has Python complain of no full stdout when this process, which multiprocessing has started, ends.

    Its parent prints to the same place, and says once that it is full.
    """
    from multiprocessing.util import Finalize

    # After all others, which may print, and before multiprocessing writes what is kept back.
    Finalize(None, _abandon_full_stdout, exitpriority=-sys.maxsize)


def _abandon_full_stdout() -> None:
    # It may be the user's, and may be closed.
    with contextlib.suppress(Exception):
        try:
            sys.stdout.flush()
        except OSError:
            abandon_stdout()


def bytes_of(head: bytes, left_out: int, tail: bytes) -> bytes:
    """What was printed: its beginning, how much was left out, and its end."""
    if not left_out:
        return head
    feed = b"" if head.endswith(b"\n") else b"\n"
    return b"%b%b... %b left out ...\n%b" % (head, feed, format_size(left_out).encode(), tail)


def text_of(head: bytes, left_out: int, tail: bytes) -> str:
    """The same as text."""
    return bytes_of(head, left_out, tail).decode(errors="replace")
