"""Deferred calls in folders, beside RunForrest 0.4.3: what a task costs, and what it costs to list them."""

import os
from pathlib import Path

from benches import common
from benches.common import OURS, ROOT, Row, Run

#: RunForrest looks ten times a second for tasks that have ended, so that what one costs is the same however
#: many there are; 500 of them take minutes.
TASKS, TASKS_THERE = 500, 40
LISTED = 10_000
PAIRS = 5

#: Prints how long each took: to run all tasks, or (processor time) to list them and to unpickle those files.
DRAIN = """\
import operator, sys, time
from {package} import TaskList, defer

tasks = TaskList("tasks")
for number in range(int(sys.argv[1])):
    tasks.schedule(defer(operator.add, number, 1))
begin = time.perf_counter()
assert sum(task.errorvalue is None for task in tasks.run(nprocesses=2)) == int(sys.argv[1])
print(time.perf_counter() - begin)
"""
LIST = """\
import operator, os, sys, time
from {package} import TaskList, defer

tasks = TaskList("tasks", noschedule_if_exist=True)
for number in range(int(sys.argv[1])):
    tasks.schedule(defer(operator.add, number, 1))
begin = time.process_time()
assert sum(1 for _ in tasks.todo_tasks()) == int(sys.argv[1])
print(time.process_time() - begin)
"""
UNPICKLE = """\
import os, time
from jug.runforrest.pickling import load

begin = time.process_time()
for name in os.listdir("tasks/todo"):
    with open("tasks/todo/" + name, "rb") as file:
        load(file.read())
print(time.process_time() - begin)
"""


def peers() -> Path:
    """The Python that has RunForrest: of $JUG_PEERS, else of ./.peers-venv."""
    python = Path(os.environ.get("JUG_PEERS", ROOT / ".peers-venv")) / "bin" / "python"
    if not python.exists():
        raise common.Failed(f"{python} does not exist; ./dev peers creates it")
    return python


def script(python: Path, source: str, folder: Path, count: int) -> Run:
    """Runs a script to its end. RunForrest starts whatever `python` is in the path."""
    package = "jug.runforrest" if python == OURS else "runforrest"
    path = folder / "script.py"
    path.write_text(source.replace("{package}", package))
    words = [python, path, str(count)]
    return common.succeed(common.run(words, folder, PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}"))


def per_task(runs: list[Run], count: int) -> float:
    """Milliseconds a task, by the median of what scripts printed."""
    return common.median(float(run.stdout) for run in runs) / count * 1000


def drained(python: Path, count: int) -> Run:
    """Runs so many tasks."""
    return script(python, DRAIN, common.fresh("runforrest"), count)


def main() -> list[Row]:
    """Measures both in turns."""
    theirs, ours = common.alternate(
        PAIRS, lambda: drained(peers(), TASKS_THERE), lambda: drained(OURS, TASKS)
    )
    there, here = per_task(theirs, TASKS_THERE), per_task(ours, TASKS)
    folder = common.fresh("runforrest-list")
    script(OURS, LIST.replace(", noschedule_if_exist=True", ""), folder, LISTED)
    unpickled, listed = common.alternate(
        PAIRS, lambda: script(OURS, UNPICKLE, folder, LISTED), lambda: script(OURS, LIST, folder, LISTED)
    )
    alone, listing = per_task(unpickled, LISTED), per_task(listed, LISTED)
    return [
        Row(f"a task of {TASKS}, 2 processes, beside RunForrest", there, here, "ms", 1 / 25),
        Row(f"a task of {LISTED} listed, beside unpickling", alone, listing, "ms", 1.1),
    ]
