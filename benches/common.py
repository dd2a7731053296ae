"""What the measurements share: the two interpreters, processes with their cost, and the printed table.

Absolute times mean little on a shared machine, so both packages run in turns and what is reported is
the ratio of their medians.
"""

import math
import os
import re
import resource
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "benches" / ".work"
OURS = Path(sys.executable)
#: How many times as much as usual is measured: 0.01 to try a measurement out.
SCALE = float(os.environ.get("JUG_BENCH_SCALE", "1"))


class Failed(SystemExit):
    """A measurement that ended otherwise than it should; the text says which and how."""

    def line(self) -> str:
        """The text in one line: its first and its last one, which is where a traceback has its error."""
        lines = [line.strip() for line in str(self).splitlines() if line.strip()]
        return " ... ".join(dict.fromkeys([*lines[:1], *lines[-1:]]))


def scaled(number: int, least: int = 1) -> int:
    """So many, at the scale that is asked for."""
    return max(least, round(number * SCALE))


@dataclass(frozen=True)
class Run:
    """What a process did and what it cost: seconds of wall clock and of CPU, peak memory in MB."""

    exit_status: int
    wall: float
    cpu: float
    peak: float
    stdout: str
    stderr: str


def reference() -> Path:
    """The Python that has jug 2.7.0: of $JUG_REFERENCE, else of ./.ref-venv."""
    directory = Path(os.environ.get("JUG_REFERENCE", ROOT / ".ref-venv"))
    python = directory / "bin" / "python"
    if not python.exists():
        raise Failed(f"{python} does not exist; ./dev reference creates it")
    return python


def environment(**variables: str) -> dict[str, str]:
    """The environment of measured processes: nothing of the caller's that changes what jug does."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "PYTHON"))}
    return kept | {"COLUMNS": "100"} | variables


def run(argv: Iterable[object], cwd: Path, **variables: str) -> Run:
    """Runs a process to its end and measures it."""
    return together(1, argv, cwd, **variables)


def together(count: int, argv: Iterable[object], cwd: Path, **variables: str) -> Run:
    """Runs so many processes of a command at once, and measures them: the time until the last one ends.

    CPU time is that of all, memory that of the one with the most. The first one that fails ends the others,
    and the exit status is its own.
    """
    words = [str(word) for word in argv]
    processes: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        try:
            for _ in range(count):
                started = subprocess.Popen(
                    words, cwd=cwd, env=environment(**variables), stdout=out, stderr=err
                )
                processes.append(started)
            status, usages = _ended(processes)
        finally:
            _end(processes)
        wall = time.perf_counter() - began
        out.seek(0)
        err.seek(0)
        texts = out.read().decode(), err.read().decode()
    cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    return Run(status, wall, cpu, max(usage.ru_maxrss for usage in usages) / 1024, *texts)


def _ended(processes: list[subprocess.Popen[bytes]]) -> tuple[int, list[resource.struct_rusage]]:
    """The exit status of the first process that fails, else 0 after all have ended, with what each cost."""
    running = {os.pidfd_open(process.pid): process for process in processes}
    poll, usages, status = select.poll(), [], 0
    for number in running:
        poll.register(number, select.POLLIN)
    try:
        while running and not status:
            for number, _ in poll.poll():
                process = running.pop(number)
                poll.unregister(number)
                os.close(number)
                _, ended, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(ended)
                usages.append(usage)
                status = status or process.returncode
    finally:
        for number in running:
            os.close(number)
    return status, usages


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ends those that still run."""
    for process in processes:
        if process.returncode is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def jug(python: Path, command: str, jugfile: Path, jugdir: Path, *options: str, **variables: str) -> Run:
    """Runs a jug command of the package that belongs to `python`."""
    argv = [python.parent / "jug", command, "--will-cite", "--jugdir", jugdir, *options, jugfile]
    return run(argv, jugfile.parent, **variables)


_base: Path | None = None
_base_commit: str | None = None


def set_base(directory: Path, commit: str | None = None) -> None:
    """Has the build in a directory measured beside this one: a checkout's, or one that has the package."""
    global _base, _base_commit
    _base_commit = commit
    found = [path for path in (directory / "python", directory) if (path / "jug" / "__init__.py").exists()]
    if not found:
        raise SystemExit(f"{directory} has no package jug, nor has {directory / 'python'}")
    if not list((found[0] / "jug").glob("_native*.so")):
        raise SystemExit(f"{found[0] / 'jug'} is not built: it has no _native.*.so")
    _base = found[0].resolve()


def base() -> Path | None:
    """The directory with the package of an earlier build to compare with, if one was given."""
    return _base


def base_commit() -> str | None:
    """The commit of that build, if it was given."""
    return _base_commit


