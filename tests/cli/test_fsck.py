"""jug fsck: what it finds, what it says, and what --repair does about it."""

import os
import stat
import time

import pytest

from tests.stress import mounts

JOBS = """
    from jug import TaskGenerator

    @TaskGenerator
    def small(x):
        return "value %d" % x * 20

    @TaskGenerator
    def large(x):
        import hashlib
        return hashlib.shake_128(b"%d" % x).digest(100_000)

    @TaskGenerator
    def join(parts, more):
        return len(parts), len(more)

    parts = [small(i) for i in range(6)]
    more = [large(i) for i in range(2)]
    total = join(parts, more)
"""


def _only(jug, pattern):
    [path] = (jug.folder / "jugfile.jugdata").glob(pattern)
    return path


def _flip(path, at, mask=0x20):
    data = bytearray(path.read_bytes())
    data[at] ^= mask
    path.write_bytes(data)


def _snapshot(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def finished(jug):
    jug.write(JOBS)
    assert jug("execute").returncode == 0
    return jug


def test_a_sound_store_is_sound(finished):
    for packed in (False, True):
        if packed:
            finished("pack")
        before = _snapshot(finished.folder / "jugfile.jugdata")
        done = finished("fsck")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "checked 9 results: 0 damaged, 0 unreadable; 0 orphaned files\n"
        assert _snapshot(finished.folder / "jugfile.jugdata") == before


def test_nothing_there_is_nothing_damaged(jug):
    done = jug("fsck", "--jugdir", "nothing")
    missing, checked = done.stdout.splitlines()
    assert missing == "there is no jugdir nothing (yet)"
    assert checked == "checked 0 results: 0 damaged, 0 unreadable; 0 orphaned files"
    assert done.returncode == 0
    assert os.listdir(jug.folder) == []


def _cut(path, size):
    os.truncate(path, path.stat().st_size - size)


#: How a segment is damaged so that it cannot be read on, and what is said of that.
_BROKEN = {
    "header": (lambda path: _flip(path, path.read_bytes().index(b"value 3") - 40), "damaged"),
    "cut": (lambda path: _cut(path, 150), "unfinished"),
    "head": (lambda path: _flip(path, 3), "damaged"),
}


@pytest.mark.parametrize("claims", ["posix", "link"])
@pytest.mark.parametrize("way", _BROKEN)
def test_a_segment_that_cannot_be_read_on_is_told_and_runs_again_after_repair(jug, claims, way):
    """In link mode its worker has no file any more once it has left."""
    jug.write(JOBS)
    assert jug("execute", f"--claims={claims}").returncode == 0
    assert (os.listdir(jug.folder / "jugfile.jugdata" / "workers") == []) == (claims == "link")
    path = _only(jug, "segments/*.seg")
    damage, word = _BROKEN[way]
    damage(path)
    before = _snapshot(jug.folder / "jugfile.jugdata")
    done = jug("fsck")
    assert done.returncode == (word == "damaged")
    [line] = [line for line in done.stdout.splitlines() if line.startswith(word)]
    assert line.startswith(f"{word}: {path} at byte ")
    assert "checked 9 results" not in done.stdout
    assert _snapshot(jug.folder / "jugfile.jugdata") == before
    jug("fsck", "--repair")
    quarantined = jug.folder / "jugfile.jugdata" / "quarantine" / path.name
    assert quarantined.exists() == (word == "damaged")
    done = jug("fsck")
    assert (done.returncode, word in done.stdout.replace("0 damaged", "")) == (0, False)
    ran = jug("execute", "--short", "--will-cite").stdout
    assert ran.startswith("Executed:  ")
    assert not ran.startswith("Executed:  0 ")
    done = jug("fsck")
    assert (done.returncode, "checked 9 results" in done.stdout) == (0, True)
    assert jug("check").returncode == 0


def test_the_end_of_a_worker_that_may_write_on_is_no_damage(jug):
    """In link mode: half a record of a worker that has a file, and whose heart beats."""
    jug.write("""
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def first():
            return "value" * 20

        @TaskGenerator
        def waits(x):
            open("begun", "w").close()
            time.sleep(60)

        waits(first())
    """)
    worker = jug.start("execute", "--claims=link")
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    path = _only(jug, "segments/*.seg")
    while b"value" not in path.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    _cut(path, 10)
    done = jug("fsck")
    assert (done.returncode, "unfinished" in done.stdout) == (0, False)
    worker.kill()
    worker.communicate()
    assert f"unfinished: {path} at byte " in jug("fsck").stdout


def test_a_pack_that_is_missing_is_told_and_no_longer_expected_after_repair(finished):
    finished("pack")
    path = _only(finished, "packs/*.pack")
    path.unlink()
    done = finished("fsck")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"damaged: {path} at byte 0: it is missing"
    repaired = finished("fsck", "--repair")
    assert repaired.returncode == 1
    assert "1 packs are missing, and nothing expects them any more" in repaired.stdout
    assert "kept the damaged files" not in repaired.stdout
    assert not (finished.folder / "jugfile.jugdata" / "quarantine").exists()
    done = finished("fsck")
    assert (done.returncode, done.stdout) == (
        0,
        "checked 0 results: 0 damaged, 0 unreadable; 0 orphaned files\n",
    )
    assert finished("execute", "--short", "--will-cite").stdout.startswith("Executed:  9 tasks\n")
    finished("pack")
    done = finished("fsck")
    assert (done.returncode, "checked 9 results" in done.stdout) == (0, True)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("with_jugfile", [False, True])
def test_a_damaged_record_is_named_and_runs_again_after_repair(finished, packed, with_jugfile):
    if packed:
        finished("pack")
    path = _only(finished, "packs/*.pack" if packed else "segments/*.seg")
    _flip(path, path.read_bytes().index(b"value 3") + 2)
    source = (finished.folder / "jugfile.py").read_text()
    if not with_jugfile:
        (finished.folder / "jugfile.py").unlink()
    done = finished("fsck", "--jugdir", "jugfile.jugdata")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("damaged: jugfile.small (")
    assert path.name in first
    assert "checksum" in first
    assert done.stdout.endswith(
        "8 results: 1 damaged, 0 unreadable; 0 orphaned files\n"
    ) or done.stdout.endswith("9 results: 1 damaged, 0 unreadable; 0 orphaned files\n")
    repaired = finished("fsck", "--jugdir", "jugfile.jugdata", "--repair")
    assert repaired.returncode == 1
    assert "made 1 tasks runnable again" in repaired.stdout
    assert (finished.folder / "jugfile.jugdata" / "quarantine" / path.name).exists()
    assert finished("fsck", "--jugdir", "jugfile.jugdata").returncode == 0
    (finished.folder / "jugfile.py").write_text(source)
    assert finished("status", "--short").stdout.startswith("1 tasks waiting to be run, 0 failed, 8 complete")
    assert finished("execute", "--short", "--will-cite").stdout.startswith(
        "Executed:  1 tasks\nLoaded:  8 tasks\n"
    )


def test_a_damaged_blob_is_named_and_runs_again_after_repair(finished):
    blob = next((finished.folder / "jugfile.jugdata" / "blobs").rglob("*-*"))
    _flip(blob, 5000)
    done = finished("fsck")
    assert done.returncode == 1
    assert done.stdout.startswith("damaged: jugfile.large (")
    assert blob.name in done.stdout
    finished("fsck", "--repair")
    assert finished("fsck").returncode == 0
    assert finished("execute", "--short", "--will-cite").stdout.startswith("Executed:  1 tasks\n")


def test_what_cannot_be_decoded_is_told_from_what_needs_other_classes(jug):
    jug.write("""
        from jug import TaskGenerator

        class Point:
            def __init__(self, x):
                self.x = x

        @TaskGenerator
        def point(x):
            return Point(x)

        points = [point(i) for i in range(3)]
    """)
    jug("execute")
    assert jug("fsck").returncode == 0
    source = jug.folder / "jugfile.py"
    source.write_text(source.read_text().replace("Point", "Pixel"))
    done = jug("fsck")
    assert done.returncode == 1
    assert done.stdout.count("unreadable: jugfile.point (") == 3
    assert "0 damaged, 3 unreadable" in done.stdout
    source.unlink()
    done = jug("fsck", "--jugdir", "jugfile.jugdata")
    assert done.returncode == 0
    assert "3 results need classes that are not here" in done.stdout


def test_orphans_are_told_and_removed_with_repair_only(finished):
    jugdir = finished.folder / "jugfile.jugdata"
    [worker] = os.listdir(jugdir / "workers")
    orphans = [
        jugdir / "blobs" / "00" / f"{'0' * 62}.{worker}-77",
        jugdir / "blobs" / "00" / f".{worker}-78-{'f' * 32}",
        jugdir / "packs" / f"1-{worker}-0.pack",
        jugdir / "workers" / ".host.4194305.0123456789ab",
    ]
    (jugdir / "blobs" / "00").mkdir(exist_ok=True)
    for path in orphans:
        path.write_bytes(b"left over")
    done = finished("fsck")
    assert done.returncode == 0
    for path in orphans:
        assert f"orphaned: {path} (9 bytes)" in done.stdout
        assert path.exists()
    assert "removed 4 orphaned files" in finished("fsck", "--repair").stdout
    assert not any(path.exists() for path in orphans)
    assert finished("check").returncode == 0


def test_a_store_that_may_only_be_read_can_be_checked(finished):
    jugdir = finished.folder / "jugfile.jugdata"
    everything = [jugdir, *jugdir.rglob("*")]
    for path in everything:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = _snapshot(jugdir)
    try:
        assert finished("fsck").returncode == 0
        assert _snapshot(jugdir) == before
    finally:
        for path in everything:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_a_jugfile_that_raises_does_not_keep_the_store_from_being_checked(finished):
    source = finished.folder / "jugfile.py"
    source.write_text("raise ValueError('not today')\n" + source.read_text())
    done = finished("fsck")
    assert done.returncode == 0
    assert "checked 9 results" in done.stdout


def test_a_length_that_no_file_has_takes_no_memory(finished):
    blob = next((finished.folder / "jugfile.jugdata" / "blobs").rglob("*-*"))
    with open(blob, "r+b") as file:
        file.truncate(1 << 42)  # A hole of four terabytes.
    done = finished("fsck")
    assert done.returncode == 1
    assert "another length" in done.stdout


def test_other_stores_cannot_be_checked(jug):
    jug.write(JOBS)
    done = jug("fsck", "--jugdir", "dict_store")
    assert done.returncode == 1
    assert done.stderr == "jug: error: this store cannot be checked: only a jugdir on a filesystem can\n"


def test_a_manifest_that_cannot_be_read_is_named_and_made_anew_by_repair(finished):
    finished("pack")
    path = _only(finished, "packs/MANIFEST-*")
    half = len(path.read_bytes()) // 2
    _flip(path, half // 2)
    _flip(path, half + half // 2)
    for command in ("status", "execute", "check"):
        done = finished(command)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert str(path) in line
        assert "'jug fsck --repair'" in line
    before = _snapshot(finished.folder / "jugfile.jugdata")
    done = finished("fsck")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"damaged: {path}: ")
    assert _snapshot(finished.folder / "jugfile.jugdata") == before
    repaired = finished("fsck", "--repair")
    assert repaired.returncode == 1
    assert "made a new manifest of all packs that are there (1)" in repaired.stdout
    assert (finished.folder / "jugfile.jugdata" / "quarantine" / path.name).exists()
    assert finished("fsck").returncode == 0
    assert finished("check").returncode == 0


@pytest.mark.parametrize("earlier", [False, True])
def test_a_manifest_that_is_missing_costs_nothing_and_is_made_anew_by_repair(finished, earlier):
    finished("pack")
    finished.write(JOBS.replace("range(6)", "range(9)"))
    finished("execute")
    assert finished("pack").returncode == 0
    packs = finished.folder / "jugfile.jugdata" / "packs"
    manifests = sorted(packs.glob("MANIFEST-*"))
    for manifest in manifests[-1:] if earlier else manifests:
        manifest.unlink()
    found = finished("fsck")
    assert found.returncode == 1
    assert f"damaged: {packs / 'MANIFEST-2'}: it is missing" in found.stdout
    refused = finished("pack")
    assert refused.returncode == 1
    assert "run 'jug fsck --repair' first" in refused.stderr
    assert finished("fsck", "--repair").returncode == 1
    assert finished("fsck").returncode == 0
    assert finished("check").returncode == 0


def test_a_segment_whose_worker_has_no_file_is_told(finished):
    _only(finished, "workers/*").unlink()
    segment = _only(finished, "segments/*.seg")
    done = finished("fsck")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"ownerless: {segment}: its worker has no file; it counts"
    assert finished("check").returncode == 0


def test_claims_of_dead_workers_are_told_and_removed_by_repair(jug):
    jug.write("""
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def waits():
            open("begun", "w").close()
            time.sleep(60)

        waits()
    """)
    worker = jug.start("execute", "--claims=link")
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    claims = jug.folder / "jugfile.jugdata" / "claims"
    assert jug("fsck").stdout.count("abandoned: ") == 0
    worker.kill()
    worker.communicate()
    before = _snapshot(claims)
    done = jug("fsck")
    assert done.returncode == 0
    assert done.stdout.startswith("abandoned: jugfile.waits (")
    assert _snapshot(claims) == before
    assert "removed 1 claims of dead workers" in jug("fsck", "--repair").stdout
    assert "abandoned" not in jug("fsck").stdout
    assert not any(path.is_file() for path in claims.rglob("*"))


def test_a_store_on_a_filesystem_that_is_mounted_read_only_can_be_checked(jug):
    """Looking changes nothing and needs no permission to write; repairing says in one line that it cannot."""
    jug.write(JOBS)
    with mounts.tmpfs(jug.folder / "disk", "size=8m") as disk:
        where = ("--jugdir", str(disk / "results"))
        assert jug("execute", *where).returncode == 0
        jug("pack", *where)
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
