"""Who works on a computation, as anyone may ask who sees the store."""

import os
import socket
import time

import pytest

from jug._native import key
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.engine.session.open import open_session
from jug.engine.worker_status import HeldClaim
from jug.executors.base import Outcome
from tests.support.waiting import wait_for

WORKING = """
    import os
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def work(n):
        open(f"started{n}", "w").write(str(os.getpid()))
        while not os.path.exists("go"):
            time.sleep(0.01)

    for n in range(8):
        work(n)
"""


@pytest.fixture
def session(jug):
    """The session of the jugdir of jugfile.py."""
    store = file_store(str(jug.folder / "jugfile.jugdata"))
    yield open_session(store)
    store.close()


def keys_of(jug):
    """The keys of the tasks in jugfile.py, as another process sees them."""
    printed = jug.python("""
        import jug
        jug.init("jugfile.py", "another.jugdata")
        print(*[t.hash().decode() for t in jug.task.alltasks])
    """)
    return [bytes.fromhex(name) for name in printed.stdout.split()]


def test_each_worker_is_listed_with_the_task_that_it_runs(jug, session):
    jug.write(WORKING)
    keys = keys_of(jug)
    workers = [jug.start("execute") for _ in range(2)]
    try:
        # What was claimed ahead is given back when a task turns out long.
        wait_for(lambda: sorted(len(w.claims) for w in session.workers(keys)) == [1, 1], "a claim each")
        seen = session.workers(keys)
        assert {w.pid for w in seen} == {w.pid for w in workers}
        assert all(w.alive and w.host == socket.gethostname() for w in seen)
        assert all(abs(time.time() - w.started) < 300 for w in seen)
        for w in seen:
            number = keys.index(w.claims[0].key)
            started = jug.folder / f"started{number}"
            wait_for(lambda path=started, w=w: path.exists() and path.read_text() == str(w.pid), "the task")
        # Only what is asked for is returned.
        assert [w.claims for w in session.workers([key("of another jugfile")])] == [(), ()]
    finally:
        (jug.folder / "go").touch()
        for worker in workers:
            worker.communicate(timeout=60)
    assert [w.alive for w in session.workers(keys)] == [False, False]


def test_a_killed_worker_holds_nothing(jug, session):
    jug.write(WORKING)
    keys = keys_of(jug)
    worker = jug.start("execute")
    wait_for(lambda: any(w.claims for w in session.workers(keys)), "a claim")
    worker.kill()
    worker.communicate()
    assert not any(w.claims or w.alive for w in session.workers(keys))


def test_nobody_works_where_nothing_is(jug, session):
    assert session.workers([key(1)]) == []
    assert not list(jug.folder.iterdir())


def test_ones_own_claims_are_seen(session):
    assert session.claim([key(1)]) == [True]
    (me,) = session.workers([key(1), key(2)])
    assert (me.pid, me.alive, me.claims) == (os.getpid(), True, [HeldClaim(key(1))])


def test_the_time_that_results_took_is_known(session):
    session.claim([key(1)])
    session.save(key(1), Outcome("value", None, time.time(), 0.0, 1.5), "name", 1)
    assert session.durations([key(1), key(2)]) == [1.5, None]


def test_a_store_that_does_not_know_says_so():
    session = open_session(dict_store())
    assert session.workers([key(1)]) is None
    assert session.durations([key(1)]) == [None]
