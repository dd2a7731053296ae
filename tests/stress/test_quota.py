"""A quota of a real filesystem that is used up: what makes room works."""

from __future__ import annotations

import errno
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS
from tests.support import mounts
from tests.support.texts import TASKS, columns, write_jugfile

QUOTA = 16 << 20


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
    """Stores until the quota says no."""
    with open(folder / "filler", "wb", buffering=0) as filler:
        size = 1 << 20
        while size:
            try:
                filler.write(bytes(size))
            except OSError as error:
                if error.errno != errno.EDQUOT:
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
def test_what_makes_room_works_where_a_quota_is_used_up(
    tmp_path: Path, size: int, commands: list[tuple[str, ...]]
) -> None:
    jugfile = write_jugfile(tmp_path, size)
    with quota(tmp_path) as folder:
        jugdir = folder / "results"
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        use_up(folder)
        full = common.jug(OURS, "status", jugfile, jugdir)
        assert columns(full)[3] == TASKS, "looking takes nothing"
        jugfile.write_text(jugfile.read_text().replace(f"range({TASKS})", "range(2)"))
        for command, *args in commands:
            done = common.jug(OURS, command, jugfile, jugdir, *args)
            assert done.exit_status == 0, (command, done.stderr)
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
