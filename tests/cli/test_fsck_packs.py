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
