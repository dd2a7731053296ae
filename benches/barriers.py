"""Barriers: what they cost beside the same tasks without them, and beside the jugfile's own lines."""

from pathlib import Path

from benches import common
from benches.common import OURS, Row

PAIRS = common.scaled(5)
FEW = common.scaled(50)
MANY = common.scaled(500)
#: What the left column is, on the page.
LEFT = "beside"

JUGFILE = """\
from jug import TaskGenerator, barrier


@TaskGenerator
def number(i):
    return i


for block in range({blocks}):
    for i in range(100):
        number(100 * block + i)
    {barrier}
"""

#: Runs the lines of a jugfile as often as its barriers have them run; these ask for nothing here.
LINES = """\
import gc, sys, types
import jug, jug.task

class Stop(Exception):
    pass

left = 0

def barrier():
    global left
    left -= 1
    if left < 0:
        raise Stop

jug.barrier = barrier
jug.set_jugdir("dict_store")
code = compile(open(sys.argv[1]).read(), sys.argv[1], "exec")
gc.set_threshold(50_000)
for passed in range({blocks} + 1):
    del jug.task.alltasks[:]
    left = passed
    sys.modules["barriers"] = module = types.ModuleType("barriers")
    try:
        exec(code, module.__dict__)
    except Stop:
        pass
"""


def write_jugfile(directory: Path, name: str, blocks: int, barrier: str) -> Path:
    """A jugfile of so many blocks of 100 tasks."""
    path = directory / f"{name}.py"
    path.write_text(JUGFILE.format(blocks=blocks, barrier=barrier))
    return path


def execute(jugfile: Path) -> common.Run:
    """Runs a jugfile with a jugdir of its own."""
    jugdir = common.fresh("barriers-results")
    return common.succeed(common.jug(OURS, "execute", jugfile, jugdir / "results"))


def main() -> list[Row]:
    """The first column is without barriers, or the lines alone; both are ours. CPU time."""
    scratch = common.fresh("barriers")
    plain = write_jugfile(scratch, "plain", FEW, "pass")
    few = write_jugfile(scratch, "few", FEW, "barrier()")
    without, with_barriers = common.alternate(PAIRS, lambda: execute(plain), lambda: execute(few))
    many = write_jugfile(scratch, "many", MANY, "barrier()")
    (scratch / "lines.py").write_text(LINES.format(blocks=MANY))
    argv = [OURS, scratch / "lines.py", many]
    lines, all_of_it = common.alternate(
        PAIRS, lambda: common.succeed(common.run(argv, scratch)), lambda: execute(many)
    )
    cpu = [common.median(run.cpu for run in runs) for runs in (without, with_barriers, lines, all_of_it)]
    return [
        Row(f"{FEW} barriers x 100 tasks: none, barriers", cpu[0], cpu[1], "s", 3.0),
        Row(f"{MANY} barriers x 100 tasks: lines alone, all", cpu[2], cpu[3], "s", 1.3),
    ]
