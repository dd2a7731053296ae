"""What tasks of supervised workers may take, and how often they are tried."""

from __future__ import annotations

import json
import re
import time

import pytest

from tests.support.waiting import wait_for

FUNCTIONS = """
    import os, time
    from jug import TaskGenerator

    def note(x):
        with open(f"ran.{x}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")
        return len(open(f"ran.{x}").readlines())

    @TaskGenerator
    def work(i):
        time.sleep(0.01)
        return i

    @TaskGenerator
    def hang(i):
        time.sleep(60)

    @TaskGenerator(timeout=0.5)
    def brief(i):
        time.sleep(60)

    @TaskGenerator
    def eat(i):
        eaten = []
        while True:
            eaten.append(bytearray(10_000_000))
            time.sleep(0.005)

    @TaskGenerator(retries=2)
    def die_twice(i):
        if note("die_twice") < 3:
            os.abort()
        return i

    @TaskGenerator
    def die_and_hang(i):
        if note("die_and_hang") == 1:
            os._exit(3)
        time.sleep(60)
"""


def reports(jug, *options):
    """What is known of each failure, by the name of its task."""
    found = json.loads(jug("failures", "--json", *options).stdout)["failures"]
    return {failure["name"].removeprefix("jugfile."): failure for failure in found}


def test_a_limit_that_a_task_breaks_is_its_failure_and_the_others_go_on(jug, jugdir, left):
    jug.write(FUNCTIONS + "    hang(1); brief(1); eat(1)\n    [work(i) for i in range(100)]\n")
    limits = ("--timeout=2", "--memory-limit=400MB")
    done = jug("execute", "--will-cite", "--keep-going", "-n1", *limits, *jugdir)
    assert done.returncode == 1
    assert "100 complete" in jug("status", "--short", *jugdir).stdout
    found = reports(jug, *jugdir)
    assert {name: (it["kind"], it["again"]) for name, it in found.items()} == {
        "hang": ("timeout", False),
        "brief": ("timeout", False),
        "eat": ("memory", False),
    }
    assert "crashes" not in found["hang"] or found["hang"]["crashes"] is None
    assert "ran longer than 0.5 s" in found["brief"]["message"]
    wait_for(lambda: not left(), "all processes to end", 10)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("(timeout=0.5)\n    def breaks(i):\n        time.sleep(60)\n", "timeout"),
        (
            "(memory='200MB')\n    def breaks(i):\n        eaten = b'x' * 400_000_000; time.sleep(60)\n",
            "memory",
        ),
    ],
    ids=["time", "memory"],
)
def test_a_limit_that_only_a_function_has_is_held_although_nothing_else_happens(jug, function, kind):
    """Also where it is known only when the jugfile is loaded once more."""
    functions = FUNCTIONS.replace("import TaskGenerator", "import TaskGenerator, barrier")
    jug.write(f"{functions}\n    work(1)\n    barrier()\n    @TaskGenerator{function}    breaks(1)\n")
    done = jug("execute", "--will-cite", "--keep-going", "-n1")
    assert done.returncode == 1
    assert {name: it["kind"] for name, it in reports(jug).items()} == {"breaks": kind}


def test_a_limit_of_a_functions_memory_is_that_of_its_tasks_only(jug):
    jug.write(
        FUNCTIONS
        + "    @TaskGenerator(memory='200MB')\n    def small(i):\n        return i\n"
        + "    @TaskGenerator\n    def large(i):\n        eaten = b'x' * 400_000_000; time.sleep(0.5)\n"
        + "    large(small(1))\n"
    )
    done = jug("execute", "--will-cite", "-n1")
    assert done.returncode == 0, done.stderr


def test_what_died_with_its_worker_is_tried_again_after_a_pause(jug, jugdir):
    jug.write(FUNCTIONS + "    die_twice(1)\n    [work(i) for i in range(20)]\n")
    done = jug("execute", "--will-cite", "-n1", *jugdir)
    assert done.returncode == 0, done.stderr
    assert len((jug.folder / "ran.die_twice").read_text().split()) == 3
    assert "it is tried again in 1 s (attempt 1 of 3)" in done.stderr
    assert reports(jug, *jugdir) == {}


@pytest.mark.parametrize("jugdir", ["posix"], indirect=True)
def test_a_task_that_is_tried_again_apart_keeps_its_time_limit(jug, jugdir):
    """What runs for too long is its own process then, and not the worker."""
    jug.write(FUNCTIONS + "    die_and_hang(1)\n")
    assert jug("execute", *jugdir).returncode == 3
    done = jug("execute", "--will-cite", "--keep-going", "-n1", "--timeout=1", *jugdir)
    assert done.returncode == 1
    assert "die_and_hang(1) failed: ran longer than 1 s (--timeout)\n" in done.stderr
    assert len((jug.folder / "ran.die_and_hang").read_text().split()) == 2


KEEP_GOING = ("execute", "--will-cite", "--keep-going")

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

    @TaskGenerator(timeout=1)
    def hang(i):
        time.sleep(1000)

    @TaskGenerator
    def allocate(i):
        taken = []
        while True:
            taken.append(bytearray(b"x") * 50_000_000)

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
    done = jug(*KEEP_GOING, "-n", "2", "--memory-limit=500M", *jugdir, timeout=300)
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
    done = jug(*KEEP_GOING, "-n", "1", "--timeout=0.5")
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
    assert jug(*KEEP_GOING, "-n", "1").returncode == 1
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
    assert jug(*KEEP_GOING, "-n", "1", "--memory-limit=450M").returncode == 0


@pytest.mark.parametrize(("length", "count"), [(1.0, 4), (0.02, 150)])
def test_a_task_is_not_blamed_for_memory_that_others_have_left(jug, kinds, length, count):
    jug.write(
        f"""
    import time
    from jug import TaskGenerator

    held = []

    @TaskGenerator
    def leave(i):
        held.append(b"x" * 300_000_000)

    @TaskGenerator(memory="200MB")
    def work(i):
        time.sleep({length})

    leave(1), [work(i) for i in range({count})]
"""
    )
    done = jug(*KEEP_GOING, "-n", "1")
    assert done.returncode == 0, done.stderr
    assert kinds() == {}
    assert done.stderr.count("of memory in worker 1; another one takes its place") == 1
    assert re.search(rf"^ +{count + 1} +0  Total", done.stdout, re.MULTILINE), done.stdout


def test_a_memory_limit_is_not_held_against_what_the_starting_process_had(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    done = jug.python(
        f"""
    import subprocess, sys
    held = bytearray(b"x" * 600_000_000)
    command = [sys.executable, "-m", "jug", *{KEEP_GOING!r}, "-n", "1", "--memory-limit=400M"]
    sys.exit(subprocess.run(command).returncode)
"""
    )
    assert done.returncode == 0, done.stderr


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
    done = jug(*KEEP_GOING, *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_task_has_its_own_limit_of_memory(jug, kinds):
    jug.write(
        """
    import time
    from jug import TaskGenerator

    @TaskGenerator(memory="150MB")
    def small(size):
        data = bytearray(b"x" * size)
        time.sleep(1)

    @TaskGenerator
    def any(size):
        data = bytearray(b"x" * size)
        time.sleep(1)

    small(1000), small(400_000_000), any(400_000_000)
"""
    )
    assert jug(*KEEP_GOING, "-n", "1").returncode == 1
    assert kinds() == {"small": {"memory": 1}}
    assert "2 complete" in jug("status", "--short").stdout
