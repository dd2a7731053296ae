"""The debugger of ``--pdb``."""

from __future__ import annotations

import sys

from .console import show

__all__ = ["debug_exception"]


def debug_exception() -> None:
    """Starts a debugger (IPython's where it is installed) at the exception that is being handled."""
    _, error, trace = sys.exc_info()
    try:
        from IPython.core.debugger import Pdb
    except ImportError:
        from pdb import Pdb
    show(f"{type(error).__name__}: {error}")
    debugger = Pdb()
    debugger.reset()
    debugger.interaction(None, trace)
