"""A run of the tasks of a folder, from the script that asks for it: a child runs them, see `runner`."""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..process.managed import Child, program_of, spawn
from .deferred import name_of
from .errors import TaskCrashed, how_it_ended, overtime, overuse, unstored
from .folder import Folder, note_of, reason
from .messages import Messages, milliseconds
from .pickling import dump, load
from .progress import RunProgress

__all__ = ["Run"]

#: How many loops of this process go over the tasks of a folder, by its path.
_under_way: Counter[str] = Counter()

#: How long the child may take to end when nothing is left for it to do.
_GRACE = 5.0


class Run:
    """The tasks of a run, each when it has ended; nothing starts before it is iterated over.

    Iterating again runs what is still to be done of the same tasks.

    Parameters
    ----------
    folder : Folder
    names : sequence of str
        The names of the files of the tasks.
    order : dict
        What else the child needs to know.
    """

    def __init__(self, folder: Folder, names: Sequence[str], order: dict[str, Any]) -> None:
        self._folder = folder
        self._names = names
        self._order = order

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Any]:
        if not self._names:
            return
        self._folder.say_again()
        order = {
            **self._order,
            "folder": os.path.abspath(self._folder.path),
            "names": self._names,
            "path": _path(),
            "argv": [str(it) for it in sys.argv],
            "main": _main_file(),
        }
        here = os.path.realpath(self._folder.path)
        shown = RunProgress(order["progress"], self._called())
        order["shows"] = shown.shows_output and not order["capture"] and order["log"] is None
        order["progress"] = order["progress"] is not None
        _under_way[here] += 1
        try:
            with _Runner(order) as runner:
                yield from self._ended(runner, shown)
        finally:
            _under_way[here] -= 1
            shown.close()

    def _ended(self, runner: _Runner, shown: RunProgress) -> Iterator[Any]:
        """Does what the child asks for, and yields each task that has ended."""
        for kind, *facts in runner.messages(shown):
            if kind == "line":
                say(*facts)
            elif kind == "error":
                raise UserError(*facts)
            elif kind == "started":
                shown.starts(*facts)
            elif kind == "printed":
                shown.write(facts[0], is_error=facts[1])
            elif kind in ("requeued", "dropped"):
                shown.drop(facts[0])
            elif kind == "awaits":
                self._await(runner, *facts)
            elif kind == "end":
                if facts[0]:
                    _say_what_is_elsewhere(facts[0], "")
                runner.leave()
                return
            else:
                name = facts[0]
                answer, task = self._settled(kind, *facts)
                runner.send(answer, name)
                if task is not None:
                    shown.ends(name, is_failed=task.errorvalue is not None, seconds=facts[-2] or 0.0)
                    with shown.hidden():
                        yield task
                elif answer == "settled":
                    shown.drop(name)

    def _await(self, runner: _Runner, count: int) -> None:
        """There is nothing to do but to wait for what other processes run."""
        if _under_way[os.path.realpath(self._folder.path)] > 1:
            # Another loop of this script has them, which goes on when this one is over.
            runner.send("leave", "")
        else:
            _say_what_is_elsewhere(count, "; waiting for the end")

    def _called(self) -> dict[str, str]:
        """What each task calls, by the name of its file, if that is to be shown."""
        if self._order["progress"] is None:
            return {}
        there = set(self._folder.names("todo"))
        called = {name: name_of(task) for name, task in self._folder.named_tasks("todo", says=False)}
        return {name: called.get(name, "not readable") for name in self._names if name in there}

    def _settled(self, kind: str, name: str, *given: Any) -> tuple[str, Any]:
        """Puts the files of a task where they belong: what to answer, and the task if it has ended."""
        *facts, seconds, output = given
        if kind in ("finished", "found"):
            return self._with_result(name, facts[0], output, is_old=kind == "found")
        if kind == "unread":
            # Who reads it may end of it: the script does not.
            why = f"its process {how_it_ended(*facts)} when it read the file"
            self._folder.say_skipped("todo", name, why)
            return "settled", None
        error: Exception
        if kind == "crashed":
            error = TaskCrashed(facts[0], facts[1], os.fspath(self._folder.file("done", name)))
        elif kind == "overdue":
            error = overtime(facts[0])
        elif kind == "overweight":
            error = overuse(*facts)
        elif kind == "unstored":
            error = unstored(facts[0])
        else:
            error = RuntimeError(f"could not be read by its own process: {facts[0]}")
        return self._failed(name, error, seconds, output)

    def _with_result(self, name: str, state: str, output: str, *, is_old: bool) -> tuple[str, Any]:
        file = self._folder.file(state, name)
        try:
            data = file.read_bytes()
            task = load(data)
        except (OSError, MemoryError) as error:
            raise UserError(
                f"cannot read the result {file}, which stays there ({reason(error)}): mend that, and run() "
                "again"
            ) from error
        except Exception as error:
            if is_old:
                say(f"{file} cannot be loaded ({reason(error)}): its task runs again")
            file.unlink(missing_ok=True)
            if is_old:
                return "run", None
            return self._failed(name, error, None, output)
        if state == "done" and task.errorvalue is not None:
            # RunForrest's own children write everything there.
            os.replace(file, self._folder.file("fail", name))
            state = "fail"
        # What an earlier run has made of it: it may have been put back by copying.
        self._folder.file("fail" if state == "done" else "done", name).unlink(missing_ok=True)
        if output:
            task.output = output
            if state == "fail":
                # What cannot be written again stays as it is.
                with contextlib.suppress(Exception):
                    self._folder.write("fail", name, dump(task) + note_of(data))
        self._folder.file("todo", name).unlink(missing_ok=True)
        return "settled", task

    def _failed(self, name: str, error: Exception, seconds: float | None, output: str) -> tuple[str, Any]:
        """Has a task fail that wrote nothing itself."""
        todo = self._folder.file("todo", name)
        try:
            data, note = self._folder.scheduled(name)
            task = load(data)
        except Exception as unreadable:
            self._folder.say_skipped("todo", name, reason(unreadable))
            return "settled", None
        task.returnvalue, task.errorvalue = None, error
        task.runtime, task.traceback, task.output = seconds, "", output
        with contextlib.suppress(FileNotFoundError):
            self._folder.file("done", name).unlink()
        try:
            self._folder.write("fail", name, dump(task) + note)
        except (TypeError, ValueError, pickle.PicklingError):
            # It is there at least as it was.
            os.replace(todo, self._folder.file("fail", name))
        todo.unlink(missing_ok=True)
        return "settled", task


