"""Functions that are typed into a session: a notebook, IPython, Python's own prompt."""

from __future__ import annotations

import sys
from typing import Any

from .code_equality import is_same_code
from .console import warn

__all__ = ["is_interactive", "is_notebook", "is_typed", "note_definition"]

#: The code of each function that was typed and made a task generator, and the functions that were warned of.
_typed: dict[str, Any] = {}
_warned: set[str] = set()


def is_typed(f: Any) -> bool:
    """Whether a function was typed into this session, where a later one takes the place of an earlier one."""
    return getattr(f, "__module__", None) == "__main__" and is_interactive()


def is_interactive() -> bool:
    """Whether somebody types what this process does, or has it run cell by cell."""
    return hasattr(sys, "ps1") or _shell() is not None


def is_notebook() -> bool:
    """Whether a kernel runs this process, which shows HTML and replaces what it has shown."""
    return getattr(_shell(), "kernel", None) is not None


def _shell() -> Any:
    """The shell of IPython; None where there is none."""
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def note_definition(f: Any) -> None:
    """Warns once of a function that takes the place of another: its tasks find the results of that one."""
    if not is_typed(f):
        return
    name, code = f"{f.__module__}.{f.__qualname__}", getattr(f, "__code__", None)
    before = _typed.get(name)
    _typed[name] = code
    if before is None or code is None or name in _warned or is_same_code(before, code):
        return
    _warned.add(name)
    warn(
        f"{name} was defined once more; a task of it with arguments that an earlier one had finds the result "
        "of that. To have it computed again, call invalidate() of the task"
    )
