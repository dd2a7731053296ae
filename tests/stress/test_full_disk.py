"""Disks without a byte free, and quotas used up: what makes room works, what needs some says how much."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS
from tests.support import mounts
from tests.support.texts import TASKS, columns, write_jugfile

QUOTA = 16 << 20


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A filesystem of 16 MB."""
    with mounts.tmpfs(folder / "disk", "size=16m") as disk:
        yield disk


@contextmanager
def quota(folder: Path) -> Iterator[Path]:
    """A directory in which 16 MB may be stored, on a filesystem with much more room."""
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("there is no mkfs.btrfs")
    image = folder / "image"
    with open(image, "wb") as file:
        file.truncate(512 << 20)
    subprocess.run(["mkfs.btrfs", "--quiet", image], check=True, capture_output=True)
    disk = folder / "disk"
    with mounts.mounted("mount", "-t", "btrfs", "-o", "loop", image, where=disk):
        for command in (
            ["quota", "enable", disk],
            ["subvolume", "create", disk / "mine"],
            ["qgroup", "limit", str(QUOTA), disk / "mine"],
        ):
            subprocess.run(["btrfs", *command], check=True, capture_output=True)
        yield disk / "mine"


def use_up(folder: Path) -> None:
    """Takes every byte that may be had there."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        size = 1 << 20
        while size:
            try:
                if filler.write(bytes(size)) < size:
                    size //= 2
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                size //= 2


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
@pytest.mark.parametrize("limited", [small_disk, quota], ids=["disk", "quota"])
def test_what_makes_room_works_where_no_byte_is_free(
    tmp_path: Path,
    limited: Callable[[Path], AbstractContextManager[Path]],
    size: int,
    commands: list[tuple[str, ...]],
) -> None:
    """Results that nobody asks for any more go, the others stay, and there is room again."""
    jugfile = write_jugfile(tmp_path, size)
    with limited(tmp_path) as folder:
        jugdir = folder / "results"
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        use_up(folder)
        # What is free of a disk says nothing of a quota.
        assert limited is quota or shutil.disk_usage(folder).free == 0
        full = common.jug(OURS, "status", jugfile, jugdir)
        assert columns(full)[3] == TASKS, "looking takes nothing"
        # It asks for little of that from now on.
        jugfile.write_text(jugfile.read_text().replace(f"range({TASKS})", "range(2)"))
        for command, *args in commands:
            done = common.jug(OURS, command, jugfile, jugdir, *args)
            assert done.exit_status == 0, (command, done.stderr)
        assert limited is quota or shutil.disk_usage(folder).free > size * (TASKS - 3)
        is_invalid = commands[0][0] == "invalidate"
        assert columns(common.jug(OURS, "status", jugfile, jugdir))[3] == (0 if is_invalid else 2)
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "fsck", jugfile, jugdir))


def test_a_worker_says_that_the_quota_is_used_up_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    jugfile = write_jugfile(tmp_path, 300_000)
    with quota(tmp_path) as folder:
        jugdir = folder / "results"
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir, JUG_MAX_TASKS="2"))
        use_up(folder)
        done = common.jug(OURS, "execute", jugfile, jugdir)
        assert done.exit_status == 1
        assert "quota exceeded" in done.stderr
        assert "Traceback" not in done.stderr
        (folder / "filler").unlink()
        subprocess.run(["sync", "-f", folder], check=True)
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))
        common.succeed(common.jug(OURS, "fsck", jugfile, jugdir))


def test_a_marked_failure_is_cleared_where_no_byte_is_free(tmp_path: Path) -> None:
    """`cleanup --failed-only` writes a few bytes, too."""
    jugfile = tmp_path / "fails.py"
    jugfile.write_text("from jug import Task\n\ndef fail():\n    return 1 / 0\n\nTask(fail)\n")
    with mounts.tmpfs(tmp_path / "small", "size=1m") as disk:
        jugdir = disk / "results"
        assert common.jug(OURS, "execute", jugfile, jugdir, "--keep-failed").exit_status == 1
        use_up(disk)
        assert shutil.disk_usage(disk).free == 0
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
        use_up(disk)
        assert shutil.disk_usage(disk).free == 0
        done = common.jug(OURS, "pack", jugfile, jugdir)
        assert done.exit_status == 0, done.stderr
        assert "left 1 files because the disk is full: to pack the largest needs 1.1 MB" in done.stdout
        assert len(list(jugdir.glob("segments/*.seg"))) == 1
        done = common.jug(OURS, "pack", jugfile, jugdir)
        assert done.exit_status == 1
        assert "Packed 0 objects" in done.stdout
        assert "left 1 files because the disk is full" in done.stdout
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))
