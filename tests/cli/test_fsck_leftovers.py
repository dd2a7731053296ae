"""jug fsck: what dead workers left, files and claims."""

import os
import time

from tests.support.damage import snapshot


def test_orphans_are_reported_and_removed_with_repaironly(finished):
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


def test_claims_of_dead_workers_are_reported_and_removed_by_repair(jug):
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
    before = snapshot(claims)
    done = jug("fsck")
    assert done.returncode == 0
    assert done.stdout.startswith("abandoned: jugfile.waits (")
    assert snapshot(claims) == before
    assert "removed 1 claims of dead workers" in jug("fsck", "--repair").stdout
    assert "abandoned" not in jug("fsck").stdout
    assert not any(path.is_file() for path in claims.rglob("*"))
