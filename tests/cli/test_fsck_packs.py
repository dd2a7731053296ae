"""jug fsck: packs and manifests that are damaged or missing."""

import pytest

from tests.support.damage import JOBS, flip, only, snapshot


def test_a_pack_that_is_missing_is_reported_and_no_longer_expected_after_repair(finished):
    finished("pack", "--force")
    path = only(finished, "packs/*.pack")
    path.unlink()
    done = finished("fsck")
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"damaged: {path} at byte 0: it is missing"
    repaired = finished("fsck", "--repair")
    assert repaired.returncode == 1
    assert "1 packs are missing or cannot be read, and nothing expects them any more" in repaired.stdout
    assert "kept the damaged files" not in repaired.stdout
    assert not (finished.folder / "jugfile.jugdata" / "quarantine").exists()
    done = finished("fsck")
    assert (done.returncode, done.stdout) == (
        0,
        "checked 0 results: 0 damaged, 0 unreadable; 0 orphaned files\n",
    )
    assert finished("execute", "--short", "--will-cite").stdout.startswith("Executed:  9 tasks\n")
    finished("pack", "--force")
    done = finished("fsck")
    assert (done.returncode, "checked 9 results" in done.stdout) == (0, True)


def test_a_manifest_that_cannot_be_read_is_named_and_rebuilt_by_repair(finished):
    finished("pack", "--force")
    path = only(finished, "packs/MANIFEST-*")
    half = len(path.read_bytes()) // 2
    flip(path, half // 2)
    flip(path, half + half // 2)
    for command in ("status", "execute", "check"):
        done = finished(command)
        assert done.returncode == 1
        [line] = done.stderr.splitlines()
        assert str(path) in line
        assert "'jug fsck --repair'" in line
    before = snapshot(finished.folder / "jugfile.jugdata")
    done = finished("fsck")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(f"damaged: {path}: ")
    assert snapshot(finished.folder / "jugfile.jugdata") == before
    repaired = finished("fsck", "--repair")
    assert repaired.returncode == 1
    assert "made a new manifest of all packs that are there (1)" in repaired.stdout
    assert (finished.folder / "jugfile.jugdata" / "quarantine" / path.name).exists()
    assert finished("fsck").returncode == 0
    assert finished("check").returncode == 0


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("claims", ["posix", "link"])
def test_a_manifest_that_is_missing_costs_nothing_and_is_rebuilt_by_repair(jug, claims, earlier):
    for jobs in (JOBS, JOBS.replace("range(6)", "range(9)")):
        jug.write(jobs)
        assert jug("execute", f"--claims={claims}").returncode == 0
        assert jug("pack", "--force").returncode == 0
    packs = jug.folder / "jugfile.jugdata" / "packs"
    manifests = sorted(packs.glob("MANIFEST-*"))
    for manifest in manifests[-1:] if earlier else manifests:
        manifest.unlink()
    found = jug("fsck")
    assert found.returncode == 1
    assert f"damaged: {packs / 'MANIFEST-2'}: it is missing" in found.stdout
    refused = jug("pack", "--force")
    assert refused.returncode == 1
    assert "run 'jug fsck --repair' first" in refused.stderr
    assert jug("fsck", "--repair").returncode == 1
    assert jug("fsck").returncode == 0
    assert jug("check").returncode == 0


@pytest.mark.parametrize("kind", [1, 9, 10], ids=["name", "origin", "batch"])
def test_a_damaged_header_in_a_pack_is_reported_by_all_and_mended_by_repair(finished, kind):
    finished("pack", "--force")
    path = only(finished, "packs/*.pack")
    data = path.read_bytes()
    # The fourth and the fifth byte of a record are its version and its kind.
    at = data.index(b"JUGr" + bytes([1, kind]))
    flip(path, at + 12)
    found = finished("fsck")
    what = "the header of a batch of 6 results is damaged" if kind == 10 else "a record's header is damaged"
    assert found.returncode == 1
    assert found.stdout.splitlines() == [
        f"damaged: {path} at byte {at}: {what}",
        "checked 9 results: 1 damaged, 0 unreadable; 0 orphaned files",
    ]
    before = path.read_bytes()
    packed = finished("pack", "--force")
    is_left = "left 1 files that are damaged or cannot be read now ('jug fsck' says more)" in packed.stdout
    # Where there is nothing to pack, the headers of names and the like are not read.
    assert is_left is (kind == 10)
    assert path.read_bytes() == before
    # Where there is, they are.
    finished.write(JOBS.replace("range(6)", "range(7)"))
    assert finished("execute").returncode == 0
    packed = finished("pack", "--force")
    assert "left 1 files that are damaged or cannot be read now ('jug fsck' says more)" in packed.stdout
    assert path.read_bytes() == before
    repaired = finished("fsck", "--repair")
    assert repaired.returncode == 1
    assert "made 0 tasks runnable again" in repaired.stdout
    assert (finished.folder / "jugfile.jugdata" / "quarantine" / path.name).read_bytes() == before
    # Without its index, the pack is read from its beginning to its end.
    only(finished, "packs/*.idx").unlink()
    found = finished("fsck")
    assert "checked 11 results: 1 damaged" in found.stdout
    finished("pack", "--force")
    found = finished("fsck")
    assert (found.returncode, found.stdout) == (
        0,
        "checked 11 results: 0 damaged, 0 unreadable; 0 orphaned files\n",
    )
    assert finished("check").returncode == 0
    assert finished("execute", "--short", "--will-cite").stdout.startswith("Executed:  0 tasks\n")
