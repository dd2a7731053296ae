"""jug fsck: segments that cannot be read on, are not finished, or are nobody's."""

import os
import time

import pytest

from tests.support.damage import JOBS, cut, flip, only, snapshot


def header_before(data: bytes, value: bytes) -> int:
    """Where the header of the record begins that a value is in, be it one of many."""
    return data.rindex(b"JUGr", 0, data.index(value))


#: How a segment is damaged so that it cannot be read on, and what is said of that.
_BROKEN = {
    "header": (lambda path: flip(path, header_before(path.read_bytes(), b"value 3") + 9), "damaged"),
    "cut": (lambda path: cut(path, 150), "unfinished"),
    "head": (lambda path: flip(path, 3), "damaged"),
}


@pytest.mark.parametrize("claims", ["posix", "link"])
@pytest.mark.parametrize("way", _BROKEN)
def test_a_segment_that_cannot_be_read_on_is_reported_and_runs_again_after_repair(jug, claims, way):
    """In link mode its worker has no file any more once it has left."""
    jug.write(JOBS)
    assert jug("execute", f"--claims={claims}").returncode == 0
    assert (os.listdir(jug.folder / "jugfile.jugdata" / "workers") == []) == (claims == "link")
    path = only(jug, "segments/*.seg")
    damage, word = _BROKEN[way]
    damage(path)
    # What was not written to its end was never stored, and is worth no warning.
    assert ("is damaged from byte" in jug("status").stderr) == (word == "damaged")
    before = snapshot(jug.folder / "jugfile.jugdata")
    done = jug("fsck")
    assert done.returncode == (word == "damaged")
    [line] = [line for line in done.stdout.splitlines() if line.startswith(word)]
    assert line.startswith(f"{word}: {path} at byte ")
    assert "checked 9 results" not in done.stdout
    assert snapshot(jug.folder / "jugfile.jugdata") == before
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
    path = only(jug, "segments/*.seg")
    while b"value" not in path.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    cut(path, 10)
    done = jug("fsck")
    assert (done.returncode, "unfinished" in done.stdout) == (0, False)
    worker.kill()
    worker.communicate()
    assert f"unfinished: {path} at byte " in jug("fsck").stdout


def test_a_segment_whose_worker_has_no_file_is_reported(finished):
    only(finished, "workers/*").unlink()
    segment = only(finished, "segments/*.seg")
    done = finished("fsck")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == f"ownerless: {segment}: its worker has no file; it counts"
    assert finished("check").returncode == 0


def test_records_that_were_all_removed_are_reported_and_what_is_left_of_large_results_stays(finished):
    """Somebody emptied the directory of the segments: without records nobody knows what the blobs are."""
    jugdir = finished.folder / "jugfile.jugdata"
    for path in jugdir.glob("segments/*"):
        path.unlink()
    blobs = sorted(jugdir.glob("blobs/*/*"))
    done = finished("fsck", "--repair")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0].startswith(f"damaged: {jugdir / 'segments'} is empty, and was not: ")
    assert sorted(jugdir.glob("blobs/*/*")) == blobs
    assert finished("execute").returncode == 0
    assert finished("fsck").returncode == 0


def test_small_results_that_were_all_removed_are_reported(jug):
    jug.write("from jug import Task\n\ndef one():\n    return 1\n\nTask(one)\n")
    assert jug("fsck").returncode == 0
    assert jug("execute").returncode == 0
    assert jug("fsck").returncode == 0
    for path in (jug.folder / "jugfile.jugdata").glob("segments/*"):
        path.unlink()
    assert "is empty, and was not" in jug("fsck").stdout


def test_a_jugdir_without_its_format_gets_advice(finished):
    (finished.folder / "jugfile.jugdata" / "FORMAT").unlink()
    done = finished("status")
    assert done.returncode == 1
    assert "a jugdir whose file FORMAT is missing" in done.stderr
    assert "from a backup" in done.stderr
