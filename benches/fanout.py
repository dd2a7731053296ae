"""One large array that a thousand short tasks read: what it costs that each of them may change what it gets.

$JUG_BEFORE is the Python of an earlier build to compare with; without it there is only one column.
"""

import os
from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run

TASKS = 1_000
MEGABYTES = 20
PAIRS = 5
#: How many times as long as before it may take.
GOAL = 1.3

JUGFILE = """\
import numpy as np

from jug import TaskGenerator


@TaskGenerator
def made():
    return np.arange({elements}, dtype=float)


@TaskGenerator
def read(x, n):
    return float(x[n::4096].sum())


x = made()
results = [read(x, n) for n in range({tasks})]
"""


def write_jugfile(directory: Path) -> Path:
    """A jugfile in which all tasks but one need the array that the first one makes."""
    path = directory / "fanout.py"
    path.write_text(JUGFILE.format(elements=MEGABYTES * 1024 * 1024 // 8, tasks=TASKS))
    return path


def fan_out(python: Path, jugfile: Path, name: str) -> Run:
    """Runs all tasks that read; the array is stored before."""
    jugdir = common.fresh(name) / "results"
    common.succeed(common.jug(python, "execute", jugfile, jugdir, "--name", "fanout.made"))
    return common.succeed(common.jug(python, "execute", jugfile, jugdir))


def main() -> list[Row]:
    """Measures in turns with the earlier build, if there is one."""
    jugfile = write_jugfile(common.fresh("fanout"))
    what = f"{MEGABYTES} MB read by {TASKS} tasks, wall"
    before = os.environ.get("JUG_BEFORE")
    if before is None:
        return [
            Row(
                what,
                "-",
                common.median(fan_out(OURS, jugfile, "fanout-ours").wall for _ in range(PAIRS)),
                "s",
            )
        ]
    theirs, ours = common.alternate(
        PAIRS,
        lambda: fan_out(Path(before), jugfile, "fanout-before"),
        lambda: fan_out(OURS, jugfile, "fanout-ours"),
    )
    rows = [
        Row(
            f"{what} (left: before)",
            common.median(r.wall for r in theirs),
            common.median(r.wall for r in ours),
            "s",
            GOAL,
        ),
        Row(
            "the same, peak memory",
            common.median(r.peak for r in theirs),
            common.median(r.peak for r in ours),
            "MB",
        ),
    ]
    return rows
