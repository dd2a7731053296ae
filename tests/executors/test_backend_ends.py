"""How each backend ends: by Ctrl-C, by a signal that nothing survives, and where tasks take too much."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.pools import HEAD, ran, reports
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

SLOW = (
    HEAD
    + """
    @TaskGenerator
    def work(i):
        note(i)
        while i < 2 and not os.path.exists("go"):
            time.sleep(0.01)
        return i

    all = [work(i) for i in range(6)]
    """
)


def test_ctrl_c_lets_what_runs_finish_and_starts_nothing_more(jug, backend):
    jug.write(SLOW)
    running = jug.start(*backend)
    wait_for(lambda: (jug.folder / "ran.log").exists() and len(ran(jug)) == 2, "two tasks")
    running.send_signal(signal.SIGINT)
    assert "no other task starts, 2 that run may finish" in running.stderr.readline()
    (jug.folder / "go").touch()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    counts = ran(jug)
    assert f" {len(counts)} complete" in jug("status", "--short").stdout
    assert set(counts) == {"0", "1"}
    assert jug(*backend).returncode == 0
    assert set(ran(jug).values()) == {1}


def test_a_second_ctrl_c_kills_what_runs(jug, backend):
    jug.write(SLOW)
    running = jug.start(*backend)
    wait_for(lambda: (jug.folder / "ran.log").exists() and len(ran(jug)) == 2, "two tasks")
    running.send_signal(signal.SIGINT)
    assert "do it again" in running.stderr.readline()
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    (jug.folder / "go").touch()
    assert jug(*backend).returncode == 0
    assert jug("status", "--short").stdout.startswith("All tasks complete")


def test_after_kill_9_of_the_coordinator_no_worker_is_left_and_nothing_runs_twice(jug, backend):
    jug.write(SLOW.replace("i < 2 and", "i == 100 and").replace("range(6)", "range(200)"))
    running = jug.start(*backend)
    wait_for(lambda: (jug.folder / "ran.log").exists() and "100" in ran(jug), "the slow task")
    running.kill()
    running.communicate()
    before = ran(jug)
    pids = {line.split()[1] for line in (jug.folder / "ran.log").read_text().splitlines()}
    if backend[-1] in ("processes", "supervised", "loky"):
        wait_for(lambda: not any(map(is_alive, pids)), "the end of the workers")
    (jug.folder / "go").touch()
    wait_for(lambda: not any(map(is_alive, pids)), "the end of all workers")
    complete = int(jug("status", "--short").stdout.split(" complete")[0].split()[-1])
    done = jug(*backend)
    assert done.returncode == 0, done.stderr
    counts = ran(jug)
    assert len(counts) == 200
    # What was in flight has no result, and runs again.
    assert counts.total() - before.total() == 200 - complete
    assert max(counts.values()) <= 2


@pytest.mark.parametrize("pool", ["processes", "supervised", "loky"])
def test_tasks_that_take_too_long_or_too_much_memory_are_ended_and_no_others(jug, pool):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        if i == 5:
            time.sleep(60)
        eaten = []
        while i == 9:
            eaten.append(b"x" * 10_000_000)
            time.sleep(0.01)
        return i

    @TaskGenerator(timeout=0.5)
    def brief(i):
        time.sleep(60)

    all = [work(i) for i in range(40)]
    one = brief("b")
    """
    )
    options = ["-n", "2", "--backend", pool, "--keep-going", "--timeout", "4", "--memory-limit", "400MB"]
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 1
    found = reports(jug)
    assert {name: it["kind"] for name, it in found.items()} == {
        "5": "timeout",
        "9": "memory",
        "'b'": "timeout",
    }
    assert "ran longer than 4 s (--timeout)" in found["5"]["message"]
    assert "MB of memory" in found["9"]["message"]
    assert "38 complete" in jug("status", "--short").stdout


def test_no_task_waits_in_the_pool_for_a_long_one_where_time_is_limited(jug):
    """It would begin when that has ended, and not be done by the end."""
    jug.write(
        "    from jug.hooks import register_hook\n"
        + SLOW
        + """
    register_hook("execute.task-pre-execute", lambda t: open("sent.log", "a").write("."))
    """
    )
    sent = jug.folder / "sent.log"
    for extra, most in (({}, 2), ({"JUG_END_TIME": str(int(time.time()) + 3600)}, 1)):
        (jug.folder / "ran.log").unlink(missing_ok=True)
        sent.unlink(missing_ok=True)
        running = jug.start("execute", "--will-cite", "-n", "1", "--backend", "processes", env=extra)
        wait_for(lambda: (jug.folder / "ran.log").exists(), "a task")
        if most == 1:
            # Long enough for what comes at the same time without an end.
            time.sleep(1)
        wait_for(lambda most=most: len(sent.read_text()) >= most, "what is sent")
        running.kill()
        running.communicate()
        assert len(sent.read_text()) == most
        [pid] = {line.split()[1] for line in (jug.folder / "ran.log").read_text().splitlines()}
        wait_for(lambda pid=pid: not is_alive(pid), "the end of the worker")
