"""jug fsck: what it says of a store as a whole, and what --repair does about it."""

import os
import stat

from tests.support import mounts
from tests.support.damage import JOBS, snapshot


def test_a_sound_store_is_sound(finished):
    for packed in (False, True):
        if packed:
            finished("pack", "--force")
        before = snapshot(finished.folder / "jugfile.jugdata")
        done = finished("fsck")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "checked 9 results: 0 damaged, 0 unreadable; 0 orphaned files\n"
        assert snapshot(finished.folder / "jugfile.jugdata") == before


def test_nothing_there_is_nothing_damaged(jug):
    jug.write(JOBS)
    done = jug("fsck", "--jugdir", "nothing")
    missing, checked = done.stdout.splitlines()
    assert missing == "there is no jugdir nothing (yet)"
    assert checked == "checked 0 results: 0 damaged, 0 unreadable; 0 orphaned files"
    assert done.returncode == 0
    assert os.listdir(jug.folder) == ["jugfile.py"]


def test_a_store_that_may_only_be_read_can_be_checked(finished):
    jugdir = finished.folder / "jugfile.jugdata"
    everything = [jugdir, *jugdir.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = snapshot(jugdir)
    try:
        assert finished("fsck").returncode == 0
        assert snapshot(jugdir) == before
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_a_jugfile_that_raises_does_not_keep_the_store_from_being_checked(finished):
    source = finished.folder / "jugfile.py"
    source.write_text("raise ValueError('not today')\n" + source.read_text())
    done = finished("fsck")
    assert done.returncode == 0
    assert "checked 9 results" in done.stdout


def test_other_stores_cannot_be_checked(jug):
    jug.write(JOBS)
    done = jug("fsck", "--jugdir", "dict_store")
    assert done.returncode == 1
    assert done.stderr == "jug: error: this store cannot be checked: only a jugdir on a filesystem can\n"


def test_a_store_on_a_filesystem_that_is_mounted_read_only_can_be_checked(jug):
    """Looking changes nothing and needs no permission to write; repairing says in one line that it cannot."""
    jug.write(JOBS)
    with mounts.tmpfs(jug.folder / "disk", "size=8m") as disk:
        where = ("--jugdir", str(disk / "results"))
        assert jug("execute", *where).returncode == 0
        jug("pack", "--force", *where)
        (disk / "results" / "packs" / "1-host.4194305.0123456789ab-0.pack").write_bytes(b"left over")
        assert mounts.mount("-o", "remount,ro", disk).returncode == 0
        done = jug("fsck", *where)
        assert (done.returncode, done.stderr) == (0, "")
        assert "checked 9 results: 0 damaged, 0 unreadable; 1 orphaned files" in done.stdout
        assert jug("status", *where).returncode == 0
        assert jug("check", *where).returncode == 0
        done = jug("fsck", "--repair", *where)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert "Read-only file system" in line
        assert mounts.mount("-o", "remount,rw", disk).returncode == 0
        assert jug("fsck", "--repair", *where).returncode == 0
        assert "0 orphaned" in jug("fsck", *where).stdout
