"""The names of `jug.backends.file_store` that scripts of jug 2.7 use beside the store itself."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jug.backends import select
from jug.backends.file_store import (
    MAX_FILESIZE_IN_PACK,
    file_based_lock,
    file_keepalive_based_lock,
    file_keepalive_store,
    file_store,
    fsync_dir,
)

NAME = b"%064x" % 1


@pytest.mark.parametrize("kind", [file_based_lock, file_keepalive_based_lock])
def test_a_lock_can_be_made_of_a_jugdir_and_a_name(kind: type[file_based_lock], tmp_path: Path) -> None:
    """It is the lock that the store gives for that name, by text or bytes."""
    jugdir = str(tmp_path / "results")
    lock = kind(jugdir, NAME)
    same, other = kind(jugdir, NAME.decode()), kind(jugdir, b"%064x" % 2)
    assert lock.get()
    assert not same.get()
    assert same.is_locked()
    assert not other.is_locked()
    assert select(jugdir).getlock(NAME).is_locked()
    assert lock.fail()
    assert same.is_failed()
    lock.release()
    assert not same.is_locked()
    select(jugdir).close()


def test_a_keepalive_store_gives_keepalive_locks_that_need_no_process(tmp_path: Path) -> None:
    """Its monitor can be started and stopped, and the lock is held all the same."""
    store = file_keepalive_store(str(tmp_path / "results"))
    lock = store.getlock(NAME)
    assert type(lock) is file_keepalive_based_lock
    assert lock.get()
    lock.start_monitor()
    lock.stop_monitor()
    assert lock.is_locked()
    lock.release()
    assert not lock.is_locked()
    store.close()


def test_create_creates_the_jugdir_and_a_directory_for_files(tmp_path: Path) -> None:
    """The store works as before, and another process finds a jugdir there, and no result or lock."""
    path = tmp_path / "far" / "away"
    store = file_store(str(path))
    assert store.tempdir() == str(path / "tempfiles")
    assert not path.exists()
    store.create()
    store.create()
    assert Path(store.tempdir()).is_dir()
    another = file_store(str(path))
    assert list(another.list()) == list(another.listlocks()) == []
    store.dump("value", NAME)
    store.close()
    assert another.load(NAME) == "value" if another.can_load(NAME) else False
    another.close()


def test_the_directory_of_a_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a bare name; one that is missing is an error."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_ino))
    monkeypatch.chdir(tmp_path)
    fsync_dir(str(tmp_path / "file"))
    fsync_dir("file")
    assert synced == [tmp_path.stat().st_ino] * 2
    with pytest.raises(FileNotFoundError):
        fsync_dir(str(tmp_path / "none" / "file"))


def test_the_largest_packed_file_of_jug_2_7_is_known() -> None:
    """Scripts compare sizes with it."""
    assert MAX_FILESIZE_IN_PACK == 512


def test_results_of_workers_that_have_ended_can_be_packed(tmp_path: Path) -> None:
    """Once each; they stay what they are."""
    jugdir = str(tmp_path / "results")
    # A process of its own: results of a worker that runs are not packed.
    writes = f"""
import jug.backends.file_store as fs
store = fs.file_store({jugdir!r})
for n in range(10):
    store.dump(n, b"%064x" % n)
store.close()
"""
    subprocess.run([sys.executable, "-c", writes], check=True)
    store = file_store(jugdir)
    assert store.update_pack() == 10
    assert store.update_pack() == 0
    store.resave_pack()
    assert [store.load(b"%064x" % n) for n in range(10)] == list(range(10))
    store.close()


def test_closing_writes_before_it_releases_claims(tmp_path: Path) -> None:
    """C2: a worker that gets a claim that was given up by closing sees what was stored under it."""
    store, other = file_store(str(tmp_path / "d")), file_store(str(tmp_path / "d"))
    key = store.key_of(NAME)
    assert store.claims.claim([key]) == [True]
    store.dump(1, NAME)
    seen: list[bool] = []
    claims = store.claims

    class Watched:
        def close(self) -> None:
            claims.close()
            other.refresh()
            seen.append(other.can_load(NAME))

    store.claims = Watched()
    store.close()
    other.close()
    assert seen == [True]


def test_a_lock_says_which_it_is_as_in_jug_2_7(tmp_path):
    store = file_store(str(tmp_path / "jugdir"))
    assert store.getlock("mine").fullname == str(tmp_path / "jugdir" / "locks" / "mine.lock")
    assert store.getlock(b"mine").fullname == str(tmp_path / "jugdir" / "locks" / "mine.lock")
    store.close()
