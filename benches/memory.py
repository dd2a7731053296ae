"""How many bytes a task takes in a worker, by structure: what a million of them add to a process.

With ``--base DIR`` beside an earlier build.
"""

import json
from pathlib import Path

from benches import common, drain
from benches.common import OURS, Row

TASKS = common.scaled(1_000_000)
#: An earlier build is measured, too, if one is given.
WITH_BASE = True
#: What the left column is, on the page.
LEFT = "earlier build"

#: Run in a process of its own for each kind of task, so that nothing is made where something else was before.
CHILD = """\
import gc, json, os, sys
from jug import Task, _native

kind, count, jugdir = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def nothing(*args, **kwargs):
    pass


MAKE = {
    "no argument": lambda i: Task(nothing),
    "an int": lambda i: Task(nothing, i),
    "two ints": lambda i: Task(nothing, i, i + 1),
    "a float": lambda i: Task(nothing, i + 0.5),
    "an int by keyword": lambda i: Task(nothing, x=i),
    "three ints": lambda i: Task(nothing, i, i + 1, i + 2),
}


def added(make):
    gc.collect()
    before = resident()
    made = make()
    gc.collect()
    print(json.dumps((resident() - before) / count), flush=True)
    return made


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if kind == "the index of results":
    store = added(lambda: _native.Store(jugdir))
else:
    tasks = added(lambda: [MAKE[kind](i) for i in range(count)] and None)
    if kind == "an int":
        from jug.task import alltasks

        graph = added(lambda: _native.Graph(alltasks))
        names = added(graph.names)
        scheduler = added(lambda: _native.Scheduler(graph))
"""

#: What a child prints, by the kind of its tasks.
PRINTED = {
    "no argument": ["task without arguments"],
    "an int": ["task with an int", "graph with keys", "names", "scheduler"],
    "two ints": ["task with two ints"],
    "three ints": ["task with three ints, in a tuple"],
    "a float": ["task with a float"],
    "an int by keyword": ["task with an int by keyword, in a dict"],
    "the index of results": ["index of results"],
}


def measured(package: Path | None, scratch: Path, jugdir: Path) -> dict[str, float]:
    """Bytes a task by structure, in a build; the list in which tasks are counted in with them."""
    variables = {} if package is None else {"PYTHONPATH": str(package)}
    found = {}
    for kind, names in PRINTED.items():
        words = [OURS, "-c", CHILD, kind, TASKS, jugdir]
        lines = common.succeed(common.run(words, scratch, **variables)).stdout.split()
        found.update(zip(names, map(json.loads, lines), strict=True))
    return found


def of_build(package: Path | None) -> dict[str, float]:
    """The same with results that this build wrote: an earlier one may not read those of a later one."""
    scratch = common.fresh("memory")
    jugdir = scratch / "results"
    common.built(package, "execute", drain.write_jugfile(scratch, TASKS), jugdir)
    return measured(package, scratch, jugdir)


def main() -> list[Row]:
    """The left column is the earlier build."""
    ours = of_build(None)
    before = {} if common.base() is None else of_build(common.base())
    return [Row(what, before.get(what, "-"), size, "bytes") for what, size in ours.items()]


if __name__ == "__main__":
    common.show(main())
