"""``python -m jug.runforrest infile outfile``: runs one task by hand."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..errors import UserError
from ..internal.console import fail
from .by_hand import run_file

__all__ = ["command", "main"]


def main() -> int:
    """Runs the task in a file; the exit status is 255 if it failed, and 1 if there was none."""
    parser = argparse.ArgumentParser(prog="python -m jug.runforrest", description="Run a deferred call.")
    parser.add_argument("infile", type=Path, help="holds the deferred call")
    parser.add_argument("outfile", type=Path, help="gets it with what it returned")
    parser.add_argument("-s", "--sessionfile", type=Path, help="globals of a script that it needs")
    parser.add_argument("-p", "--do_print", action="store_true", help="print why it failed")
    parser.add_argument("-r", "--do_raise", action="store_true", help="raise what it raised")
    options = parser.parse_args()
    # As under `python -m`, but also where it was started another way: what lies here can be imported.
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    return run_file(
        options.infile,
        options.outfile,
        options.sessionfile,
        do_print=options.do_print,
        do_raise=options.do_raise,
    )


def command() -> int:
    """The same, with errors that the user can put right in a line."""
    try:
        return main()
    except UserError as error:
        fail(str(error))
        return error.status


if __name__ == "__main__":
    sys.exit(command())
