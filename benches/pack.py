"""A million results, loose and packed: what packing costs, and what opening and asking cost before and after.

jug 2.7.0 would need hours and 4 GB for the same, so that nothing is compared with it here but the status of
100,000 tasks, packed and not.
"""

import json
from pathlib import Path

from benches import common
from benches.common import OURS, Row

RESULTS = 1_000_000
WRITERS = 8
TASKS = 100_000
RUNS = 3

FILL = """\
import sys
from jug import _native
path, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store = _native.Store(path)
for i in range(first, first + count):
    store.save(_native.key(i), i, name="bench.nothing", started=1.7e9, duration=0.001)
store.close()
"""

ASK = """\
import json, resource, sys, time
from jug import _native
keys = [_native.key(i) for i in range(0, {results}, {results} // 100_000)]
held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
clock = time.perf_counter
began = clock()
store = _native.Store(sys.argv[1])
opened = clock()
assert store.contains(keys[7])
one = clock()
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
a_few = clock()
assert all(store.contains_many(keys[:1000]))
few = clock()
assert all(store.contains_many(keys))
many = clock()
assert all(store.contains_many(keys))
again = clock()
single = _native.Store(sys.argv[1])
each = clock()
for key in keys[:10_000]:
    single.contains(key)
looked = clock()
print(json.dumps(dict(open=opened - began, first=one - opened, memory=memory / 1024, few=few - a_few,
                      many=many - few, again=again - many, lookup=(looked - each) / 10_000)))
"""

PACK = """\
import json, resource, sys, time
from jug import _native
store = _native.Store(sys.argv[1])
began = time.perf_counter()
done = store.pack(all=True)
done["seconds"] = time.perf_counter() - began
done["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
store.close()
print(json.dumps(done))
"""


def fill(path: Path) -> None:
    """A million small results, of several workers."""
    for writer in range(WRITERS):
        count = RESULTS // WRITERS
        common.succeed(common.run([OURS, "-c", FILL, path, writer * count, count], path.parent))


def ask(path: Path) -> dict[str, float]:
    """The middle one of several runs of each question."""
    runs = []
    for _ in range(RUNS):
        done = common.succeed(common.run([OURS, "-c", ASK.format(results=RESULTS), path], path.parent))
        runs.append(json.loads(done.stdout))
    return {what: common.median(run[what] for run in runs) for what in runs[0]}


def status(scratch: Path) -> tuple[float, float]:
    """Seconds of `jug status` on finished tasks, before and after packing."""
    jugfile = scratch / "many.py"
    jugfile.write_text(
        "from jug import TaskGenerator\n\n\n@TaskGenerator\ndef nothing(i):\n    return i\n\n\n"
        f"results = [nothing(i) for i in range({TASKS})]\n"
    )
    jugdir = scratch / "many.jugdata"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    seconds = []
    for _ in range(2):
        runs = [common.succeed(common.jug(OURS, "status", jugfile, jugdir)) for _ in range(2 * RUNS - 1)]
        seconds.append(common.median(run.wall for run in runs))
        common.succeed(common.jug(OURS, "pack", jugfile, jugdir))
    return seconds[0], seconds[1]


def main() -> list[Row]:
    """Fills a jugdir, asks, packs it, asks again. The column of jug 2.7.0 has what was before the packing."""
    scratch = common.fresh("pack")
    path = scratch / "results"
    fill(path)
    before = ask(path)
    packed = json.loads(common.succeed(common.run([OURS, "-c", PACK, path], scratch)).stdout)
    after = ask(path)
    unpacked_status, packed_status = status(scratch)
    questions = (
        ("open a store of 1,000,000 results", "open", 1000, "ms"),
        ("its first answer", "first", 1000, "ms"),
        ("memory for that", "memory", 1, "MB"),
        ("one more key, alone", "lookup", 1e6, "us"),
        ("1,000 keys at once", "few", 1000, "ms"),
        ("100,000 keys at once, for the first time", "many", 1000, "ms"),
        ("the same keys again", "again", 1000, "ms"),
    )
    rows = [
        Row(what, before[name] * scale, after[name] * scale, unit) for what, name, scale, unit in questions
    ]
    rows.append(Row("pack 1,000,000 results", "", packed["seconds"], "s"))
    rows.append(Row("memory for that", "", packed["memory"], "MB"))
    rows.append(Row("bytes on disk", packed["bytes"][0] / 1e6, packed["bytes"][1] / 1e6, "MB"))
    rows.append(Row("files", packed["files"][0], packed["files"][1], ""))
    rows.append(Row("status of 100,000 finished tasks", unpacked_status, packed_status, "s"))
    return rows
