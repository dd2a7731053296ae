"""`jug test-jug`: does this installation work? Small computations, each in a directory of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from ..cli.registry import SubCommand

__all__ = ["InternalValidationCommand", "internal_validation"]

_JUGFILE = """\
import os
import sys

from jug import TaskGenerator, barrier, value


@TaskGenerator
def double(x):
    with open("runs.txt", "a") as output:
        output.write(f"{x}\\n")
    return 2 * x


@TaskGenerator
def add(xs):
    return sum(xs)


@TaskGenerator
def fragile(x):
    if not os.path.exists("repaired"):
        raise ValueError("not repaired yet")
    return x


@TaskGenerator
def never_ends(x):
    import time

    with open("begun", "a") as output:
        output.write("begun\\n")
    while not os.path.exists("end"):
        time.sleep(0.01)
    return x


if "fragile" in sys.argv:
    fragile(1)
elif "long" in sys.argv:
    never_ends(1)
else:
    total = add([double(i) for i in range(int(sys.argv[1]))])
    barrier()
    behind = double(value(total))
"""


class _Failure(Exception):
    """What was expected, and what was there instead."""


class InternalValidationCommand(SubCommand):
    """Test this installation with small computations"""

    name = "test-jug"
    needs_jugfile = False

    def run(self, *args: Any, **kwargs: Any) -> int:
        """Prints a line for each thing that was tried; returns 0 if all of them worked, else 1."""
        import tempfile

        print_out = kwargs["options"].print_out if "options" in kwargs else print
        failed = 0
        for name, check in _CHECKS:
            with tempfile.TemporaryDirectory(prefix="jug-test-") as folder:
                try:
                    check(_Folder(folder))
                except (_Failure, OSError, subprocess.SubprocessError) as error:
                    failed += 1
                    print_out(f"FAILED  {name}\n        {error}")
                else:
                    print_out(f"ok      {name}")
        print_out(f"{len(_CHECKS) - failed} of {len(_CHECKS)} passed")
        return 1 if failed else 0


class _Folder:
    """A directory with the jugfile, and commands run in it as a user would run them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.write("jugfile.py", _JUGFILE)

    def write(self, name: str, text: str = "") -> None:
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as output:
            output.write(text)

    def read(self, name: str) -> str:
        with open(os.path.join(self.path, name), encoding="utf-8") as text:
            return text.read()

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Starts a command of this package; `arguments` are those of the jugfile."""
        # Configuration of the user's must not have a say in this.
        environment = {k: v for k, v in os.environ.items() if not k.startswith("JUG_")}
        return subprocess.Popen(
            [sys.executable, "-m", "jug", *command.split(), "--will-cite", "--", "jugfile.py", *arguments],
            cwd=self.path,
            env=environment | {"HOME": self.path, "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def jug(self, command: str, *arguments: str, status: int = 0, says: str = "") -> None:
        """Runs a command to its end; a `_Failure` if its exit status or what it prints is not as expected."""
        process = self.start(command, *arguments)
        printed, _ = process.communicate(timeout=120)
        if process.returncode != status or says not in printed:
            raise _Failure(
                f"'jug {command}' ended with {process.returncode} instead of {status}"
                f"{f', or did not say {says!r}' if says else ''}:\n{printed}"
            )


def _expect(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise _Failure(f"{what}: expected {expected!r}, found {found!r}")


def _execute(folder: _Folder) -> None:
    folder.jug("status --short", "10", status=1, says="11 tasks waiting to be run, 0 failed, 0 complete")
    folder.jug("execute", "10")
    folder.jug("check", "10")
    folder.jug("status --short", "10", says="All tasks complete (12 tasks)")
    folder.jug("execute --short", "10", says="Executed:  0 tasks")


def _several_workers(folder: _Folder) -> None:
    workers = [folder.start("execute", "100") for _ in range(3)]
    _expect(
        "exit statuses of three workers",
        [(w.communicate(timeout=120), w.returncode)[1] for w in workers],
        [0] * 3,
    )
    folder.jug("check", "100")
    runs = sorted(map(int, folder.read("runs.txt").split()))
    _expect("tasks that were run", runs, [*range(100), 2 * sum(range(100))])


def _invalidate(folder: _Folder) -> None:
    folder.jug("execute", "5")
    folder.jug("invalidate --name add", "5", says="Invalidated")
    folder.jug("status --short", "5", status=1, says="1 tasks waiting to be run, 0 failed, 5 complete")
    folder.jug("execute --short", "5", says="Executed:  1 tasks")
    folder.jug("check", "5")


def _cleanup(folder: _Folder) -> None:
    folder.jug("execute", "5")
    folder.jug("execute", "3")
    # What the jugfile makes with 3 is wanted; of what it made with 5, three results serve both.
    folder.jug("cleanup", "3", says="Removed 4 objects")
    folder.jug("check", "3")
    folder.jug("check", "5", status=1)


def _failures(folder: _Folder) -> None:
    folder.jug("execute --keep-failed", "fragile", status=1, says="ValueError: not repaired yet")
    folder.jug("status --short", "fragile", status=1, says="0 tasks waiting to be run, 1 failed")
    folder.write("repaired")
    folder.jug("cleanup --failed-only", "fragile", says="Removed 1 failure locks")
    folder.jug("execute", "fragile")
    folder.jug("check", "fragile")


def _killed_worker(folder: _Folder) -> None:
    import time

    worker = folder.start("execute", "long")
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(os.path.join(folder.path, "begun")):
            if time.monotonic() > deadline or worker.poll() is not None:
                raise _Failure("a worker did not begin its task")
            time.sleep(0.01)
        folder.jug("status --short", "long", status=1, says="(1 active)")
    finally:
        worker.kill()
        worker.communicate()
    folder.jug("status --short", "long", status=1, says="1 tasks waiting to be run")
    folder.write("end")
    folder.jug("execute --short", "long", says="Executed:  1 tasks")


_CHECKS: tuple[tuple[str, Callable[[_Folder], None]], ...] = (
    ("execute runs all tasks, also behind a barrier, and remembers them", _execute),
    ("three workers share the tasks and run each once", _several_workers),
    ("invalidate forgets results and what depends on them", _invalidate),
    ("cleanup removes what no task refers to any more, and nothing else", _cleanup),
    ("a failure is recorded, kept, and cleared", _failures),
    ("the task of a worker that was killed is free at once", _killed_worker),
)

internal_validation = InternalValidationCommand()
