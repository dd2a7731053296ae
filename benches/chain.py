"""A chain of tasks, each of which needs the one before: how long it may be and what it costs."""

from pathlib import Path

from benches import common
from benches.common import OURS, Row

TASKS = 100_000
COMMANDS = ("status", "execute", "check", "status", "invalidate", "check")
EXIT_STATUSES = (1, 0, 0, 0, 0, 1)

JUGFILE = """\
from jug import TaskGenerator


@TaskGenerator
def step(before):
    return before + 1


last = 0
for _ in range({tasks}):
    last = step(last)
"""


def write_jugfile(directory: Path, tasks: int) -> Path:
    """A jugfile whose tasks form one chain."""
    path = directory / f"chain{tasks}.py"
    path.write_text(JUGFILE.format(tasks=tasks))
    return path


def run_all(python: Path, jugfile: Path, jugdir: Path) -> list[common.Run]:
    """Every command on the chain, from nothing through finished to invalidated."""
    runs = []
    for command in COMMANDS:
        options = ("--name", "step") if command == "invalidate" else ()
        runs.append(common.jug(python, command, jugfile, jugdir, *options))
    return runs


def longest_checked(python: Path, lengths: tuple[int, ...]) -> int:
    """The longest of the chains whose results `check` still finds."""
    longest = 0
    for length in lengths:
        scratch = common.fresh("chain-length")
        jugfile = write_jugfile(scratch, length)
        common.jug(python, "execute", jugfile, scratch / "results")
        if common.jug(python, "check", jugfile, scratch / "results").exit_status:
            break
        longest = length
    return longest


def main() -> list[Row]:
    """Ours on the whole chain; of the reference only how far it gets."""
    scratch = common.fresh("chain")
    runs = run_all(OURS, write_jugfile(scratch, TASKS), scratch / "results")
    for run, exit_status in zip(runs, EXIT_STATUSES, strict=True):
        common.succeed(run, exit_status)
    longest = longest_checked(common.reference(), (100, 200, 250, 300, 400, 1000))
    rows = [Row("longest chain that check can follow", float(longest), f">={TASKS}", "tasks")]
    for command, run in zip(COMMANDS, runs, strict=True):
        rows.append(Row(f"chain of {TASKS}: {command}", "-", run.wall, "s"))
    return rows
