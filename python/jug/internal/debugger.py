"""The debugger of ``--pdb`` and of ``jug debug``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..errors import Leave
from .console import show

__all__ = ["DebuggerLeft", "debug_call", "debug_exception"]


class DebuggerLeft(Exception):
    """The user left the debugger before the call ended."""


def debug_exception() -> None:
    """Starts a debugger (IPython's where it is installed) at the exception that is being handled."""
    _, error, trace = sys.exc_info()
    show(f"{type(error).__name__}: {error}")
    debugger = _debugger_class()()
    debugger.reset()
    debugger.interaction(None, trace)


def debug_call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Calls a function in a debugger, which stops at its first line, and again where it raises.

    Parameters
    ----------
    function : callable
    args, kwargs : sequence, mapping
        What it is called with.

    Returns
    -------
    any
        What it returns.

    Raises
    ------
    DebuggerLeft
        If the user left before that.
    Exception
        What it raised.
    """
    was_left = False

    class Debugger(_debugger_class()):  # type: ignore[misc]  # whichever is installed
        def set_quit(self) -> None:
            nonlocal was_left
            was_left = True
            super().set_quit()

    try:
        value = Debugger().runcall(function, *args, **kwargs)
    except Leave:
        raise
    except (Exception, SystemExit):
        debug_exception()
        raise
    if was_left:
        raise DebuggerLeft
    return value


def _debugger_class() -> Any:
    try:
        from IPython.core.debugger import Pdb
    except ImportError:
        from pdb import Pdb
    return Pdb
