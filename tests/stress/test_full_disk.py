"""A disk without a byte free: what makes room works, and what needs some says how much."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS
from tests.support import mounts
from tests.support.texts import TASKS, columns, write_jugfile


def fill(disk: Path) -> None:
    """Takes every byte that is left."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        size = 1024 * 1024
        while size:
            try:
                if filler.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2
    assert shutil.disk_usage(disk).free == 0


@pytest.mark.parametrize("size", [300_000, 30_000], ids=["in blobs", "in segments"])
@pytest.mark.parametrize(
    "commands",
    [
        [("invalidate", "--name", "texts.make"), ("cleanup",)],
        [("cleanup",)],
        [("fsck", "--repair"), ("cleanup", "--force"), ("fsck", "--repair")],
    ],
    ids=["invalidate", "cleanup", "fsck"],
)
def test_what_makes_room_works_where_no_byte_is_free(
    tmp_path: Path, size: int, commands: list[tuple[str, ...]]
) -> None:
    """Results that nobody asks for any more go, the others stay, and there is room again."""
    jugfile = write_jugfile(tmp_path, size)
    with mounts.tmpfs(tmp_path / "small", "size=16m") as disk:
        jugdir = disk / "results"
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        fill(disk)
        # It asks for little of that from now on.
        jugfile.write_text(jugfile.read_text().replace(f"range({TASKS})", "range(2)"))
        for command, *args in commands:
            done = common.jug(OURS, command, jugfile, jugdir, *args)
            assert done.exit_status == 0, done.stderr
        assert shutil.disk_usage(disk).free > size * (TASKS - 3)
        is_invalid = commands[0][0] == "invalidate"
        assert columns(common.jug(OURS, "status", jugfile, jugdir))[3] == (0 if is_invalid else 2)
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "fsck", jugfile, jugdir))


def test_a_marked_failure_is_cleared_where_no_byte_is_free(tmp_path: Path) -> None:
    """`cleanup --failed-only` writes a few bytes, too."""
    jugfile = tmp_path / "fails.py"
    jugfile.write_text("from jug import Task\n\ndef fail():\n    return 1 / 0\n\nTask(fail)\n")
    with mounts.tmpfs(tmp_path / "small", "size=1m") as disk:
        jugdir = disk / "results"
        assert common.jug(OURS, "execute", jugfile, jugdir, "--keep-failed").exit_status == 1
        fill(disk)
        common.succeed(common.jug(OURS, "cleanup", jugfile, jugdir, "--failed-only"))
        assert columns(common.jug(OURS, "status", jugfile, jugdir))[:3] == [0, 0, 1]


def test_pack_packs_what_fits_and_says_what_the_rest_needs(tmp_path: Path) -> None:
    """Of many small segments and a large one first those are packed for which there is room, then all."""
    jugfile = write_jugfile(tmp_path, 1000)
    jugfile.write_text(jugfile.read_text().replace("make(i, 500)", "make(i, 500 if i < 12 else 20_000)"))
    with mounts.tmpfs(tmp_path / "disk", "size=16m") as disk:
        jugdir = disk / "results"
        for _ in range(12):
            common.succeed(common.jug(OURS, "execute", jugfile, jugdir, JUG_MAX_TASKS="1"))
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        fill(disk)
        done = common.jug(OURS, "pack", jugfile, jugdir)
        assert done.exit_status == 0, done.stderr
        assert "left 1 files because the disk is full: to pack the largest needs 1.1 MB" in done.stdout
        assert len(list(jugdir.glob("segments/*.seg"))) == 1
        done = common.jug(OURS, "pack", jugfile, jugdir)
        assert done.exit_status == 1
        assert "Packed 0 objects" in done.stdout
        assert "left 1 files because the disk is full" in done.stdout
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))
