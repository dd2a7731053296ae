"""A jugdir of 10,000 results that jug 2.7.0 wrote: taken over, loose and packed, and given back."""

import shutil
from pathlib import Path

from benches import common
from benches.common import OURS, Row

TASKS = 10_000
SECONDS = 5.0

JUGFILE = """\
from jug import TaskGenerator


@TaskGenerator
def described(n, name, options):
    return {{"n": n, "name": name, "values": [n / 7] * 20, **options}}


@TaskGenerator
def combined(before, record):
    return (before or 0) + record["n"]


records = [described(n, f"record {{n}}", {{"scale": n % 3, "tags": ["a", "b"]}}) for n in range({tasks} // 2)]
total = None
for n, record in enumerate(records):
    # The reference cannot check longer chains.
    total = combined(total if n % 100 else None, record)
"""


def main() -> list[Row]:
    """Half of the tasks depend on one another, in chains of a hundred."""
    reference, scratch = common.reference(), common.fresh("adopt")
    jugfile = scratch / "records.py"
    jugfile.write_text(JUGFILE.format(tasks=TASKS))
    old, packed = scratch / "old", scratch / "packed"
    written = common.succeed(common.jug(reference, "execute", jugfile, old))
    shutil.copytree(old, packed)
    common.succeed(common.jug(reference, "pack", jugfile, packed))
    rows = [Row(f"{TASKS} results written by jug 2.7.0", written.wall, "-", "s")]
    for name, source in (("loose", old), ("packed", packed)):
        taken = common.succeed(common.jug(OURS, "adopt", jugfile, scratch / f"new-{name}", str(source)))
        common.succeed(common.jug(OURS, "check", jugfile, scratch / f"new-{name}"))
        rows.append(Row(f"{TASKS} {name} results adopted", "-", taken.wall, "s", most=SECONDS))
        again = common.succeed(common.jug(OURS, "adopt", jugfile, scratch / f"new-{name}", str(source)))
        rows.append(Row("the same once more: nothing to adopt", "-", again.wall, "s"))
    rows.extend(exported(reference, jugfile, scratch))
    return rows


def exported(reference: Path, jugfile: Path, scratch: Path) -> list[Row]:
    """The way back, and whether the reference finds everything there."""
    back = common.succeed(
        common.jug(OURS, "adopt", jugfile, scratch / "new-loose", "--export", str(scratch / "back"))
    )
    check = common.succeed(common.jug(reference, "check", jugfile, scratch / "back"))
    return [
        Row(f"{TASKS} results exported", "-", back.wall, "s"),
        Row("check of what was exported: all complete", check.wall, "-", "s"),
    ]
