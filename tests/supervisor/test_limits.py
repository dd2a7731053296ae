"""Limits of time and memory that a supervisor enforces on its workers."""

from __future__ import annotations

import time

import pytest

EXECUTE = ("execute", "--will-cite", "--keep-going")

#: A thousand tasks, fifty of which end in one of five ways.
MIXED = """
    import ctypes, os, time
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        time.sleep(0.005)
        return i

    @TaskGenerator
    def fault(i):
        ctypes.string_at(0)

    @TaskGenerator
    def leave(i):
        os._exit(3)

    @TaskGenerator
    def hang(i):
        time.sleep(1000)

    @TaskGenerator
    def allocate(i):
        taken = []
        while True:
            taken.append(bytearray(b"x" * 10_000_000))

    @TaskGenerator
    def error(i):
        raise ValueError(i)

    for i in range(950):
        work(i)
        if i % 95 == 50:
            fault(i), leave(i), hang(i), allocate(i), error(i)
"""


@pytest.mark.parametrize("store", ["posix", "redis"])
def test_fifty_of_a_thousand_tasks_end_in_their_own_way_and_all_others_have_results(
    jug, store, kinds, left, request
):
    jug.write(MIXED)
    jugdir = ["--jugdir", request.getfixturevalue("redis_server").url] if store == "redis" else []
    began = time.monotonic()
    done = jug(*EXECUTE, "-n", "2", "--timeout=1", "--memory-limit=500M", *jugdir, timeout=300)
    took = time.monotonic() - began
    assert done.returncode == 1, done.stderr
    assert kinds(*jugdir) == {
        "fault": {"signal": 10},
        "leave": {"exit": 10},
        "hang": {"timeout": 10},
        "allocate": {"memory": 10},
        "error": {"exception": 10},
    }
    assert "950 complete" in jug("status", "--short", *jugdir).stdout
    assert left() == []
    print(f"{took:.1f} s")


def test_a_task_that_holds_the_interpreter_is_killed_when_its_time_is_over(jug, kinds, left):
    jug.write(
        """
    import ctypes, subprocess
    from jug import TaskGenerator

    @TaskGenerator
    def hold(i):
        subprocess.Popen(["setsid", "sleep", "1000"])
        ctypes.PyDLL(None).sleep(1000)

    hold(1)
"""
    )
    done = jug(*EXECUTE, "-n", "1", "--timeout=0.5")
    assert done.returncode == 1
    assert "ran longer than 0.5 s" in done.stderr
    assert kinds() == {"hold": {"timeout": 1}}
    assert left() == []


def test_a_task_has_its_own_limit_of_time(jug, kinds):
    jug.write(
        """
    import time
    from jug import TaskGenerator

    @TaskGenerator(timeout=0.3)
    def brief(i):
        time.sleep(i)

    @TaskGenerator
    def any(i):
        time.sleep(i)

    brief(0.001), brief(100), any(0.8)
"""
    )
    assert jug(*EXECUTE, "-n", "1").returncode == 1
    assert kinds() == {"brief": {"timeout": 1}}
    assert "2 complete" in jug("status", "--short").stdout


def test_memory_that_forked_processes_share_counts_once(jug):
    jug.write(
        """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def pool():
        data = bytearray(b"x" * 200_000_000)
        children = [os.fork() for _ in range(3)] if os.getpid() else []
        if 0 in children:
            time.sleep(1)
            os._exit(len(data) == 0)
        for child in children:
            os.waitpid(child, 0)

    pool()
"""
    )
    assert jug(*EXECUTE, "-n", "1", "--memory-limit=450M").returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-n", "1", "--timeout=0"], "--timeout"),
        (["-n", "1", "--timeout=-1"], "--timeout"),
        (["-n", "1", "--timeout=soon"], "--timeout"),
        (["-n", "1", "--memory-limit=much"], "much"),
        (["-n", "1", "--memory-limit=1M"], "--memory-limit"),
    ],
)
def test_limits_that_are_none_are_wrong_usage(jug, options, says):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert says in done.stderr
