"""``jug`` commands over a redis server: workers that share, wait, fail, die and are overtaken."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable

import pytest

from tests.support.command import Jug
from tests.support.redis_jug import RedisJug, finish
from tests.support.redis_server import RedisServer
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for

Command = Callable[..., str]


@pytest.fixture
def jug(jug: Jug, redis_server: RedisServer) -> RedisJug:
    return RedisJug(jug, redis_server)


HANG = """
    @TaskGenerator
    def hang(x):
        note(f'hang{x}')
        while not os.path.exists('go'):
            time.sleep(0.01)
        return x
"""


def test_every_command_works_as_with_a_jugdir(jug):
    jug.write(COUNTED + "    last = total([step(i) for i in range(20)])\n")
    assert "20           0           0  jugfile.step" in jug("status").stdout
    assert jug("check").returncode == 1
    assert "20           0  jugfile.step" in jug("execute", "--will-cite").stdout
    assert jug("check").returncode == 0
    assert jug("sleep-until").returncode == 0
    assert "21" in jug("count").stdout
    assert jug.short() == "All tasks complete (21 tasks)."
    assert "1  jugfile.total" in jug("invalidate", "--name", "total").stdout
    assert "1 tasks waiting to be run" in jug.short()
    assert "1           0  jugfile.total" in jug("execute", "--will-cite").stdout.replace("20", " ")
    assert jug("cleanup").stdout.split() == ["Removed", "0", "objects", "Removed", "0", "locks"]
    jug.write(COUNTED + "    last = total([step(i) for i in range(19)])\n")
    assert jug("cleanup", "--keep-locks").stdout.strip() == "Removed 2 objects"
    value = jug.python(
        f"""
        import jug
        _, space = jug.init('jugfile.py', {jug.server.url!r})
        print(jug.value(space['last'].args[0]))
        """
    )
    assert value.stdout.strip() == str(list(range(19)))


def test_set_jugdir_in_the_jugfile(jug):
    jug.write(f"    import jug; jug.set_jugdir({jug.server.url!r})\n" + COUNTED + "    step(1)\n")
    assert Jug.__call__(jug, "execute", "--will-cite").returncode == 0
    assert jug("check").returncode == 0
    assert not (jug.folder / "jugfile.jugdata").exists()


def test_workers_leave_nothing_in_the_server_but_the_store(jug):
    jug.write(COUNTED + "    total([step(i) for i in range(40)])\n")
    finish(*[jug.start("execute", "--will-cite") for _ in range(2)])
    left = jug.server.cli("KEYS", "jug-rs:1:*").split()
    assert sorted(left) == ["jug-rs:1:events", "jug-rs:1:results", "jug-rs:1:store"]


def test_failures_are_reported_kept_and_cleared(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def odd(x):
        if x % 2:
            raise ValueError(f'{x} is odd')
        return x
    total([odd(i) for i in range(4)])
"""
    )
    once = ("execute", "--keep-going", "--nr-wait-cycles", "1", "--wait-cycle-time", "0.1")
    failed = jug(*once, "--keep-failed")
    assert failed.returncode == 1
    assert "3 is odd" in failed.stderr
    status = jug("status", "--verbose", "info")
    assert "2           0           0           2           0  jugfile.odd" in status.stdout
    assert "raise ValueError(f'{x} is odd')" in status.stderr
    again = jug(*once)
    assert (again.returncode, again.stderr.count("is odd")) == (1, 0), "what is marked is not tried again"
    assert jug("cleanup", "--failed-only").stdout.strip() == "Removed 2 failure locks"
    assert jug(*once).returncode == 1
    assert "0           0           2           2           0  jugfile.odd" in jug("status").stdout
    reports = json.loads(jug.server.cli("--raw", "HVALS", "jug-rs:1:failed").splitlines()[0])
    assert (reports["type"], reports["kept"]) == ("builtins.ValueError", False)


def test_a_killed_workers_task_is_free_at_once_on_its_host(jug):
    jug.write(COUNTED + HANG + "    hang(1)\n")
    victim = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["hang1"], "the task to start")
    assert "(1 active)" in jug.short()
    other = jug.start("execute", "--wait-cycle-time", "600", "--will-cite")
    time.sleep(0.3)
    (jug.folder / "go").touch()
    victim.kill()
    # Nobody reaps it: what is dead and has a parent that does not care is a zombie.
    finish(other)
    victim.communicate()
    assert jug("check").returncode == 0


