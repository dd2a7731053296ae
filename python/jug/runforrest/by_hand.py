"""One task that is run by hand: a file in, a file out."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

from ..errors import UserError
from .folder import Folder, reason
from .performance import load_session, print_error, run, written
from .pickling import load, names_in_files

__all__ = ["run_file", "run_task"]


def run_task(
    infile: str | os.PathLike[str],
    outfile: str | os.PathLike[str],
    sessionfile: str | os.PathLike[str] | None,
    do_print: bool,
    do_raise: bool,
) -> None:
    """Runs the task in a file, and ends the program as ``python -m jug.runforrest`` does.

    Parameters
    ----------
    infile : str or path
        Holds the deferred call.
    outfile : str or path
        Gets it with what it returned, or why it failed.
    sessionfile : str, path or None
        Globals of a script that it needs.
    do_print : bool
        Whether to print why it failed, with the traceback.
    do_raise : bool
        Whether to raise what it raised.

    Raises
    ------
    SystemExit
        With 0, or 255 if the task failed.
    UserError
        If there is no task that can be read.
    """
    sys.exit(run_file(Path(infile), Path(outfile), sessionfile, do_print=do_print, do_raise=do_raise))


def run_file(
    infile: Path,
    outfile: Path,
    sessionfile: str | os.PathLike[str] | None,
    *,
    do_print: bool,
    do_raise: bool,
) -> int:
    """The same, and returns the exit status."""
    if sessionfile is not None:
        load_session(sessionfile)
    try:
        data = infile.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {infile}: {error.strerror}") from None
    try:
        task = load(data, to_run=True)
    except Exception as error:
        raise UserError(f"{infile} holds no task that can be read ({reason(error)})") from None
    run(task)
    raised = task.errorvalue
    result = written(task, data)
    try:
        Folder(outfile.parent).write(".", outfile.name, result)
    except OSError as error:
        raise UserError(f"cannot write {outfile}: {error.strerror}") from None
    if task.errorvalue is None:
        return 0
    if do_raise:
        failure: BaseException = raised or task.errorvalue
        if isinstance(failure, SystemExit):
            # Raised on it would be the status of this command, and perhaps 0.
            traceback.print_exception(failure)
            return 1
        raise failure
    if do_print:
        print_error(infile.name, raised or task.errorvalue)
    return 255


names_in_files(run_task=run_task)
