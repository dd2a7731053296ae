"""One task in this process: it is read, evaluated, and written with what it returned or why it failed."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import _native
from ..errors import UserError
from ..internal.printing import flush_output, write_lines_at_once
from ..internal.tracebacks import users_traceback
from .deferred import name_of
from .evaluation import evaluate
from .folder import Folder, reason
from .pickling import copied, dump, dump_safely, load

__all__ = [
    "COMPUTED",
    "load_session",
    "main",
    "perform",
    "perform_order",
    "prepare",
    "print_error",
    "print_to",
    "run",
    "written",
]

#: What a task reports that has nothing left to do but to store its result.
COMPUTED = b"+"

#: How much of a reason is passed on.
_MOST_SAID = 1000

#: How many exceptions are kept that one follows from, where not all of them can be read by another process.
_MOST_LINKS = 20


def run(task: Any) -> None:
    """Evaluates a task, which has what it returned, what it raised and how long it took from then on."""
    begin = time.perf_counter()
    try:
        result, error = evaluate(task), None
    except BaseException as raised:
        # SystemExit and KeyboardInterrupt are no results either.
        result, error = None, raised
    task.returnvalue, task.errorvalue, task.runtime = result, error, time.perf_counter() - begin
    task.traceback = "" if error is None else users_traceback(error, is_ours_whole=False)
    task.output = ""


def written(task: Any, data: bytes) -> bytes:
    """A task that was run, as a file holds it.

    Parameters
    ----------
    task : Task or PartOfTask
        What cannot be pickled of its result or its error is replaced, and makes it a task that failed.
    data : bytes
        As it was before it was run.
    """
    if task.errorvalue is not None:
        task.errorvalue = _portable(task.errorvalue)
    try:
        return dump_safely(task)
    except Exception:
        # What is wrong may be something else.
        pass
    # A call may have changed its arguments.
    fresh = load(data)
    fresh.returnvalue, fresh.errorvalue = task.returnvalue, task.errorvalue
    fresh.runtime, fresh.traceback, fresh.output = task.runtime, task.traceback, ""
    try:
        return dump_safely(fresh)
    except Exception as error:
        fault = error
    cannot = "unpickled" if isinstance(fault, pickle.UnpicklingError) else "pickled"
    kind = type(task.returnvalue).__qualname__
    fresh.returnvalue = task.returnvalue = None
    fresh.errorvalue = task.errorvalue = TypeError(
        f"what {name_of(task)} returned is of type {kind}, which cannot be {cannot}: {fault}"
    )
    return dump(fresh)


def _portable(error: BaseException) -> BaseException:
    """The exception, or one that says the same where another process could not read it.

    It follows from others that another process can read as well, as far as these are not too many.
    """
    return error if _can_be_read(error) else _link_by_link(error, {}, _MOST_LINKS)


def _can_be_read(error: BaseException) -> bool:
    with contextlib.suppress(Exception):
        return isinstance(copied(error), BaseException)
    return False


def _link_by_link(error: BaseException, known: dict[int, BaseException], most: int) -> BaseException:
    if id(error) in known:
        return known[id(error)]
    links = (error.__cause__, error.__context__)
    is_suppressed = error.__suppress_context__
    error.__cause__ = error.__context__ = None
    same = error
    if not _can_be_read(error):
        same = RuntimeError(f"{type(error).__qualname__}: {error}")
        for note in getattr(error, "__notes__", ()):
            same.add_note(str(note))
    known[id(error)] = same
    if most:
        same.__cause__, same.__context__ = (it and _link_by_link(it, known, most - 1) for it in links)
    same.__suppress_context__ = is_suppressed
    return same


def print_error(name: str, error: BaseException) -> None:
    """Prints why the task in that file failed."""
    print(f"Error in {name}: {error!r}")
    print(users_traceback(error, is_ours_whole=False).rstrip())


def load_session(path: str | os.PathLike[str]) -> None:
    """Has this process have the globals of a script.

    Raises
    ------
    UserError
        If dill is not installed.
    """
    try:
        import dill
    except ImportError:
        raise UserError("a session cannot be loaded without dill: pip install dill") from None
    dill.load_session(path)


def perform(folder: Folder, name: str, report: int, *, session: str | None, print_errors: bool) -> None:
    """Runs a task of a folder, and writes to `report` what became of it: "done", "fail", or a reason."""
    here = os.getpid()
    try:
        if session is not None:
            load_session(session)
        data, note = folder.scheduled(name)
        task = load(data)
    except BaseException as error:
        os.write(report, f"unreadable {reason(error)}".encode(errors="replace")[:_MOST_SAID])
        return
    run(task)
    if os.getpid() != here:
        # A process that the task forked came back from it.
        os._exit(1)
    raised = task.errorvalue
    result = written(task, data)
    if print_errors and task.errorvalue is not None:
        print_error(name, raised or task.errorvalue)
    flush_output()
    state = "done" if task.errorvalue is None else "fail"
    others = [it for it in threading.enumerate() if it is not threading.main_thread() and not it.daemon]
    if not others:
        # While the disk has its time, another task may run.
        os.write(report, COMPUTED)
    try:
        folder.write(state, name, result + note)
    except OSError as error:
        os.write(report, f"unstored {error}".encode(errors="replace")[:_MOST_SAID])
        return
    os.write(report, state.encode())
    if others:
        # Those of executors end when they are asked to, which the end of an interpreter does. Here is none,
        # as there is none in processes of multiprocessing, which do the same.
        threading._shutdown()  # type: ignore[attr-defined]
    flush_output()


def prepare(order: dict[str, Any]) -> None:
    """Has this process look like one of the script that scheduled the tasks."""
    sys.path[:] = order["path"]
    sys.argv[:] = order["argv"]
    write_lines_at_once()


def main(order_fd: int, name: str, report: int, outputs: Sequence[int], parent: int) -> None:
    """Runs a task in an interpreter of its own, which ends with the process `parent`.

    Parameters
    ----------
    order_fd : int
        The file with what the script has asked for.
    name : str
        The name of the task's file.
    report : int
        The pipe for what becomes of it.
    outputs : sequence of int
        The pipes for what it prints; without any it prints where this process does.
    parent : int
        The id of the process that started this one.
    """
    _native.become_subreaper()
    _native.end_with(parent)
    os.set_inheritable(report, False)
    print_to(outputs)
    # Others have the same open file, each at a place of its own.
    order = json.loads(os.pread(order_fd, os.fstat(order_fd).st_size, 0))
    os.close(order_fd)
    prepare(order)
    perform_order(order, name, report)
    os._exit(0)


def perform_order(order: dict[str, Any], name: str, report: int) -> None:
    """The same as :func:`perform`, as a script has asked for it."""
    folder = Folder(Path(order["folder"]))
    perform(folder, name, report, session=order["session"], print_errors=order["print_errors"])


def print_to(outputs: Sequence[int]) -> None:
    """Has this process print to those descriptors, one for both or one each, which are closed."""
    if outputs:
        for standard, output in zip((1, 2), (*outputs, *outputs), strict=False):
            os.dup2(output, standard)
    for output in outputs:
        os.close(output)
