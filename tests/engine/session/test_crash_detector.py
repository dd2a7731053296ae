"""What a worker ran when it died is seen by everybody, until it is known what became of the task."""

import contextlib
import math
import os
import signal
import threading
import time

import pytest

from jug._native import Claims, Store
from jug.backends.file_store import file_store
from jug.engine.session.crash_detector import CrashDetector
from jug.engine.session.open import open_session
from tests.support.waiting import wait_for

WORKING = """
    import os
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def waits(n):
        open(f"started{n}", "w").write(str(os.getpid()))
        while not os.path.exists("go"):
            time.sleep(0.01)

    @TaskGenerator
    def ends(n):
        return n

    first = [ends(n) for n in range(20)]
    second = waits(1)
"""


@pytest.fixture
def claims(jug):
    """The claims of the jugdir of jugfile.py, as another process sees them."""
    store = Store(str(jug.folder / "jugfile.jugdata"))
    yield Claims(store)
    store.close()


def started(jug, worker):
    path = jug.folder / "started1"
    wait_for(lambda: path.exists() and path.read_text() == str(worker.pid), "the task to start")


def test_what_a_killed_worker_ran_is_known(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    ((who, key, name, attempt, since),) = claims.running()
    assert (name, attempt) == ("jugfile.waits", 1)
    assert abs(since - time.time()) < 60
    assert [known["id"] for known in claims.workers()] == [who]
    assert claims.crashed() == []
    worker.kill()
    worker.communicate()
    assert claims.running() == []
    assert claims.crashed() == [(who, key, name, attempt, since)]
    assert jug("status").returncode == 1
    assert claims.crashed() == [(who, key, name, attempt, since)], "looking settles nothing"


def test_a_crash_in_a_task_that_was_finished_since_is_none(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    worker.kill()
    worker.communicate()
    (crash,) = claims.crashed()
    (jug.folder / "go").touch()
    assert jug("execute").returncode == 0
    assert claims.crashed() == []
    assert f"slot-{crash[0]}" not in os.listdir(jug.folder / "jugfile.jugdata" / "workers")


def test_a_crash_is_forgotten_when_it_is_settled(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    worker.kill()
    worker.communicate()
    ((who, *_),) = claims.crashed()
    assert claims.settle_crashes(["somebody.1.000000000000"]) == 0
    assert claims.settle_crashes([who]) == 1
    assert claims.crashed() == []


def test_removing_locks_forgets_crashes(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    worker.kill()
    worker.communicate()
    assert "1" in jug("cleanup", "--locks-only").stdout
    assert claims.crashed() == []


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_worker_that_was_asked_to_end_did_not_crash(jug, claims, how):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    worker.send_signal(how)
    worker.communicate()
    assert claims.crashed() == []
    assert not [name for name in os.listdir(jug.folder / "jugfile.jugdata" / "workers") if "slot" in name]


def test_a_worker_that_waits_runs_nothing(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    other = jug.start("execute")
    wait_for(lambda: len([known for known in claims.workers() if known["alive"]]) == 2, "both workers")
    wait_for(lambda: [name for _, _, name, _, _ in claims.running()] == ["jugfile.waits"], "it to be shown")
    other.kill()
    other.communicate()
    assert claims.crashed() == []
    (jug.folder / "go").touch()
    worker.communicate()


def test_a_forked_child_leaves_what_its_parent_runs(jug, claims):
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def forks():
            if os.fork() == 0:
                os._exit(0)
            os.wait()
            open("forked", "w").close()
            while True:
                os.waitpid(os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "0.1"), 0)

        forks()
    """)
    worker = jug.start("execute")
    wait_for((jug.folder / "forked").exists, "the child")
    assert [name for _, _, name, _, _ in claims.running()] == ["jugfile.forks"]
    worker.kill()
    worker.communicate()
    assert [name for _, _, name, _, _ in claims.crashed()] == ["jugfile.forks"]


def test_what_was_done_before_is_said_of_a_worker_that_rests(tmp_path):
    store = file_store(str(tmp_path / "jugdir"))
    session = open_session(store)
    session.claim([bytes(32)])
    assert session.start(bytes(32), None, "a.name", 2)
    assert [run[1:4] for run in store.claims.running()] == [(bytes(32), "a.name", 2)]
    session.set_idle(1, 2, 3)
    assert store.claims.running() == []
    store.close()


def test_a_worker_that_has_lost_its_claim_and_is_not_dead_yet_is_given_time_to_die(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    ((_, key, *_),) = claims.running()
    detector = CrashDetector(str(jug.folder / "jugfile.jugdata" / "workers"), claims.crashed)
    death = threading.Timer(0.2, worker.kill)
    death.start()
    (crash,) = detector.crashes({key})
    assert crash[1] == key
    detector.close()
    death.join()
    worker.communicate()


def test_a_worker_that_came_after_the_last_look_and_died_in_its_first_task_is_noticed(jug, claims):
    jug.write(WORKING)
    folder = str(jug.folder / "jugfile.jugdata" / "workers")
    with contextlib.closing(CrashDetector(folder, claims.crashed)) as detector:
        assert not detector.crashes(())
        # As if that look had taken long.
        detector._due = math.inf
        worker = jug.start("execute")
        started(jug, worker)
        ((_, key, *_),) = claims.running()
        worker.kill()
        worker.communicate()
        (crash,) = detector.crashes({key})
        assert crash[1] == key


def test_who_has_come_is_looked_for_only_where_the_directory_was_changed(jug, claims):
    jug.write(WORKING)
    worker = jug.start("execute")
    started(jug, worker)
    looks = []
    folder = str(jug.folder / "jugfile.jugdata" / "workers")
    with contextlib.closing(CrashDetector(folder, lambda: looks.append(1) or ())) as detector:
        time.sleep(0.1)
        detector.crashes(())
        detector._due = math.inf
        for _ in range(100):
            detector.crashes({bytes(32)})
        assert looks == [1]
    worker.kill()
    worker.communicate()
