"""A redis server as the store: 10,000 tasks that do nothing, and then nothing to do."""

from pathlib import Path

from benches import common
from benches.common import OURS, Row, Run
from benches.drain import write_jugfile
from tests.support.redis_server import RedisServer

TASKS = 10_000
PAIRS = 5


def execute(python: Path, server: RedisServer, jugfile: Path, *, empty: bool) -> Run:
    """Runs all tasks over the server; emptying its database is not measured."""
    if empty:
        server.cli("FLUSHALL")
    # jug 2.7.0 knows no numbers of databases.
    argv = [python.parent / "jug", "execute", "--will-cite", "--jugdir", server.url + "/", jugfile]
    return common.succeed(common.run(argv, jugfile.parent))


def main() -> list[Row]:
    """Measures both packages in turns, on the same server."""
    reference = common.reference()
    scratch = common.fresh("redis")
    jugfile = write_jugfile(scratch, TASKS)
    server = RedisServer(scratch / "server")
    server.start()
    try:
        rows = []
        for what, empty, goal in (
            (f"{TASKS} no-op tasks over redis, one worker, wall", True, 1 / 5),
            ("the same with nothing left to do, wall", False, 1 / 10),
        ):
            drained: dict[Path, list[Run]] = {reference: [], OURS: []}
            for _ in range(PAIRS):
                for python, runs in drained.items():
                    if not empty:
                        execute(python, server, jugfile, empty=True)
                    runs.append(execute(python, server, jugfile, empty=empty))
            theirs, ours = drained.values()
            walls = [common.median(run.wall for run in runs) for runs in (theirs, ours)]
            cpus = [common.median(run.cpu for run in runs) for runs in (theirs, ours)]
            rows += [Row(what, *walls, "s", goal), Row("the same, CPU", *cpus, "s")]
        return rows
    finally:
        server.stop()
