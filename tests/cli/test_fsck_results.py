"""jug fsck: results that are damaged, and those of which no value can be made."""

import pytest

from tests.support.damage import flip, only


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("with_jugfile", [False, True])
def test_a_damaged_record_is_named_and_runs_again_after_repair(finished, packed, with_jugfile):
    if packed:
        finished("pack", "--force")
    path = only(finished, "packs/*.pack" if packed else "segments/*.seg")
    flip(path, path.read_bytes().index(b"value 3") + 2)
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
    flip(blob, 5000)
    done = finished("fsck")
    assert done.returncode == 1
    assert done.stdout.startswith("damaged: jugfile.large (")
    assert blob.name in done.stdout
    finished("fsck", "--repair")
    assert finished("fsck").returncode == 0
    assert finished("execute", "--short", "--will-cite").stdout.startswith("Executed:  1 tasks\n")


def test_what_cannot_be_decoded_is_distinguished_from_what_needs_other_classes(jug):
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


def test_a_length_that_no_file_has_takes_no_memory(finished):
    blob = next((finished.folder / "jugfile.jugdata" / "blobs").rglob("*-*"))
    with open(blob, "r+b") as file:
        file.truncate(1 << 42)  # A hole of four terabytes.
    done = finished("fsck")
    assert done.returncode == 1
    assert "another length" in done.stdout
