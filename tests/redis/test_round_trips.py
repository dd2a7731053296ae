"""What is asked of a redis server, counted: round trips a task, and none that grow with the jugfile."""

from __future__ import annotations

import re
import shutil

import pytest

from jug.backends.redis_store import redis_store
from jug.engine.session.open import open_session
from jug.executors.base import Outcome
from tests.support.command import Jug
from tests.support.redis_jug import RedisJug
from tests.support.redis_server import RedisServer
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for

#: A jugfile that says at its end how often it waited for the server, its background thread included.
COUNT_TRIPS = """
    import atexit
    from jug import task
    store = task.Task.store
    atexit.register(lambda: open('trips.txt', 'w').write(str(store.native.round_trips)))
"""


@pytest.fixture
def jug(jug: Jug, redis_server: RedisServer) -> RedisJug:
    return RedisJug(jug, redis_server)


def trips(jug: RedisJug) -> int:
    """The number that the last command left."""
    return int((jug.folder / "trips.txt").read_text())


def test_a_long_task_takes_at_most_two_and_a_half_round_trips(jug):
    jug.write(COUNTED + COUNT_TRIPS + "    for i in range(100):\n        step(i, 0.03)\n")
    assert jug("execute", "--will-cite").returncode == 0
    assert trips(jug) <= 2.5 * 100


def test_short_tasks_take_a_fraction_of_a_round_trip(jug):
    jug.write(
        COUNTED + COUNT_TRIPS + "    for i in range(2000):\n        identity(i)\n".replace("identity", "abs_")
    )
    jug.write(
        (jug.folder / "jugfile.py").read_text().replace("for i in", "abs_ = TaskGenerator(abs)\nfor i in")
    )
    assert jug("execute", "--will-cite").returncode == 0
    assert trips(jug) <= 0.2 * 2000


@pytest.mark.parametrize("command", ["status", "check", "execute", "cleanup"])
def test_what_finds_nothing_to_do_takes_as_many_round_trips_for_many_tasks_as_for_few(jug, command):
    counts = []
    for tasks in (10, 3000):
        jug.write(
            COUNTED
            + COUNT_TRIPS
            + f"    work = TaskGenerator(abs)\n    for i in range({tasks}):\n        work(i)\n"
        )
        assert jug("execute", "--will-cite").returncode == 0
        assert jug(command).returncode == 0
        counts.append(trips(jug))
    assert counts[0] == counts[1] <= 10


@pytest.mark.parametrize("command", ["status", "check"])
def test_looking_at_what_is_not_done_takes_as_many_round_trips_too(jug, command):
    counts = []
    for tasks in (10, 3000):
        jug.write(
            COUNTED
            + COUNT_TRIPS
            + f"    work = TaskGenerator(abs)\n    for i in range({tasks}):\n        work(-i)\n"
        )
        assert jug(command).returncode == 1
        counts.append(trips(jug))
    assert counts[0] == counts[1] <= 10


def test_the_round_trips_that_are_documented_are_those_that_are_made(jug):
    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    jug.write(COUNTED + COUNT_TRIPS + "    for i in range(50):\n        step(i, 0.01)\n")
    import subprocess
    import sys

    command = [sys.executable, "-m", "jug", "execute", "--jugdir", jug.server.url]
    traced = ["strace", "-f", "-o", "trace.txt", "-e", "trace=sendto", *command]
    subprocess.run(traced, cwd=jug.folder, env=jug.env(), check=True, capture_output=True)
    sent = len(re.findall(r"sendto\(", (jug.folder / "trace.txt").read_text()))
    # One that connects is counted once more, and what is said at the end is said after the counting.
    assert abs(sent - trips(jug)) <= 6


def test_workers_and_what_each_runs_are_reported(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def hang(x):
        note('hang')
        while not os.path.exists('go'):
            time.sleep(0.01)
    hang(1)
"""
    )
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["hang"], "the task to start")
    store = redis_store(jug.server.url)
    session = open_session(store)
    keys = list(store.workers()[0])
    [found] = session.workers(keys)
    assert (found.alive, found.pid) == (True, worker.pid)
    assert [claim.key for claim in found.claims] == keys
    assert found.started > 0
    worker.kill()
    worker.wait()
    [found] = session.workers(keys)
    assert (found.alive, list(found.claims)) == (False, [])
    worker.communicate()
    store.close()


def test_how_long_runs_took_is_known(redis_server):
    store = redis_store(redis_server.url)
    session = open_session(store)
    first, second, third = (bytes([n]) * 32 for n in range(3))
    assert list(session.claim([first, second])) == [True, True]
    session.save(first, Outcome("x" * 100_000, None, 1e9, 0.0, 2.5), "f", 1)
    session.save(second, Outcome(1, None, 1e9, 0.0, 0.25), "f", 1)
    store.dump(1, third.hex())
    assert session.durations([second, first, third, bytes(32 * [9])]) == [0.25, 2.5, None, None]
    session.close()
    store.close()
