"""Workers under a supervisor, beside as many commands that were started together."""

import subprocess
import time
from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run
from benches.drain import write_jugfile

TASKS = 500_000
CAPTURED_TASKS = 200_000
SHORT_TASKS = 2000
WORKERS = 8
PAIRS = 5

PRINTING = """\
from jug import TaskGenerator


@TaskGenerator
def printing(i):
    print("task", i, "prints a line")
    return i


results = [printing(i) for i in range({tasks})]
"""

SHORT = """\
import time

from jug import TaskGenerator


@TaskGenerator
def short(i):
    time.sleep(0.001)
    open(f"ran.{{i}}", "a").write("x")
    return i


results = [short(i) for i in range({tasks})]
"""


def together(python: Path, jugfile: Path, name: str, number: int) -> Run:
    """Starts so many `jug execute` at once, and waits for all of them."""
    jugdir = common.fresh(name) / "results"
    command = [python.parent / "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile]
    began = time.perf_counter()
    started = [
        subprocess.Popen(
            [str(word) for word in command],
            cwd=jugfile.parent,
            env=common.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(number)
    ]
    ends = [process.communicate() for process in started]
    wall = time.perf_counter() - began
    status = max(process.returncode for process in started)
    return common.succeed(Run(status, wall, 0.0, 0.0, "", "".join(err.decode() for _, err in ends)))


def supervised(jugfile: Path, name: str, number: int, *options: str) -> Run:
    """The same by one command."""
    jugdir = common.fresh(name) / "results"
    return common.succeed(common.jug(OURS, "execute", jugfile, jugdir, "-n", str(number), *options))


def captured(jugfile: Path, what: str, most: float) -> Row:
    """What it costs to keep what tasks print, beside passing it on: some microseconds a task."""
    plain, ours = common.alternate(
        PAIRS,
        lambda: supervised(jugfile, "supervised-shown", 2),
        lambda: supervised(jugfile, "supervised-captured", 2, "--capture"),
    )
    return Row(
        f"{what}, -n 2 without and with --capture",
        common.median(r.wall for r in plain),
        common.median(r.wall for r in ours),
        "s",
        most,
    )


def main() -> list[Row]:
    """Measures both in turns."""
    scratch = common.fresh("supervised")
    jugfile = write_jugfile(scratch, TASKS)
    plain, ours = common.alternate(
        PAIRS,
        lambda: together(OURS, jugfile, "supervised-plain", 2),
        lambda: supervised(jugfile, "supervised-ours", 2),
    )
    rows = [
        Row(
            f"{TASKS} no-op tasks, two commands of ours and -n 2",
            common.median(r.wall for r in plain),
            common.median(r.wall for r in ours),
            "s",
            1.15,
        )
    ]
    jugfile = scratch / "short.py"
    jugfile.write_text(SHORT.format(tasks=SHORT_TASKS))
    reference = common.reference()
    theirs, ours = common.alternate(
        PAIRS,
        lambda: together(reference, jugfile, "supervised-theirs", WORKERS),
        lambda: supervised(jugfile, "supervised-ours", WORKERS),
    )
    rows.append(
        Row(
            f"{SHORT_TASKS} tasks of 1 ms, {WORKERS} workers, wall",
            common.median(r.wall for r in theirs),
            common.median(r.wall for r in ours),
            "s",
            1 / 4,
        )
    )
    rows.append(captured(write_jugfile(scratch, CAPTURED_TASKS), f"{CAPTURED_TASKS} no-op tasks", 1.3))
    jugfile = scratch / "printing.py"
    jugfile.write_text(PRINTING.format(tasks=SHORT_TASKS))
    rows.append(captured(jugfile, f"{SHORT_TASKS} tasks that print a line", 1.15))
    return rows