def built(package: Path | None, command: str, jugfile: Path, jugdir: Path) -> Run:
    """Runs a jug command of the package in a directory, or of this one, and sees that it succeeded."""
    words = [OURS, "-m", "jug", command, "--will-cite", "--jugdir", jugdir, jugfile]
    variables = {} if package is None else {"PYTHONPATH": str(package)}
    return succeed(run(words, jugfile.parent, **variables))


def succeed(done: Run, exit_status: int = 0) -> Run:
    """The run itself, provided that it ended as it should."""
    if done.exit_status != exit_status:
        raise Failed(f"exit status {done.exit_status} instead of {exit_status}\n{done.stdout}{done.stderr}")
    return done


def fresh(name: str) -> Path:
    """A new empty directory for a measurement."""
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def alternate(pairs: int, theirs: Callable[[], Run], ours: Callable[[], Run]) -> tuple[list[Run], list[Run]]:
    """Runs the two in turns, so that whatever else the machine does falls on both."""
    left, right = [], []
    for _ in range(pairs):
        left.append(theirs())
        right.append(ours())
    return left, right


def median(values: Iterable[float]) -> float:
    """The middle value."""
    return statistics.median(list(values))


def number(value: float) -> str:
    """A number as it is shown: about three digits, whole ones in full, thousands separated."""
    size = abs(value)
    decimals = 0 if size >= 100 or value == round(value) else 1 if size >= 10 else 2
    if 0 < size < 1:
        decimals = min(6, 2 - math.floor(math.log10(size)))
    shown = f"{value:,.{decimals}f}"
    return shown.removeprefix("-") if not float(shown.replace(",", "")) else shown


def trimmed(shown: str) -> str:
    """A shown number without zeros at its end, for one that is exact."""
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def fraction(ratio: float) -> str:
    """A ratio as it is shown: 1/10 for a tenth."""
    whole = f"{ratio:.2f}"
    return f"1/{number(1 / ratio)}" if 0 < ratio < 1 and whole != "1.00" else f"{ratio:,.2f}"


@dataclass(frozen=True)
class Row:
    """A line of the table. `goal` is the highest ratio that is good enough, `most` the highest of ours."""

    what: str
    theirs: float | str
    ours: float | str
    unit: str
    goal: float | None = None
    most: float | None = None

    def ratio(self) -> float | None:
        """How many times as much as theirs ours takes, where both are numbers of which that can be said."""
        if isinstance(self.theirs, str) or isinstance(self.ours, str) or self.theirs <= 0 or self.ours < 0:
            return None
        return self.ours / self.theirs

    def cells(self) -> list[str]:
        """Both values as they are shown."""
        return [value if isinstance(value, str) else number(value) for value in (self.theirs, self.ours)]

    def shown_ratio(self) -> str:
        """The ratio as it is shown."""
        ratio = self.ratio()
        return "" if ratio is None else fraction(ratio)

    def shown_goal(self) -> str:
        """The goals as they are shown."""
        goals = [] if self.goal is None else [f"ratio {trimmed(fraction(self.goal))}"]
        if self.most is not None:
            goals.append(f"{trimmed(number(self.most))} {self.unit}".strip())
        return ", ".join(goals)

    def met(self) -> str:
        """Whether each goal is met, in the order in which they are shown: yes, no, or ? without a number."""
        pairs = [(self.goal, self.ratio()), (self.most, None if isinstance(self.ours, str) else self.ours)]
        judged = [
            "?" if value is None else "yes" if value <= most else "no"
            for most, value in pairs
            if most is not None
        ]
        return ", ".join(judged)


def show(rows: Iterable[Row], left: str = "jug 2.7.0") -> None:
    """Prints rows under the names of the columns; `left` is that of the first one."""
    print(f"{'':66} {left:>13} {'this':>12} {'unit':6} {'ratio':>9} {'goal: at most':>20} met")
    for row in rows:
        theirs, ours = row.cells()
        ratio, goal = row.shown_ratio(), row.shown_goal()
        print(f"{row.what:66} {theirs:>13} {ours:>12} {row.unit:6} {ratio:>9} {goal:>20} {row.met()}")
    sys.stdout.flush()


def syncs(python: Path, jugfile: Path, jugdir: Path, scratch: Path) -> int | None:
    """How often an execution calls fsync or fdatasync; None where there is no strace."""
    if shutil.which("strace") is None:
        return None
    trace = scratch / "trace.txt"
    # With --seccomp-bpf only these calls are stopped at. Otherwise everything takes a hundred times as long,
    # and what is synced every so many milliseconds is synced a hundred times as often.
    command = ["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", "trace=fsync,fdatasync"]
    execute = [python.parent / "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile]
    succeed(run([*command, *execute], jugfile.parent))
    return len(re.findall(r"f(?:data)?sync\(", trace.read_text()))


def inodes(directory: Path) -> int:
    """Files and directories below a directory, itself included."""
    return 1 + sum(1 for _ in directory.rglob("*"))
