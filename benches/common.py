"""What the measurements share: the two interpreters, processes with their cost, and the printed table.

Absolute times mean little on a shared machine, so both packages run in turns and what is reported is
the ratio of their medians.
"""

import os
import re
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
        raise SystemExit(f"{python} does not exist; ./dev reference creates it")
    return python


def environment(**variables: str) -> dict[str, str]:
    """The environment of measured processes: nothing of the caller's that changes what jug does."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "PYTHON"))}
    return kept | {"COLUMNS": "100"} | variables


def run(argv: Iterable[object], cwd: Path, **variables: str) -> Run:
    """Runs a process to its end and measures it."""
    words = [str(word) for word in argv]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(words, cwd=cwd, env=environment(**variables), stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        texts = out.read().decode(), err.read().decode()
    cpu = usage.ru_utime + usage.ru_stime
    return Run(process.returncode, wall, cpu, usage.ru_maxrss / 1024, *texts)


def jug(python: Path, command: str, jugfile: Path, jugdir: Path, *options: str, **variables: str) -> Run:
    """Runs a jug command of the package that belongs to `python`."""
    argv = [python.parent / "jug", command, "--will-cite", "--jugdir", jugdir, *options, jugfile]
    return run(argv, jugfile.parent, **variables)


def succeed(done: Run, exit_status: int = 0) -> Run:
    """The run itself, provided that it ended as it should."""
    if done.exit_status != exit_status:
        raise SystemExit(
            f"exit status {done.exit_status} instead of {exit_status}\n{done.stdout}{done.stderr}"
        )
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


@dataclass(frozen=True)
class Row:
    """A line of the printed table. `goal` is the highest ratio, or value of ours, that is good enough."""

    what: str
    theirs: float | str
    ours: float | str
    unit: str
    goal: float | None = None

    def ratio(self) -> float | None:
        """How many times as much as theirs ours takes, where both are numbers."""
        if isinstance(self.theirs, str) or isinstance(self.ours, str) or not self.theirs:
            return None
        return self.ours / self.theirs


def show_head() -> None:
    """Prints the names of the columns."""
    print(f"{'':48} {'jug 2.7.0':>12} {'this':>12} {'unit':8} {'ratio':>9} {'goal':>7}")


def show(rows: Iterable[Row]) -> None:
    """Prints rows under these columns."""
    for row in rows:
        ratio = row.ratio()
        shown = "" if ratio is None else f"1/{1 / ratio:.1f}" if 0 < ratio < 1 else f"{ratio:.2f}"
        goal = "" if row.goal is None else f"1/{1 / row.goal:.0f}" if row.goal < 1 else f"{row.goal:g}"
        cells = [value if isinstance(value, str) else f"{value:.3f}" for value in (row.theirs, row.ours)]
        print(f"{row.what:48} {cells[0]:>12} {cells[1]:>12} {row.unit:8} {shown:>9} {goal:>7}", flush=True)


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