def test_a_silent_workers_task_is_free_when_its_heartbeat_is_old_and_it_cannot_come_back(jug):
    jug.write(COUNTED + HANG + "    hang(1)\n")
    jug.options = "?lifetime=1"
    paused = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["hang1"], "the task to start")
    paused.send_signal(signal.SIGSTOP)
    (jug.folder / "go").touch()
    other = jug("execute", "--will-cite")
    assert "1           0  jugfile.hang" in other.stdout, other.stderr
    before = jug.server.cli("HVALS", "jug-rs:1:results")
    paused.send_signal(signal.SIGCONT)
    finish(paused)
    assert jug.server.cli("HVALS", "jug-rs:1:results") == before
    assert ran(jug.folder)["hang1"] == 2


def test_a_worker_that_lives_keeps_its_task_however_long_it_runs(jug):
    jug.write(COUNTED + HANG + "    hang(1)\n")
    jug.options = "?lifetime=1"
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["hang1"], "the task to start")
    once = ("--nr-wait-cycles", "1", "--wait-cycle-time", "3")
    assert "0           0  Total" in jug("execute", "--will-cite", *once).stdout
    (jug.folder / "go").touch()
    finish(worker)
    assert ran(jug.folder) == {"hang1": 1}


def test_a_paused_worker_does_not_release_the_claim_of_its_successor(jug):
    jug.write(COUNTED + HANG + "    hang(1)\n")
    paused = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["hang1"], "the task to start")
    claims = "jug-rs:1:claims"
    # Another worker has taken the task over, and still runs it.
    jug.server.cli(
        "EVAL",
        f"redis.call('SET', '{claims[:9]}alive:elsewhere.1.aa', '')"
        f"for _, k in ipairs(redis.call('HKEYS', '{claims}')) do"
        f" redis.call('HSET', '{claims}', k, 'elsewhere.1.aa') end",
        "0",
    )
    (jug.folder / "go").touch()
    paused.send_signal(signal.SIGINT)
    paused.communicate(timeout=60)
    assert jug.server.cli("HVALS", claims) == "elsewhere.1.aa"
    assert jug.server.cli("HLEN", "jug-rs:1:results") == "0"


def test_a_task_invalidated_before_it_ended_is_not_stored_by_who_ran_it(jug):
    jug.write(COUNTED + HANG + "    hang(1)\n")
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["hang1"], "the task to start")
    jug("invalidate", "--name", "hang")
    (jug.folder / "go").touch()
    finish(worker)
    assert ran(jug.folder) == {"hang1": 2}


def test_what_was_finished_before_a_long_task_is_stored_meanwhile_without_the_interpreter(jug):
    jug.write(
        COUNTED
        + """
    import re
    @TaskGenerator
    def forever(x):
        note('forever')
        re.match(r'(a+)+$', 'a' * 64 + 'b')  # It never lets go of the interpreter.
    for i in range(100):
        step(i)
    forever(1)
"""
    )
    jug.options = "?lifetime=1"
    worker = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["forever"], "the last task to start")
    wait_for(lambda: jug.server.cli("HLEN", "jug-rs:1:results") == "100", "the results")
    time.sleep(1.5)  # Longer than a lifetime.
    assert jug.server.cli("KEYS", "jug-rs:1:alive:*") != ""
    worker.kill()
    worker.communicate()


def test_workers_killed_at_random_finish_everything(jug):
    jug.write(COUNTED + "    total([step(i, 0.02) for i in range(200)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(3)]
    for turn in range(6):
        time.sleep(0.25)
        victim = workers[turn % 3]
        if victim.poll() is None:
            os.kill(victim.pid, signal.SIGKILL)
        victim.communicate()
        workers[turn % 3] = jug.start("execute", "--will-cite")
    finish(*workers)
    assert jug.short() == "All tasks complete (201 tasks)."
    assert len(ran(jug.folder)) == 201
    assert sum(ran(jug.folder).values()) <= 201 + 6


def test_a_task_may_fork(jug):
    jug.write(
        COUNTED
        + """
    import multiprocessing
    @TaskGenerator
    def pooled(n):
        with multiprocessing.get_context('fork').Pool(2) as pool:
            return pool.map(abs, range(-n, 0))
    total([step(len(p)) for p in [[1, 2]]] + [step(3)])
    a = pooled(3)
    b = total(a)
"""
    )
    finish(jug.start("execute", "--will-cite"))
    assert jug("check").returncode == 0


def test_a_database_of_jug_2_7_0_is_reported_and_left_alone(jug):
    jug.server.cli("SET", "result:" + "ab" * 20, "gAOUZQ==")
    jug.server.cli("SET", "lock:" + "ab" * 20, "F")
    jug.write(COUNTED + "    step(1)\n")
    status = jug("status")
    assert "holds results of jug 2.x" in status.stderr
    jug("execute")
    jug("cleanup")
    assert "holds results" not in jug("status").stderr
    assert jug.server.cli("EXISTS", "result:" + "ab" * 20, "lock:" + "ab" * 20) == "2"
