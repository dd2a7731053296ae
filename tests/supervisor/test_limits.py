"""What tasks of supervised workers may take, and how often they are tried."""

from __future__ import annotations

import json

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
