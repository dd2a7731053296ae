"""Workers under a supervisor, beside as many commands that were started together."""

import subprocess
import time
from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run
from benches.drain import write_jugfile

TASKS = 500_000
SHORT_TASKS = 2000
WORKERS = 8
PAIRS = 5

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


def supervised(jugfile: Path, name: str, number: int) -> Run:
    """The same by one command."""
    jugdir = common.fresh(name) / "results"
    return common.succeed(common.jug(OURS, "execute", jugfile, jugdir, "-n", str(number)))


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
    return rows
