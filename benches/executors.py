"""Backends beside what users would do without jug: dask's own `map`, joblib with its memory."""

import sys
from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run
from benches.drain import write_jugfile
from tests.support.dask_cluster import DaskCluster

TASKS = 10_000
WORKERS = 2
PAIRS = 5

#: The same calls as those of the jugfile, on the cluster at an address; nothing is stored.
MAP = """\
import sys

from distributed import Client


def f(i):
    return i


client = Client(sys.argv[1])
assert len(client.gather(client.map(f, range({tasks})))) == {tasks}
client.close()
"""

#: The same with processes of loky, and with results that are stored as files.
MEMORY = """\
import sys

import joblib


def f(i):
    return i


f = joblib.Memory(sys.argv[1], verbose=0).cache(f)
assert len(joblib.Parallel(n_jobs={workers})(joblib.delayed(f)(i) for i in range({tasks}))) == {tasks}
"""


def script(scratch: Path, name: str, source: str, argument: str) -> Run:
    """Runs a script to its end."""
    path = scratch / name
    path.write_text(source.format(tasks=TASKS, workers=WORKERS))
    return common.succeed(common.run([sys.executable, path, argument], scratch))


def ours(jugfile: Path, backend: str) -> Run:
    """Runs the jugfile on a backend, from nothing."""
    jugdir = common.fresh("executors-ours") / "results"
    options = ("--backend", backend, "-n", str(WORKERS))
    return common.succeed(common.jug(OURS, "execute", jugfile, jugdir, *options))


def row(what: str, theirs: list[Run], ours: list[Run], goal: float | None) -> Row:
    """The medians of both, of the wall clock."""
    walls = [common.median(run.wall for run in runs) for runs in (theirs, ours)]
    return Row(what, *walls, "s", goal)


def main() -> list[Row]:
    """Measures each backend and the other way in turns."""
    scratch = common.fresh("executors")
    jugfile = write_jugfile(scratch, TASKS)
    cluster = DaskCluster(scratch / "cluster", WORKERS)
    try:
        # What workers import for the first task is no part of it.
        ours(jugfile, f"dask:{cluster.address}")
        on_dask = common.alternate(
            PAIRS,
            lambda: script(scratch, "map.py", MAP, cluster.address),
            lambda: ours(jugfile, f"dask:{cluster.address}"),
        )
    finally:
        cluster.close()
    on_loky = common.alternate(
        PAIRS,
        lambda: script(scratch, "memory.py", MEMORY, str(common.fresh("executors-memory"))),
        lambda: ours(jugfile, "loky"),
    )
    return [
        row(f"{TASKS} no-op calls on dask, beside client.map", *on_dask, 1 / 4),
        row(f"{TASKS} no-op calls on loky, beside joblib.Memory", *on_loky, None),
    ]
