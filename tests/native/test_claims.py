"""Claims as Python sees them, between processes that are forked, killed, and closed."""

import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from jug._native import Claims, Store, key
from tests.support.waiting import wait_for

KEYS = [key(number) for number in range(200)]


@pytest.fixture
def jugdir(tmp_path):
    return tmp_path / "jugdir"


def open_claims(jugdir):
    return Claims(Store(str(jugdir)))


class Other:
    """Another process that runs Python code with `claims`, and then says so and waits."""

    def __init__(self, jugdir, code, says_so=True):
        program = "\n".join(
            [
                "import sys, os, time",
                "from jug._native import Claims, Store, key",
                "KEYS = [key(number) for number in range(200)]",
                f"claims = Claims(Store({str(jugdir)!r}))",
                code,
                "print('done', flush=True)",
                "sys.stdin.readline()",
            ]
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if says_so:
            assert self.process.stdout.readline() == "done\n"

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        self.process.communicate("\n")


def test_a_claim_has_one_holder_among_processes(jugdir):
    claims = open_claims(jugdir)
    other = Other(jugdir, "assert all(claims.claim(KEYS[:100]))")
    assert claims.claim(KEYS) == [False] * 100 + [True] * 100
    assert claims.claim(KEYS[150:]) == [False] * 50
    assert claims.is_claimed(KEYS) == [True] * 200
    assert sorted(claims.held()) == sorted(KEYS[100:])
    assert claims.claimed_ids() == sorted(map(claims.id_of, KEYS))
    other.end()
    assert claims.is_claimed(KEYS) == [False] * 100 + [True] * 100


def test_claims_of_a_killed_process_are_free_at_once(jugdir):
    claims = open_claims(jugdir)
    other = Other(jugdir, "assert all(claims.claim(KEYS))")
    assert claims.claim(KEYS) == [False] * 200
    other.kill()
    assert claims.claim(KEYS) == [True] * 200


def test_looking_creates_nothing(jugdir):
    claims = open_claims(jugdir)
    assert claims.is_claimed(KEYS[:3]) == [False] * 3
    assert (claims.claimed_ids(), claims.held(), claims.workers(), claims.given_back()) == ([], [], [], [])
    claims.release(KEYS[:3])
    claims.close()
    assert not jugdir.exists()


def test_a_read_only_jugdir_shows_its_claims(jugdir):
    other = Other(jugdir, "assert all(claims.claim(KEYS[:9]))")
    directories = [jugdir, *(path for path in jugdir.iterdir() if path.is_dir())]
    for path in (jugdir / "claims").iterdir():
        path.chmod(0o444)
    for path in directories:
        path.chmod(0o555)
    try:
        claims = open_claims(jugdir)
        assert claims.is_claimed(KEYS[:10]) == [True] * 9 + [False]
        assert len(claims.claimed_ids()) == 9
        assert [worker["alive"] for worker in claims.workers()] == [True]
    finally:
        for path in directories:
            path.chmod(0o755)
    other.end()


def test_workers_are_listed_with_who_they_are(jugdir):
    other = Other(jugdir, "claims.claim(KEYS[:1])")
    claims = open_claims(jugdir)
    (worker,) = claims.workers()
    assert worker["pid"] == other.process.pid
    assert worker["alive"]
    assert worker["host"] == os.uname().nodename
    assert abs(worker["started"] - time.time()) < 60
    assert worker["id"] in os.listdir(jugdir / "workers")
    claims.claim(KEYS[1:2])
    assert {worker["pid"] for worker in claims.workers()} == {os.getpid(), other.process.pid}
    other.kill()
    assert {worker["pid"]: worker["alive"] for worker in claims.workers()} == {
        os.getpid(): True,
        other.process.pid: False,
    }


def test_a_worker_file_is_a_header_and_a_pickled_dict(jugdir):
    other = Other(jugdir, "claims.claim(KEYS[:1])")
    (path,) = (path for path in (jugdir / "workers").iterdir() if not path.name.startswith("slot-"))
    data = path.read_bytes()
    assert data[:8] == b"jugwork\n"
    facts = pickle.loads(data[20:])
    assert facts["pid"] == other.process.pid
    assert set(facts) == {
        "host",
        "boot_id",
        "pid",
        "pid_start",
        "started",
        "nonce",
        "version",
        "pid_namespace",
    }
    other.end()
    assert list((jugdir / "workers").iterdir()) == [], "it wrote nothing, so nothing refers to it"


def in_a_forked_child(function):
    """Runs `function` in a child of this process and returns whether it returned."""
    pid = os.fork()
    if pid == 0:
        try:
            function()
            os._exit(0)
        except BaseException as error:
            print(f"in the child: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_no_claims_until_it_opens_its_own(jugdir):
    claims = open_claims(jugdir)
    assert all(claims.claim(KEYS[:100]))

    def child():
        for use in (
            lambda: claims.claim(KEYS),
            lambda: claims.start(KEYS[0]),
            lambda: claims.release(KEYS),
            lambda: claims.is_claimed(KEYS),
            claims.held,
            claims.claimed_ids,
            claims.given_back,
        ):
            with pytest.raises(RuntimeError, match="before this process was forked"):
                use()
        claims.close()
        own = open_claims(jugdir)
        assert own.is_claimed(KEYS[:101]) == [True] * 100 + [False]
        assert own.claim(KEYS[99:102]) == [False, True, True]
        assert {worker["alive"] for worker in own.workers()} == {True}

    assert in_a_forked_child(child)
    assert sorted(claims.held()) == sorted(KEYS[:100])


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_claims_dropped_in_a_forked_child_are_still_the_parents(jugdir):
    inherited = [open_claims(jugdir)]
    assert all(inherited[0].claim(KEYS[:100]))

    def child():
        own = open_claims(jugdir)
        assert own.claim(KEYS[150:160]) == [True] * 10
        inherited.clear()
        # Seen from a third process, both still have theirs.
        assert in_a_forked_child(third)

    def third():
        seen = open_claims(jugdir).is_claimed([KEYS[0], KEYS[150], KEYS[190]])
        assert seen == [True, True, False]

    assert in_a_forked_child(child)
    (worker,) = inherited[0].workers()
    witness = Other(
        jugdir,
        "assert claims.is_claimed(KEYS) == [True] * 100 + [False] * 100\n"
        f"assert [(w['id'], w['alive']) for w in claims.workers()] == [({worker['id']!r}, True)]",
    )
    witness.end()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_outlives_its_parent_does_not_keep_its_claims(jugdir):
    note = jugdir.parent / "child"
    other = Other(
        jugdir,
        "assert all(claims.claim(KEYS))\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os.close(0), os.close(1), time.sleep(60), os._exit(0)\n"
        f"open({str(note)!r}, 'w').write(str(child))",
    )
    claims = open_claims(jugdir)
    assert claims.claim(KEYS[:1]) == [False]
    other.kill()
    child = int(note.read_text())
    os.kill(child, 0)
    assert claims.claim(KEYS) == [True] * 200
    assert other.process.pid not in {worker["pid"] for worker in claims.workers() if worker["alive"]}
    os.kill(child, signal.SIGKILL)


def test_what_waits_behind_a_long_task_is_given_back(jugdir):
    claims, others = open_claims(jugdir), open_claims(jugdir)
    assert all(claims.claim(KEYS[:5]))
    assert claims.start(KEYS[0])
    assert claims.given_back() == []
    wait_for(lambda: others.is_claimed(KEYS[:5]) == [True] + [False] * 4, "what is given back", 20)
    assert sorted(claims.given_back()) == sorted(KEYS[1:5])
    assert claims.given_back() == []
    assert others.claim(KEYS[1:2]) == [True]
    assert not claims.start(KEYS[1])
    claims.release(KEYS[:2])
    assert others.is_claimed(KEYS[:2]) == [False, True]


def test_a_call_that_never_lets_go_of_the_interpreter_keeps_no_claims_from_others(jugdir):
    claims = open_claims(jugdir)
    exponent = 500_000
    while True:
        assert all(claims.claim(KEYS[:5]))
        claims.start(KEYS[0])
        began = time.monotonic()
        _ = 3**exponent
        if time.monotonic() - began > 0.5:
            break
        claims.release(KEYS[:5])
        claims.given_back()
        exponent *= 2
    assert sorted(claims.given_back()) == sorted(KEYS[1:5])


def asleep(store):
    """Takes what woke the store so far, so that only what comes now can."""
    while store.wait(0.05):
        pass


def test_the_death_of_a_worker_wakes_who_waits(jugdir):
    other = Other(jugdir, "claims.claim(KEYS[:1])")
    store = Store(str(jugdir))
    asleep(store)
    os.kill(other.process.pid, signal.SIGKILL)
    start = time.monotonic()
    assert store.wait(20.0)
    assert time.monotonic() - start < 10
    assert Claims(store).is_claimed(KEYS[:1]) == [False]
    other.process.communicate()


def test_claims_that_are_given_back_wake_who_waits(jugdir):
    other = Other(
        jugdir, "claims.claim(KEYS[:3]); sys.stdin.readline(); claims.start(KEYS[0])", says_so=False
    )
    store = Store(str(jugdir))
    wait_for(lambda: len(Claims(store).claimed_ids()) == 3, "three claims", 20)
    asleep(store)
    other.process.stdin.write("\n")
    other.process.stdin.flush()
    assert store.wait(20.0)
    assert Claims(store).is_claimed(KEYS[:3]) == [True, False, False]
    other.end()


def test_closing_releases_everything(jugdir):
    claims, others = open_claims(jugdir), open_claims(jugdir)
    claims.claim(KEYS)
    claims.close()
    claims.close()
    assert others.claimed_ids() == []
    with pytest.raises(ValueError, match="closed"):
        claims.claim(KEYS)


def test_what_is_no_key_is_refused(jugdir):
    claims = open_claims(jugdir)
    for wrong in ([b"short"], ["text"], 3):
        with pytest.raises((TypeError, ValueError)):
            claims.claim(wrong)
    assert not jugdir.exists()


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a place where nobody may write")
def test_a_jugdir_that_cannot_be_written_is_an_error_that_names_it():
    claims = open_claims("/proc/jugdir")
    assert claims.is_claimed(KEYS[:1]) == [False]
    with pytest.raises(OSError, match=r"/proc/jugdir") as refused:
        claims.claim(KEYS)
    assert str(refused.value.filename) == "/proc/jugdir"
