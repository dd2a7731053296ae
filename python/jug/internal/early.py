"""Ctrl-C while this package is imported, before the command can say anything of it."""

from __future__ import annotations

import os
import sys

__all__ = ["end_if_command"]

#: The names of the scripts that are installed.
_SCRIPTS = ("jug", "jug-execute")

_PACKAGE = os.path.dirname(os.path.dirname(__file__))


def end_if_command() -> None:
    """Ends this process as an interrupted command does, unless it is a script or a notebook.

    Raises
    ------
    SystemExit
        With status 130.
    """
    program = sys.argv[0] if sys.argv else ""
    is_script = os.path.basename(program) in _SCRIPTS
    # The name of a package that `python -m` runs is known once that is imported.
    is_module = program == os.path.join(_PACKAGE, "__main__.py") or (
        program == "-m" and "jug" in sys.orig_argv
    )
    if is_script or is_module:
        from .console import say

        say("interrupted")
        sys.exit(130)
