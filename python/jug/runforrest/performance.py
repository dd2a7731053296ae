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
from ..internal.tracebacks import message_of, users_traceback
from .deferred import name_of
from .evaluation import evaluate
from .folder import Folder
from .pickling import copied, dump, dump_safely, load

__all__ = [
    "READ",
    "STATES",
    "Report",
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

#: What a task can be that has a result.
STATES = ("done", "fail")

#: What a task says first, when it has been read.
READ = b"+"

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
    fault: BaseException
    try:
        return dump_safely(task)
    except BaseException:
        # What is wrong may be something else. What a class of the user's does may be anything, too.
        pass
    # A call may have changed its arguments.
    fresh = load(data)
    fresh.returnvalue, fresh.errorvalue = task.returnvalue, task.errorvalue
    fresh.runtime, fresh.traceback, fresh.output = task.runtime, task.traceback, ""
    try:
        return dump_safely(fresh)
    except BaseException as error:
        fault = error
    cannot = "unpickled" if isinstance(fault, pickle.UnpicklingError) else "pickled"
    kind = type(task.returnvalue).__qualname__
    fresh.returnvalue = task.returnvalue = None
    fresh.errorvalue = task.errorvalue = TypeError(
        f"what {name_of(task)} returned is of type {kind}, which cannot be {cannot}: {_why(fault)}"
    )
    return dump(fresh)


def _portable(error: BaseException) -> BaseException:
    """The exception, or one that says the same where another process could not read it.

    It follows from others that another process can read as well, as far as these are not too many.
    """
    return error if _can_be_read(error) else _link_by_link(error, {}, _MOST_LINKS)


def _can_be_read(error: BaseException) -> bool:
    with contextlib.suppress(BaseException):
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
        same = RuntimeError(f"{type(error).__qualname__}: {message_of(error)}")
        for note in getattr(error, "__notes__", ()):
            same.add_note(str(note))
    known[id(error)] = same
    if most:
        same.__cause__, same.__context__ = (it and _link_by_link(it, known, most - 1) for it in links)
    same.__suppress_context__ = is_suppressed
    return same


def _why(fault: BaseException) -> str:
    """What pickling raised: picklers say what is wrong, others raise what says nothing without its name."""
    is_of_pickling = isinstance(fault, (TypeError, AttributeError, pickle.PickleError))
    return message_of(fault) if is_of_pickling else _said(fault)


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


class Report:
    """The pipe on which a task says what became of it, which its call may have closed.

    Parameters
    ----------
    descriptor : int
        Where it is written. Something else of the call's own may have that number later.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._what = _identity(descriptor)

    def say_read(self) -> None:
        """Says that the task was read; what it says later stands behind that."""
        self._write(READ)

    def say(self, word: str, more: str) -> bool:
        """Says a word and something more, in one piece; whether there was still a way."""
        return self._write(f"{word} {more}".encode(errors="replace")[:_MOST_SAID])

    def _write(self, text: bytes) -> bool:
        try:
            if _identity(self._descriptor) != self._what:
                return False
            os.write(self._descriptor, text)
        except OSError:
            return False
        return True


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino


def perform(folder: Folder, name: str, report: Report, *, session: str | None, print_errors: bool) -> None:
    """Runs a task of a folder, and says what became of it: its state and where it is written, or a reason."""
    here = os.getpid()
    try:
        if session is not None:
            load_session(session)
        data, note = folder.scheduled(name)
        task = load(data, to_run=True)
        report.say_read()
    except BaseException as error:
        report.say("unreadable", _said(error))
        return
    try:
        run(task)
        if os.getpid() != here:
            # A process that the task forked came back from it.
            os._exit(1)
        _store(folder, name, report, task, (data, note), print_errors=print_errors)
    except OSError as error:
        report.say("unstored", str(error))
    except BaseException as error:
        report.say("unstored", _said(error))
    # Whatever comes now, the result is there.
    with contextlib.suppress(BaseException):
        _end_as_interpreters_do()


def _store(
    folder: Folder, name: str, report: Report, task: Any, file: tuple[bytes, bytes], *, print_errors: bool
) -> None:
    data, note = file
    raised = task.errorvalue
    result = written(task, data)
    if print_errors and task.errorvalue is not None:
        # Where it cannot be printed, or its repr() raises something else, it is stored none the less.
        with contextlib.suppress(BaseException):
            print_error(name, raised or task.errorvalue)
    flush_output()
    state = "done" if task.errorvalue is None else "fail"
    temporary = folder.write_aside(result + note)
    if not report.say(state, os.path.basename(temporary)):
        # The call has closed all descriptors, as daemons do. It is found where it belongs.
        folder.put(temporary, state, name)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {message_of(error)}"


def _end_as_interpreters_do() -> None:
    """Ends what waits for the end of the interpreter, of which there is none here."""
    if len(threading.enumerate()) > 1:
        # Those of executors end when they are asked to. Processes of multiprocessing do the same.
        threading._shutdown()  # type: ignore[attr-defined]
    multiprocessing = sys.modules.get("multiprocessing.util")
    if multiprocessing is not None:
        # Its processes are waited for, but for daemons, which are ended.
        multiprocessing._exit_function()
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
    perform(folder, name, Report(report), session=order["session"], print_errors=order["print_errors"])


def print_to(outputs: Sequence[int]) -> None:
    """Has this process print to those descriptors, one for both or one each, which are closed."""
    if outputs:
        for standard, output in zip((1, 2), (*outputs, *outputs), strict=False):
            os.dup2(output, standard)
    for output in outputs:
        os.close(output)
