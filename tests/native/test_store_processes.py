"""The store among processes: forks, kills, full disks, read-only directories, damage."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from jug import _native


def key(number: int) -> bytes:
    """A key for tests: any 32 bytes will do."""
    return bytes([number]) * 32


def run(program: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", program, *args], capture_output=True, text=True, timeout=60, check=False
    )


def in_child(act: object) -> int:
    """Forks, calls `act` in the child, and returns the child's exit status."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            act()  # type: ignore[operator]
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_child_reads_and_does_not_write(tmp_path: Path) -> None:
    """What was flushed is there; writing is refused; closing and dropping do nothing to the parent."""
    jugdir = str(tmp_path / "jugdata")
    store = _native.Store(jugdir)
    store.save(key(1), "one")
    store.flush()
    segment = next((tmp_path / "jugdata" / "segments").iterdir())
    before = segment.read_bytes()

    def child() -> None:
        assert store.load(key(1)) == "one"
        for write in (
            lambda: store.save(key(2), "two"),
            lambda: store.remove([key(1)]),
            lambda: store.save_failure(key(2), {}),
        ):
            with pytest.raises(RuntimeError, match="fork"):
                write()
        store.flush()
        store.sync()
        store.close()
        assert segment.read_bytes() == before

    assert in_child(child) == 0
    store.save(key(2), "two")
    store.close()
    assert sorted(_native.Store(jugdir).keys()) == [key(1), key(2)]


def test_a_forked_child_follows_its_parent(tmp_path: Path) -> None:
    """Records that the parent writes after the fork reach the child's refresh."""
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(key(1), "one")
    store.flush()
    ready, written = os.pipe(), os.pipe()

    def child() -> None:
        os.write(ready[1], b"x")
        os.read(written[0], 1)
        assert store.refresh() == [(key(2), "result")]
        assert store.load(key(2)) == "two"
        assert store.damage()["records"] == 0

    def parent() -> None:
        os.read(ready[0], 1)
        store.save(key(2), "two")
        store.flush()
        os.write(written[1], b"x")

    thread = threading.Thread(target=parent)
    pid = os.fork()
    if pid == 0:
        try:
            child()
        except BaseException:
            os._exit(1)
        os._exit(0)
    thread.start()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    thread.join()


def test_nothing_that_was_flushed_is_lost_by_kill_9(tmp_path: Path) -> None:
    """The next process finds it all, and no damage."""
    jugdir = str(tmp_path / "jugdata")
    program = (
        "import os, signal, sys; from jug import _native; s = _native.Store(sys.argv[1])\n"
        "for n in range(100): s.save(bytes([n]) * 32, n)\n"
        "s.flush(); s.save(bytes([200]) * 32, 'perhaps'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert run(program, jugdir).returncode == -signal.SIGKILL
    store = _native.Store(jugdir)
    assert [store.load(key(n)) for n in range(100)] == list(range(100))
    assert store.damage() == {"records": 0, "keys": [], "files": []}


def test_writers_that_are_killed_lose_nothing_that_they_reported(tmp_path: Path) -> None:
    """Four at once, killed in the middle of writing, while a fifth process reads along."""
    jugdir = str(tmp_path / "jugdata")
    program = """
import os, sys
from jug import _native
store, writer = _native.Store(sys.argv[1]), int(sys.argv[2])
for n in range(20_000):
    key = bytes([writer]) + n.to_bytes(31, "little")
    store.save(key, key * (n % 5), name=f"task {n % 7}")
    if n % 1000 == 17:
        store.save(bytes([writer + 100]) + n.to_bytes(31, "little"), os.urandom(70_000))
    if n % 64 == 0:
        store.flush()
        os.write(1, b"%d\\n" % n)
"""
    reader = _native.Store(jugdir)
    writers = [
        subprocess.Popen([sys.executable, "-c", program, jugdir, str(writer)], stdout=subprocess.PIPE)
        for writer in range(4)
    ]
    seen: set[bytes] = set()
    for process in writers:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n", "each of them has begun"
    for delay in (0.1, 0.05, 0.05):
        time.sleep(delay)
        seen.update(key for key, now in reader.refresh() if now == "result")
    for number, process in enumerate(writers):
        process.kill()
        output = process.communicate()[0]
        lines = output.split(b"\n")[:-1]
        for n in range(int(lines[-1]) + 1 if lines else 0):
            seen.add(bytes([number]) + n.to_bytes(31, "little"))
    for store in (reader, _native.Store(jugdir)):
        store.refresh()
        assert all(store.contains_many(sorted(seen)))
        for key in sorted(seen)[::37]:
            if key[0] < 100:
                assert store.load(key) == key * (int.from_bytes(key[1:], "little") % 5)
        assert store.damage()["records"] == 0
        assert all("incomplete" in what for _, _, what in store.damage()["files"])


def test_a_full_disk_is_a_clear_error_and_what_was_stored_before_stays(tmp_path: Path) -> None:
    """A limit of the file size stands for the disk."""
    jugdir = str(tmp_path / "jugdata")
    program = """
import os, resource, signal, sys
from jug import _native
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = _native.Store(sys.argv[1])
store.save(bytes(32), "before")
store.sync()
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
errors = 0
for n in range(1, 80):
    try:
        store.save(bytes([n]) * 32, os.urandom(int(sys.argv[2])))
        store.flush()
    except OSError as error:
        errors += 1
        print(error)
lost = {key for key, now in store.refresh() if now == "absent"}
assert store.load(bytes(32)) == "before"
there = store.keys()
assert not lost & set(there)
for key in there:
    store.load(key)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.save(b"z" * 32, "after")
store.close()
print(len(there))
"""
    for size in ("1000", "30000", "100000"):
        done = run(program, jugdir + size, size)
        assert done.returncode == 0, done.stderr
        # What fits into a new segment is written there, and nobody notices.
        assert ("File too large" in done.stdout) == (size != "1000")
        store = _native.Store(jugdir + size)
        assert len(store.keys()) >= int(done.stdout.split()[-1])
        assert store.load(bytes(32)) == "before"
        assert store.load(b"z" * 32) == "after"
        assert store.damage()["records"] == 0
        blobs = [path for path in Path(jugdir + size, "blobs").rglob("*") if path.is_file()]
        assert len(blobs) <= len(store.keys()), "a blob that could not be written leaves no file"


def test_a_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    """With Python's own exception for it."""
    (tmp_path / "file").write_text("")
    with pytest.raises((OSError, RuntimeError), match="not a directory"):
        _native.Store(str(tmp_path / "file"))
    # Not in tmp_path, which nobody but its owner may look into; and nothing is forbidden to root.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        program = (
            "import os, sys; from jug import _native\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "store = _native.Store(sys.argv[1])\n"
            "try: store.save(bytes(32), 1)\n"
            "except PermissionError as error: print(error)"
        )
        done = run(program, os.path.join(folder, "jugdata"))
        os.chmod(folder, 0o755)
    assert "Permission denied" in done.stdout, done.stderr


