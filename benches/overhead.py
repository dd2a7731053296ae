"""What a worker adds to a task that takes a millisecond, by wall clock and by CPU time of all threads.

Each task measures what it takes itself, and all of them together are subtracted from what the process took.
A twin calls the same function as often in an empty loop, in turns with the worker; what is beyond its tasks
there is what measuring costs, and is subtracted, too. So is what runs of few tasks take, for the start and
the jugfile. A thread in the background that takes the interpreter from a task does not show in the wall clock
of a task that computes until a moment, but in the CPU time.
"""

from dataclasses import dataclass
from pathlib import Path

from benches import common
from benches.common import OURS, Row

TASKS = common.scaled(4_000, least=100)
#: Of the other package, which takes ten times as long and more.
THEIRS = common.scaled(400, least=50)
FEW = 20
PAIRS = common.scaled(5)
#: Microseconds.
GOAL = 50

FUNCTION = """\
import time


def millisecond(i):
    begin, cpu = time.perf_counter(), time.thread_time()
    {wait}
    return time.perf_counter() - begin, time.thread_time() - cpu

"""

JUGFILE = f"""\
from jug import TaskGenerator

{FUNCTION}
millisecond = TaskGenerator(millisecond)
results = [millisecond(i) for i in range({{tasks}})]
"""

TWIN = f"""\
{FUNCTION}
results = [millisecond(i) for i in range({{tasks}})]
print(*(value for result in results for value in result))
"""

LOOK = """\
import sys
import jug

_, names = jug.init(sys.argv[1], sys.argv[2])
print(*(value for result in jug.value(names["results"]) for value in result))
"""

WAITS = {"sleeps": "time.sleep(0.001)", "computes": "while time.perf_counter() < begin + 0.001: pass"}


@dataclass(frozen=True)
class Beyond:
    """Seconds of a process that were not spent inside of its tasks."""

    wall: float
    cpu: float

    def __sub__(self, other: "Beyond") -> "Beyond":
        return Beyond(self.wall - other.wall, self.cpu - other.cpu)


def beyond(done: common.Run, printed: str, tasks: int) -> Beyond:
    """What a run took beyond its tasks, by what they say that they took."""
    values = [float(word) for word in printed.split()]
    walls, cpus = values[::2], values[1::2]
    if len(walls) != tasks or len(cpus) != tasks or min(walls) < 0.001:
        raise common.Failed(
            f"overhead: {len(walls)} results instead of {tasks}, the least {min(walls, default=0)}"
        )
    return Beyond(done.wall - sum(walls), done.cpu - sum(cpus))


def by_worker(python: Path, wait: str, tasks: int) -> Beyond:
    """A worker's run."""
    folder = common.fresh("overhead")
    jugfile, jugdir = folder / "milliseconds.py", folder / "results"
    jugfile.write_text(JUGFILE.format(wait=wait, tasks=tasks))
    done = common.succeed(common.jug(python, "execute", jugfile, jugdir))
    look = common.succeed(common.run([python, "-c", LOOK, jugfile, jugdir], folder))
    return beyond(done, look.stdout, tasks)


def by_twin(python: Path, wait: str, tasks: int) -> Beyond:
    """An empty loop's run."""
    folder = common.fresh("overhead")
    script = folder / "twin.py"
    script.write_text(TWIN.format(wait=wait, tasks=tasks))
    done = common.succeed(common.run([python, script], folder))
    return beyond(done, done.stdout, tasks)


def a_task(python: Path, wait: str, tasks: int) -> Beyond:
    """Seconds a task that a worker adds to an empty loop."""
    many = by_worker(python, wait, tasks) - by_twin(python, wait, tasks)
    added = many - (by_worker(python, wait, FEW) - by_twin(python, wait, FEW))
    return Beyond(added.wall / (tasks - FEW), added.cpu / (tasks - FEW))


def main() -> list[Row]:
    """Both packages in turns."""
    rows = []
    for name, wait in WAITS.items():
        theirs, ours = [], []
        for _ in range(PAIRS):
            theirs.append(a_task(common.reference(), wait, THEIRS))
            ours.append(a_task(OURS, wait, TASKS))
        for what, clock in (("wall", "wall"), ("CPU of all threads", "cpu")):
            sides = [[getattr(it, clock) * 1e6 for it in side] for side in (theirs, ours)]
            spread = f"{common.number(min(sides[1]))} to {common.number(max(sides[1]))}"
            label = f"a task that {name} 1 ms, {what} (ours {spread})"
            rows.append(Row(label, *map(middle, sides), "us", most=GOAL))
    return rows


def middle(values: list[float]) -> float | str:
    """The median; no number where a pair has less than nothing, so that all of it may be noise."""
    return "noise" if min(values) <= 0 else common.median(values)
