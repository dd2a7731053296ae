"""A drain of tasks that do nothing: beside an earlier build, and by two workers beside one.

Both workers read the jugfile and make all tasks, and only then is there work to share. So the drain itself is
also measured, from the start of the first task to the end of the last, by what their results say.
"""

from dataclasses import dataclass
from pathlib import Path

from benches import common, drain
from benches.common import OURS, Row, Run

TASKS = common.scaled(100_000)
#: What the left column is, on the page.
LEFT = "beside"
PAIRS = common.scaled(7)
#: An earlier build is measured, too, if one is given.
WITH_BASE = True
BASE_GOAL = 1 / 2
#: How many times as much two workers should get done in the same time.
TWO_GOAL = 1.6

#: Prints the sum of the results, and the seconds from the first start to the last end.
LOOK = """\
import sys
import jug

store, names = jug.init(sys.argv[1], sys.argv[2])
facts = [store.metadata(task) for task in names["results"]]
begin = min(fact["started"] for fact in facts)
print(sum(map(jug.value, names["results"])), max(it["started"] + it["duration"] for it in facts) - begin)
"""


@dataclass(frozen=True)
class Drained:
    """The run of all workers, and the seconds from the first task's start to the last one's end."""

    run: Run
    loop: float


def drained(jugfile: Path, workers: int) -> Drained:
    """Runs all tasks from nothing by so many workers that are started together, and checks the results."""
    jugdir = common.fresh("throughput") / "results"
    words = [OURS, "-m", "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile]
    done = common.succeed(common.together(workers, words, jugfile.parent))
    look = common.succeed(common.run([OURS, "-c", LOOK, jugfile, jugdir], jugfile.parent))
    total, loop = look.stdout.split()
    if int(total) != TASKS * (TASKS - 1) // 2:
        raise common.Failed(f"the sum of all results is {total}")
    return Drained(done, float(loop))


def main() -> list[Row]:
    """The left column is the earlier build, and then one worker of this one."""
    jugfile = drain.write_jugfile(common.fresh("throughput-jugfile"), TASKS)
    rows = []
    if common.base() is not None:
        theirs, ours = common.alternate(
            PAIRS,
            lambda: common.built(common.base(), "execute", jugfile, common.fresh("throughput") / "results"),
            lambda: common.built(None, "execute", jugfile, common.fresh("throughput") / "results"),
        )
        walls = [common.median(run.wall for run in runs) for runs in (theirs, ours)]
        rows.append(Row(f"{TASKS:,} no-op tasks, beside the earlier build", *walls, "s", BASE_GOAL))
    one, two = [], []
    for _ in range(PAIRS):
        one.append(drained(jugfile, 1))
        two.append(drained(jugfile, 2))
    loops = [common.median(it.loop for it in runs) for runs in (one, two)]
    walls = [common.median(it.run.wall for it in runs) for runs in (one, two)]
    cpus = [common.median(it.run.cpu for it in runs) for runs in (one, two)]
    return [
        *rows,
        Row(f"{TASKS:,} no-op tasks, 1 and 2 workers: drain", *loops, "s", 1 / TWO_GOAL),
        Row("the same with start and jugfile", *walls, "s"),
        Row("the same, CPU of all", *cpus, "s"),
    ]
