"""What results take on the disk, in bytes."""

from pathlib import Path

from benches import common, drain
from benches.common import OURS

TASKS = 20_000
#: Bytes that any number of results may take together: the writes of a slow machine, names, headers.
AROUND = 200_000


def files(jugdir: Path) -> dict[str, int]:
    """The lengths of all files with records and indexes."""
    found = [path for folder in ("segments", "packs", "blobs") for path in (jugdir / folder).rglob("*.*")]
    return {path.name: path.stat().st_size for path in found}


def test_a_small_result_takes_less_than_eighty_bytes_on_disk(tmp_path: Path) -> None:
    """Ints, as `jug execute` leaves them, and as `jug pack` does with an index of them."""
    jugfile, jugdir = drain.write_jugfile(tmp_path, TASKS), tmp_path / "results"
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    executed = files(jugdir)
    assert len(executed) == 1, "nothing was written twice"
    assert sum(executed.values()) <= TASKS * 60 + AROUND, executed
    common.succeed(common.jug(OURS, "pack", jugfile, jugdir, "--force"))
    packed = files(jugdir)
    assert sum(packed.values()) <= TASKS * 72 + AROUND, packed
    assert {name.rpartition(".")[2] for name in packed} >= {"pack", "idx"}, packed
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
