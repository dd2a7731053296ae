"""What becomes of workers that have ended, and of the tasks that they ran."""

from __future__ import annotations

import re

from .jugfiles import DEADLY, EXECUTE, NOTED, ran


def test_each_task_that_ends_its_worker_is_a_failure_of_its_kind_and_the_others_go_on(
    jug, jugdir, kinds, left
):
    jug.write(DEADLY)
    done = jug(*EXECUTE, "-n", "2", "--keep-going", *jugdir)
    assert done.returncode == 1, done.stderr
    assert "60 complete" in jug("status", "--short", *jugdir).stdout
    assert kinds(*jugdir) == {
        "fault": {"signal": 3},
        "leave": {"exit": 3},
        "kill": {"signal": 3},
        "error": {"exception": 3},
    }
    assert re.search(r"^ +60 +0 +12  Total", done.stdout, re.M), done.stdout
    assert "12 tasks failed" in done.stderr
    assert left() == []


def test_a_death_shows_where_the_task_was(jug):
    jug.write(NOTED + "\n    @TaskGenerator\n    def fault(i):\n        ctypes.string_at(0)\n    fault(1)\n")
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 1
    assert "task jugfile.fault(1) failed: killed by SIGSEGV" in done.stderr
    assert "Segmentation fault" in done.stderr
    assert "in fault" in done.stderr
    assert "supervised.py" not in done.stderr


def test_without_keep_going_the_first_failure_ends_all_workers(jug):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.05)
        if i == 3:
            os._exit(1)

    for i in range(200):
        work(i)
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    assert done.returncode == 1
    assert len(ran(jug)) < 100
    assert "ended its process with status 1" in done.stderr


def test_a_worker_that_dies_while_it_starts_is_not_started_for_ever(jug):
    jug.write("import os\nopen('loads', 'a').write('x')\nprint('loading', flush=True)\nos.abort()\n")
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 1
    assert (jug.folder / "loads").read_text() == "xxx"
    assert done.stdout.count("loading") == 1
    assert (
        "3 workers in a row died before they had loaded the jugfile; the last one killed by SIGABRT"
        in done.stderr
    )


def test_a_task_whose_result_was_lost_with_its_worker_is_counted_once(jug):
    """It is run again: results are written a few milliseconds after their task has ended."""
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def work(i):
        return i

    @TaskGenerator
    def leave(i):
        os._exit(1)

    for i in range(3000):
        work(i)
        if i % 300 == 100:
            leave(i)
"""
    )
    done = jug(*EXECUTE, "-n", "2", "--keep-going")
    assert re.search(r"^ +3000 +0 +0  jugfile.work", done.stdout, re.M), done.stdout


def test_a_process_that_a_task_forked_does_not_speak_for_its_worker(jug, kinds):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def fork(i):
        if os.fork() == 0:
            sys.exit(0)
        os.wait()
        os.abort()

    @TaskGenerator
    def work(i):
        return i

    fork(1)
    for i in range(5):
        work(i)
"""
    )
    assert jug(*EXECUTE, "-n", "1", "--keep-going").returncode == 1
    assert kinds() == {"fork": {"signal": 1}}
    assert "5 complete" in jug("status", "--short").stdout


def test_a_worker_that_dies_without_a_task_is_not_replaced_for_ever(jug):
    jug.write(
        NOTED
        + """
    from jug import hooks

    @TaskGenerator
    def work(i):
        return i

    def leave(t):
        os._exit(7)

    work(1)
    hooks.register.register_hook("execute.task-loadable", leave)
"""
    )
    jug("execute", "--will-cite", "--jugdir=other")
    done = jug(*EXECUTE, "-n", "1", "--jugdir=other")
    assert done.returncode == 1
    assert "3 workers in a row died" in done.stderr


def test_another_worker_leaves_a_task_alone_until_it_is_recorded_how_it_died(jug, jugdir, kinds):
    jug.write(
        """
    import os, time
    from jug import TaskGenerator

    # So long takes a replacement, and the other worker is idle.
    time.sleep(1.5)

    @TaskGenerator
    def leave(i):
        with open("ran", "a") as ran:
            ran.write(f"{i}\\n")
        time.sleep(0.3)
        os._exit(3)

    @TaskGenerator
    def work(i):
        time.sleep(0.01)

    [work(i) for i in range(10)], leave(1)
"""
    )
    done = jug("execute", "--will-cite", "--keep-going", "-n", "2", *jugdir)
    assert done.returncode == 1
    assert re.search("^ +10 +0 +1  Total", done.stdout, re.MULTILINE), done.stdout
    assert (jug.folder / "ran").read_text() == "1\n"
    assert kinds(*jugdir) == {"leave": {"exit": 1}}


def test_what_is_seen_to_end_its_process_by_itself_is_run_once(jug, jugdir, kinds):
    """Also where a worker died that had claimed more than it ran, so that the rest runs apart."""
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def work(i):
        return i

    @TaskGenerator
    def leave(i):
        note(i)
        os._exit(3)

    for i in range(8):
        [work(30 * i + k) for k in range(30)], leave(i), leave(100 + i)
"""
    )
    done = jug(*EXECUTE, "--keep-going", "-n", "2", *jugdir)
    assert done.returncode == 1
    assert kinds(*jugdir) == {"leave": {"exit": 16}}
    assert set(ran(jug).values()) == {1}
    assert re.search(r"^ +240 +0 +16  Total", done.stdout, re.M), done.stdout


def test_a_failure_is_stored_before_the_next_task_may_end_its_worker(jug, jugdir, kinds):
    jug.write(
        """
    import os
    from jug import TaskGenerator

    @TaskGenerator
    def error(i):
        with open("ran", "a") as ran:
            ran.write(f"{i}\\n")
        raise ValueError(i)

    @TaskGenerator
    def leave(i):
        os._exit(3)

    @TaskGenerator
    def work(i):
        return i

    # The more quick tasks there were, the more are claimed at once.
    for i in range(10):
        [work(30 * i + k) for k in range(30)], error(i), leave(i)
"""
    )
    assert jug(*EXECUTE, "--keep-going", "-n", "1", *jugdir).returncode == 1
    assert sorted((jug.folder / "ran").read_text().split()) == [str(i) for i in range(10)]
    assert kinds(*jugdir) == {"error": {"exception": 10}, "leave": {"exit": 10}}


def test_a_death_is_recorded_although_the_next_worker_dies_before_it_can(jug, kinds):
    jug.write(
        NOTED
        + """
    n = len(open("loads", "a+").read()) if not os.path.exists("loads") else len(open("loads").read())
    open("loads", "a").write("x")
    if n == 1:
        os.abort()

    @TaskGenerator
    def leave(i):
        note(i)
        os._exit(3)

    leave(1)
"""
    )
    assert jug(*EXECUTE, "-n", "1", "--keep-going").returncode == 1
    assert kinds() == {"leave": {"exit": 1}}
    assert ran(jug) == {1: 1}
