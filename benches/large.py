"""A jugfile of 100,000 finished tasks: what it costs to look at it and to find nothing to do."""

from pathlib import Path

from benches import common, drain
from benches.common import OURS, Row

TASKS = 100_000
PAIRS = 5


def finished(python: Path, jugfile: Path, name: str) -> Path:
    """A jugdir with all results. That of the reference takes minutes and is kept for the next time."""
    jugdir = common.WORK / name
    if common.jug(python, "check", jugfile, jugdir).exit_status:
        common.succeed(common.jug(python, "execute", jugfile, jugdir))
    return jugdir


def main() -> list[Row]:
    """Measures `status` and `execute` of both packages in turns."""
    reference = common.reference()
    jugfile = drain.write_jugfile(common.fresh("large"), TASKS)
    theirs_in = finished(reference, jugfile, "large-theirs")
    ours_in = finished(OURS, jugfile, "large-ours")
    rows = []
    for command in ("status", "execute"):
        theirs, ours = common.alternate(
            PAIRS,
            lambda command=command: common.succeed(common.jug(reference, command, jugfile, theirs_in)),
            lambda command=command: common.succeed(common.jug(OURS, command, jugfile, ours_in)),
        )
        walls = [common.median(run.wall for run in runs) for runs in (theirs, ours)]
        peaks = [common.median(run.peak for run in runs) for runs in (theirs, ours)]
        rows.append(Row(f"{command} of {TASKS} finished tasks, wall", *walls, "s", 1 / 5))
        rows.append(Row(f"{command} of {TASKS} finished tasks, peak memory", *peaks, "MB", 1 / 2))
    return rows
