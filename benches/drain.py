"""One worker drains tasks that do nothing: what the engine itself costs per task."""

from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run

TASKS = common.scaled(10_000)
PAIRS = common.scaled(5)
#: How many syncs a task may cost.
SYNCS = 0.05

JUGFILE = """\
from jug import TaskGenerator


@TaskGenerator
def nothing(i):
    return i


results = [nothing(i) for i in range({tasks})]
"""


def write_jugfile(directory: Path, tasks: int) -> Path:
    """A jugfile of so many independent tasks."""
    path = directory / "nothing.py"
    path.write_text(JUGFILE.format(tasks=tasks))
    return path


def drain(python: Path, jugfile: Path, name: str) -> Run:
    """Runs all tasks into a new jugdir; deleting the last one is not measured."""
    return common.succeed(common.jug(python, "execute", jugfile, common.fresh(name) / "results"))


def main() -> list[Row]:
    """Measures both packages in turns."""
    reference = common.reference()
    scratch = common.fresh("drain")
    jugfile = write_jugfile(scratch, TASKS)
    theirs, ours = common.alternate(
        PAIRS,
        lambda: drain(reference, jugfile, "drain-theirs"),
        lambda: drain(OURS, jugfile, "drain-ours"),
    )
    rows = [
        Row(
            f"{TASKS:,} no-op tasks, one worker, wall",
            common.median(r.wall for r in theirs),
            common.median(r.wall for r in ours),
            "s",
            1 / 20,
        ),
        Row(
            "the same, CPU",
            common.median(r.cpu for r in theirs),
            common.median(r.cpu for r in ours),
            "s",
        ),
        Row(
            "inodes of the jugdir, per task",
            common.inodes(common.WORK / "drain-theirs" / "results") / TASKS,
            common.inodes(common.WORK / "drain-ours" / "results") / TASKS,
            "",
        ),
    ]
    counted = [
        common.syncs(python, jugfile, common.fresh(name) / "results", scratch)
        for python, name in ((reference, "drain-theirs"), (OURS, "drain-ours"))
    ]
    if None not in counted:
        per_task = [count / TASKS for count in counted]
        rows.append(Row("fsync and fdatasync, per task", *per_task, "", most=SYNCS))
    return rows
