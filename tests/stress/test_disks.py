"""Disks that fill up, run out of inodes or turn read-only: one clear line, and nothing stored is lost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS, Run
from tests.support import mounts
from tests.support.texts import TASKS, columns, write_jugfile


def failed(done: Run, jugdir: Path) -> None:
    """It said in a few lines what went wrong and where."""
    assert done.exit_status == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert str(jugdir) in done.stderr


@pytest.mark.parametrize("size", [30_000, 300_000], ids=["in segments", "in blobs"])
def test_a_full_filesystem_keeps_what_was_stored_and_goes_on_when_there_is_room(
    tmp_path: Path, size: int
) -> None:
    """S5: 2 MB for results that take more; larger afterwards."""
    jugfile = write_jugfile(tmp_path, size)
    with mounts.tmpfs(tmp_path / "small", "size=1m" if size < 100_000 else "size=2m") as disk:
        jugdir = disk / "results"
        failed(common.jug(OURS, "execute", jugfile, jugdir), jugdir)
        # Looking needs no room, and what counts as complete loads.
        complete = columns(common.succeed(common.jug(OURS, "status", jugfile, jugdir), 1))[3]
        assert 0 < complete < TASKS
        assert mounts.mount("-o", "remount,size=64m", disk).returncode == 0
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))
        program = (
            f"import jug; _, s = jug.init({str(jugfile)!r}, {str(jugdir)!r});"
            "print(all(jug.value(t) == t.f(*t.args) for t in s['results']))"
        )
        assert common.succeed(common.run([OURS, "-c", program], tmp_path)).stdout.split() == ["True"]


def test_a_filesystem_without_inodes_is_a_clear_error_and_costs_nothing(tmp_path: Path) -> None:
    """A quota on files, as filesystems in memory have one: each blob needs a file."""
    jugfile = write_jugfile(tmp_path, 300_000)
    with mounts.tmpfs(tmp_path / "few", "size=64m,nr_inodes=40") as disk:
        jugdir = disk / "results"
        failed(common.jug(OURS, "execute", jugfile, jugdir), jugdir)
        assert 0 < columns(common.succeed(common.jug(OURS, "status", jugfile, jugdir), 1))[3] < TASKS
        assert mounts.mount("-o", "remount,nr_inodes=1000", disk).returncode == 0
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))


@pytest.mark.parametrize(
    ("call", "when", "size"),
    [
        ("fdatasync", "1+", 2000),
        ("fdatasync", "4+", 300_000),
        ("mkdir", "10+", 300_000),
        ("linkat", "1+", 2000),
    ],
    ids=["records reach the disk", "blobs reach the disk", "folders of blobs", "the jugdir itself"],
)
def test_a_quota_that_is_used_up_is_a_clear_error_and_costs_nothing(
    tmp_path: Path, call: str, when: str, size: int
) -> None:
    """The kernel's answer is put in place of its own by strace: few machines have quotas to try.

    A network filesystem tells of a quota when data are synced, a local one when something is created.
    """
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    jugfile = write_jugfile(tmp_path, size)
    jugdir = tmp_path / "results"
    jug = [OURS.parent / "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile]
    inject = ["-e", f"trace={call}", "-e", f"inject={call}:error=EDQUOT:when={when}"]
    done = common.run(["strace", "-f", "-o", tmp_path / "trace.txt", *inject, *jug], tmp_path)
    failed(done, jugdir)
    assert "quota exceeded" in done.stderr
    assert "EDQUOT" in (tmp_path / "trace.txt").read_text()
    assert 0 <= columns(common.jug(OURS, "status", jugfile, jugdir))[3] < TASKS
    common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
    common.succeed(common.jug(OURS, "check", jugfile, jugdir))
    common.succeed(common.jug(OURS, "fsck", jugfile, jugdir))


def test_a_filesystem_that_turns_read_only_is_a_clear_error_and_can_be_looked_at(tmp_path: Path) -> None:
    """A computation is half done when it happens; all that is there can be read, and later it goes on."""
    jugfile = write_jugfile(tmp_path, 2000)
    with mounts.tmpfs(tmp_path / "disk", "size=8m") as disk:
        jugdir = disk / "results"
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir, JUG_MAX_TASKS="7"))
        assert mounts.mount("-o", "remount,ro", disk).returncode == 0
        failed(common.jug(OURS, "execute", jugfile, jugdir), jugdir)
        failed(common.jug(OURS, "invalidate", jugfile, jugdir, "--target", "texts.make"), jugdir)
        assert columns(common.succeed(common.jug(OURS, "status", jugfile, jugdir), 1))[3] == 7
        assert mounts.mount("-o", "remount,rw", disk).returncode == 0
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))


WAITING = """\
import os, time
from jug import TaskGenerator

@TaskGenerator
def step(i):
    open("begun", "w").close()
    while i == 3 and not os.path.exists("go"):
        time.sleep(0.01)
    return i

results = [step(i) for i in range(20)]
"""


def test_a_filesystem_that_is_to_turn_read_only_below_a_worker_loses_nothing(tmp_path: Path) -> None:
    """The kernel refuses while a worker has files open, or else the worker says so; the rest runs later."""
    jugfile = tmp_path / "waiting.py"
    jugfile.write_text(WAITING)
    with mounts.tmpfs(tmp_path / "disk", "size=8m") as disk:
        jugdir = disk / "results"
        worker = subprocess.Popen(
            [OURS.parent / "jug", "execute", "--will-cite", "--jugdir", jugdir, jugfile],
            cwd=tmp_path,
            env=common.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        while not (tmp_path / "begun").exists():
            assert worker.poll() is None
        refused = mounts.mount("-o", "remount,ro", disk).returncode != 0
        (tmp_path / "go").touch()
        _, err = worker.communicate(timeout=60)
        assert "Traceback" not in err
        assert worker.returncode == (0 if refused else 1)
        mounts.mount("-o", "remount,rw", disk)
        common.succeed(common.jug(OURS, "execute", jugfile, jugdir))
        common.succeed(common.jug(OURS, "check", jugfile, jugdir))