def _path() -> list[str]:
    """Where tasks find modules. Python passes over what is no text."""
    path = [it for it in sys.path if isinstance(it, str)]
    return path if os.getcwd() in path or "" in path else [*path, os.getcwd()]


def _main_file() -> str | None:
    """The script of this process, if it is one."""
    file = getattr(sys.modules["__main__"], "__file__", None)
    return os.path.abspath(file) if file and os.path.isfile(file) else None


def _say_what_is_elsewhere(count: int, what_now: str) -> None:
    what = "1 task runs" if count == 1 else f"{count} tasks run"
    whom = "another process" if what_now else "another loop"
    say(f"{what} for {whom} that works on the same folder{what_now}")


class _Runner:
    """The child that runs tasks.

    Parameters
    ----------
    order : dict
        What it is to do.
    """

    def __init__(self, order: dict[str, Any]) -> None:
        here, there = socket.socketpair()
        self._messages = Messages(here)
        call = f"main({there.fileno()}, {os.getpid()})"
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        command = [sys.executable, *flags, "-P", "-c", program_of("runforrest.runner", call)]
        with there:
            self._child: Child = spawn(command, keep=[there.fileno()])
        self.send(order)

    def __enter__(self) -> _Runner:
        return self

    def __exit__(self, *_: object) -> None:
        # It and all tasks, if it has not ended.
        self._child.kill()
        self._messages.close()

    def send(self, *message: Any) -> None:
        """Sends a message."""
        self._messages.send(*message)

    def messages(self, shown: RunProgress) -> Iterator[list[Any]]:
        """What it says, until it says no more; meanwhile it is shown how far it is.

        Raises
        ------
        UserError
            If it has ended before its time.
        """
        poll = select.poll()
        while not self._messages.is_over:
            is_full = self._messages.unsent > 0
            poll.register(self._messages, select.POLLIN | (select.POLLOUT if is_full else 0))
            seconds = shown.due_in()
            poll.poll(milliseconds(seconds))
            self._messages.go_on()
            yield from self._messages.received()
            shown.refresh()
        raise UserError(
            f"the process that runs the tasks has ended ({self._child.end().text}): what was finished is "
            "stored, and run() does the rest"
        )

    def leave(self) -> None:
        """Waits for its end."""
        self._messages.close()
        self._child.leave(_GRACE)
