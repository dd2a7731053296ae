"""A task that opens files of its own jugdir, whatever for, keeps its worker's claims."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from jug._native import Claims, Store, key
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

KEYS = [key(number) for number in range(200)]


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


def seen_from_elsewhere(jugdir):
    """What another process sees: whether each key is claimed, and how many workers live."""
    program = f"""
from jug._native import Claims, Store, key
from tests.support.paths import ROOT
claims = Claims(Store({str(jugdir)!r}))
print(sum(claims.is_claimed([key(n) for n in range(200)])), sum(w["alive"] for w in claims.workers()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return tuple(map(int, done.stdout.split()))


def read_all(jugdir):
    for path in jugdir.rglob("*"):
        if path.is_file():
            hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("look", [read_all, lambda jugdir: shutil.copytree(jugdir, jugdir.parent / "backup")])
def test_reading_all_files_of_the_jugdir_drops_no_claims(jugdir, look):
    claims = Claims(Store(str(jugdir)))
    assert all(claims.claim(KEYS))
    assert seen_from_elsewhere(jugdir) == (200, 1)
    look(jugdir)
    assert seen_from_elsewhere(jugdir) == (200, 1)
    claims.release(KEYS[:50])
    assert seen_from_elsewhere(jugdir) == (150, 1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_program_or_a_child_that_ends_drops_no_claims(jugdir):
    claims = Claims(Store(str(jugdir)))
    assert all(claims.claim(KEYS))
    subprocess.run(["true"], check=True)
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    child = os.fork()
    if child == 0:
        read_all(jugdir)
        os._exit(0)
    os.waitpid(child, 0)
    assert seen_from_elsewhere(jugdir) == (200, 1)


def test_a_task_that_copies_the_jugdir_runs_once(jug):
    jug.write("""
        import shutil
        import time
        from pathlib import Path
        from jug import TaskGenerator

        @TaskGenerator
        def backup():
            with open("runs", "a") as runs:
                print("run", file=runs)
            shutil.copytree("jugfile.jugdata", "backup")
            Path("copied").touch()
            while not Path("go").exists():
                time.sleep(0.01)

        backup()
    """)
    first = jug.start("execute")
    wait_for((jug.folder / "copied").exists, "the copy")
    second = jug.start("execute")
    claims = Claims(Store(str(jug.folder / "jugfile.jugdata")))
    wait_for(lambda: sum(worker["alive"] for worker in claims.workers()) == 2, "both workers")
    time.sleep(0.3)
    (jug.folder / "go").touch()
    assert [worker.wait(timeout=60) for worker in (first, second)] == [0, 0]
    assert (jug.folder / "runs").read_text() == "run\n"


CHILDREN = {
    "fork": "child = os.fork()\nif child == 0:\n    stay()",
    "double fork": """
r, w = os.pipe()
if os.fork() == 0:
    child = os.fork()
    if child == 0:
        stay()
    os.write(w, str(child).encode())
    os._exit(0)
os.wait()
child = int(os.read(r, 20))
""",
    "a daemon that closes everything": """
child = os.fork()
if child == 0:
    os.closerange(3, 4096)
    own = [open("/dev/null") for _ in range(100)]
    if os.fork() == 0:
        assert [f.read() for f in own] == [""] * 100
        os._exit(0)
    os.wait()
    stay()
""",
    "a thread forks": """
import threading
found = []
def forks():
    child = os.fork()
    if child == 0:
        stay()
    found.append(child)
thread = threading.Thread(target=forks)
thread.start()
thread.join()
child = found[0]
""",
    "multiprocessing": """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=stay, daemon=True)
process.start()
child = process.pid
""",
    "a program": "import subprocess\nchild = subprocess.Popen(['sleep', '60'], close_fds=False).pid",
    "a program after a fork": (
        "import subprocess\n"
        "child = subprocess.Popen(['sleep', '60'], close_fds=False, preexec_fn=lambda: None).pid"
    ),
}


@pytest.mark.parametrize("how", CHILDREN)
def test_no_child_keeps_the_claims_of_a_killed_worker(jugdir, how):
    program = f"""
import os, sys, time
from jug._native import Claims, Store, key
from tests.support.paths import ROOT
claims = Claims(Store({str(jugdir)!r}))
assert all(claims.claim([key(n) for n in range(200)]))
def stay():
    os.close(1)
    time.sleep(60)
    os._exit(0)
{CHILDREN[how]}
print(child, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as worker:
        child = int(worker.stdout.readline())
        try:
            assert seen_from_elsewhere(jugdir) == (200, 1)
            worker.kill()
            worker.wait()
            os.kill(child, 0)
            assert seen_from_elsewhere(jugdir) == (0, 0)
        finally:
            os.kill(child, signal.SIGKILL)


def test_workers_of_earlier_builds_and_of_this_one_exclude_each_other(jugdir):
    claims = Claims(Store(str(jugdir)))
    assert all(claims.claim(KEYS[:100]))
    program = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from jug._native import key
from tests.support.earlier_build import EarlierBuild
earlier = EarlierBuild(Path({str(jugdir)!r}))
print([earlier.claim(key(n)) for n in range(200)] == [False] * 100 + [True] * 100)
paths = [path for path in Path({str(jugdir)!r}, "workers").iterdir() if "slot" not in path.name]
print([earlier.live(path) for path in paths] == [(True, -1)], flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as earlier:
        assert [earlier.stdout.readline() for _ in range(2)] == ["True\n"] * 2
        assert claims.is_claimed(KEYS) == [True] * 200
        assert claims.claim(KEYS[100:]) == [False] * 100
        holders = claims.holders(KEYS)
        (me,) = claims.workers()
        assert {holders[one] for one in KEYS[:100]} == {(me["id"], 0)}
        assert {holders[one] for one in KEYS[100:]} == {("", earlier.pid)}
        earlier.kill()
        earlier.wait()
    assert claims.claim(KEYS[100:]) == [True] * 100
    claims.release(KEYS)
