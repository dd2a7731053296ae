"""The coordinator of a chunk, as the worker that runs it knows it."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from .. import _native

if TYPE_CHECKING:
    from ..internal.types import ProcessIdentity

__all__ = ["end_with_origin", "is_running", "is_wanted"]

#: How often a worker looks whether the coordinator lives that started it, in seconds.
_PERIOD = 0.5

#: How many processes may be between them.
_LEVELS = 3

#: The coordinators that were looked at, by id.
_known: set[int] = set()


def is_running(origin: ProcessIdentity) -> bool:
    """Whether it runs, as far as that can be known here."""
    return _asked(origin) is not False


def is_wanted(origin: ProcessIdentity, recall: str) -> bool:
    """Whether calls of a coordinator are to begin: it runs, and the file `recall` of its host is empty."""
    known = _asked(origin)
    if known and recall:
        try:
            return os.stat(recall).st_size == 0
        except OSError:
            return True
    return known is not False


def end_with_origin(origin: ProcessIdentity) -> None:
    """Has this process end when the coordinator does, if that has started it.

    The workers of most executors wait for ever then, and run what was queued.
    """
    if origin["pid"] in _known or origin["pid"] == os.getpid():
        return
    _known.add(origin["pid"])
    if _asked(origin) and _is_above(origin["pid"]):
        threading.Thread(target=_watch, args=(origin,), daemon=True).start()


def _asked(origin: ProcessIdentity) -> bool | None:
    return _native.is_process_running(origin["boot_id"], origin["pid_ns"], origin["pid"], origin["pid_start"])


def _is_above(pid: int) -> bool:
    """Whether that process started this one, or what did."""
    process = os.getpid()
    for _ in range(_LEVELS):
        try:
            with open(f"/proc/{process}/stat") as stat:
                process = int(stat.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            return False
        if process == pid:
            return True
    return False


def _watch(origin: ProcessIdentity) -> None:
    while is_running(origin):
        time.sleep(_PERIOD)
    os.kill(os.getpid(), signal.SIGKILL)
