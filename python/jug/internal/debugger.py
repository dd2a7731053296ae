"""The debugger of ``--pdb`` and of ``jug debug``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from .console import show

__all__ = ["Debugged", "debug_call", "debug_exception"]


class Debugged(NamedTuple):
    """What became of a call in a debugger: it returned, raised, or the user left before that."""

    has_returned: bool
    value: Any = None
    error: BaseException | None = None


def debug_exception() -> None:
    """Starts a debugger (IPython's where it is installed) at the exception that is being handled."""
    _, error, trace = sys.exc_info()
    show(f"{type(error).__name__}: {error}")
    debugger = _debugger_class()()
    debugger.reset()
    debugger.interaction(None, trace)


def debug_call(function: Callable[..., Any], args: Any, kwargs: Any) -> Debugged:
    """Calls a function in a debugger, which stops at its first line, and again where it raises."""
    was_left = False

    class Debugger(_debugger_class()):  # type: ignore[misc]  # whichever is installed
        def set_quit(self) -> None:
            nonlocal was_left
            was_left = True
            super().set_quit()

    try:
        value = Debugger().runcall(function, *args, **kwargs)
    except (Exception, SystemExit) as error:
        debug_exception()
        return Debugged(False, error=error)
    return Debugged(not was_left, value)


def _debugger_class() -> Any:
    try:
        from IPython.core.debugger import Pdb
    except ImportError:
        from pdb import Pdb
    return Pdb
