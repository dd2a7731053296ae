"""Children that a task forked, and that come back from it as if they were the launcher."""

from __future__ import annotations

import os
from typing import NoReturn

from ..internal.console import show
from ..internal.printing import flush_output
from ..internal.tracebacks import users_traceback

__all__ = ["end_fork"]


def end_fork(error: BaseException | None) -> NoReturn:
    """Ends this process, which is no launcher: it has no lock, and what it was forked for is over.

    Parameters
    ----------
    error : BaseException or None
        What the task raised in it. A traceback is printed, unless it is SystemExit: that has the status.
    """
    status = 0 if error is None else 1
    if isinstance(error, SystemExit):
        code = error.code
        status = code if isinstance(code, int) else 0 if code is None else 1
        if code is not None and not isinstance(code, int):
            show(str(code))
    elif error is not None:
        show(users_traceback(error).strip())
    flush_output()
    os._exit(status & 0xFF)