def test_files_follow_the_umask(tmp_path: Path) -> None:
    """So that a group can share a jugdir."""
    program = (
        "import os, sys; os.umask(0o002); from jug import _native; s = _native.Store(sys.argv[1])\n"
        "s.save(bytes(32), os.urandom(100_000)); s.close()"
    )
    assert run(program, str(tmp_path / "jugdata")).returncode == 0
    paths = [path for part in ("segments", "blobs") for path in (tmp_path / "jugdata" / part).rglob("*")]
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in paths}
    assert modes == {(True, 0o775), (False, 0o664)}


def test_flipped_bytes_are_reported_and_make_the_task_runnable(tmp_path: Path) -> None:
    """One record is bad, the others are as they were."""
    jugdir = str(tmp_path / "jugdata")
    store = _native.Store(jugdir)
    for number in range(3):
        store.save(key(number), f"value number {number}")
    store.close()
    segment = next((tmp_path / "jugdata" / "segments").iterdir())
    segment.write_bytes(segment.read_bytes().replace(b"value number 1", b"valve number 1"))
    store = _native.Store(jugdir)
    assert sorted(store.keys()) == [key(0), key(2)]
    assert store.damage() == {"records": 1, "keys": [key(1)], "files": []}
    store.save(key(1), "again")
    assert store.damage()["records"] == 0


def test_a_damaged_blob_is_an_exception_of_its_own(tmp_path: Path) -> None:
    """And afterwards the task is runnable."""
    jugdir = str(tmp_path / "jugdata")
    store = _native.Store(jugdir)
    store.save(key(1), os.urandom(100_000))
    (blob,) = (path for path in (tmp_path / "jugdata" / "blobs").rglob("*") if path.is_file())
    blob.write_bytes(b"other")
    with pytest.raises(_native.DamagedResult, match="its task can run again"):
        store.load(key(1))
    assert store.refresh() == [(key(1), "absent")]
    with pytest.raises(KeyError):
        store.load(key(1))


def test_ctrl_c_ends_a_wait(tmp_path: Path) -> None:
    """At once, not after the timeout."""
    store = _native.Store(str(tmp_path / "jugdata"))
    store.save(key(1), 1)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        store.wait(60)
    assert time.monotonic() - start < 30


def test_other_threads_run_while_one_waits(tmp_path: Path) -> None:
    """The interpreter is not held."""
    store = _native.Store(str(tmp_path / "jugdata"))
    thread = threading.Thread(target=store.wait, args=(1.0,))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
        time.sleep(0.01)
    assert turns > 10


def test_many_threads_may_use_one_store(tmp_path: Path) -> None:
    """Each finds what it stored."""
    jugdir = str(tmp_path / "jugdata")
    store = _native.Store(jugdir)

    def work(first: int) -> None:
        for number in range(first, first + 50):
            store.save(key(number), number, name=f"task {number % 3}")
            assert store.load(key(number)) == number
            store.refresh()

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 50, 100, 150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    again = _native.Store(jugdir)
    assert [again.load(key(number)) for number in range(200)] == list(range(200))


def test_files_are_not_kept_open_without_end(tmp_path: Path) -> None:
    """A thousand runs leave a thousand segments, and a process may open only so many files."""
    jugdir = str(tmp_path / "jugdata")
    for number in range(100):
        store = _native.Store(jugdir)
        store.save(key(number), number)
        store.close()
    del store
    store = _native.Store(jugdir)
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    assert [store.load(key(number)) for number in range(100)] == list(range(100))
    if before:
        assert len(os.listdir("/proc/self/fd")) - before <= 64
