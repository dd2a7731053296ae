"""A million tasks that do nothing: executed, asked for, executed again with nothing to do, counted.

With ``--base DIR`` beside an earlier build, in turns; the goals that are ratios are to the build before.
"""

from dataclasses import dataclass
from pathlib import Path

from benches import common, drain
from benches.common import Row, Run

TASKS = common.scaled(1_000_000)
#: What the left column is, on the page.
LEFT = "earlier build"
PAIRS = common.scaled(3)
#: An earlier build is measured, too, if one is given.
WITH_BASE = True

#: What is run one after the other, with the most it may take: seconds, and of the time of the build before.
COMMANDS = {
    "execute": ("execute", 5.5, 1 / 2),
    "status": ("status", 1.2, 2 / 3),
    "nothing to do": ("execute", 1.5, 1 / 2),
    "count": ("count", 0.6, 3 / 4),
}
#: Megabytes of memory and of disk that it may take.
PEAK = {"execute": 280, "nothing to do": 300}
DISK = 80


@dataclass(frozen=True)
class Million:
    """The runs by the names of COMMANDS, and the megabytes of the jugdir after the first."""

    runs: dict[str, Run]
    disk: float


def measured(package: Path | None, jugfile: Path) -> Million:
    """Runs all of it once with a build."""
    jugdir = common.fresh("million") / "results"
    runs, disk = {}, 0.0
    for name, (command, _, _) in COMMANDS.items():
        runs[name] = common.built(package, command, jugfile, jugdir)
        if name == "execute":
            disk = sum(path.stat().st_size for path in jugdir.rglob("*") if path.is_file()) / 1e6
    counted = runs["count"].stdout.split()
    if not any(word.replace(",", "") == str(TASKS) for word in counted):
        raise common.Failed(f"not {TASKS} results are stored:\n{runs['count'].stdout}")
    return Million(runs, disk)


def main() -> list[Row]:
    """The left column is the earlier build."""
    jugfile = drain.write_jugfile(common.fresh("million-jugfile"), TASKS)
    before, ours = [], []
    for _ in range(PAIRS):
        if common.base() is not None:
            before.append(measured(common.base(), jugfile))
        ours.append(measured(None, jugfile))
    rows = []
    for name, (_, seconds, ratio) in COMMANDS.items():
        for what, unit, most in (("wall", "s", seconds), ("cpu", "s", None), ("peak", "MB", PEAK.get(name))):
            values = [
                common.median(getattr(it.runs[name], what) for it in side) if side else "-"
                for side in (before, ours)
            ]
            goal = ratio if before and what == "wall" else None
            rows.append(Row(f"{TASKS:,} tasks, {name}, {what}", *values, unit, goal, most))
    disks = [common.median(it.disk for it in side) if side else "-" for side in (before, ours)]
    rows.append(Row(f"{TASKS:,} tasks, apparent size of the jugdir", *disks, "MB", most=DISK))
    return rows
