"""Tasks that raise what would end the process, and workers that are asked to end: which is which."""

from __future__ import annotations

import signal
import time

import pytest

QUITTING = """
    import asyncio, os, sys
    from jug import TaskGenerator

    class Halt(BaseException):
        pass

    @TaskGenerator
    def work(i):
        if i == 3:
            {body}
        return i

    numbers = [work(i) for i in range(6)]
"""

SLOW = """
    import signal, sys, time
    from jug import TaskGenerator

    {before}

    @TaskGenerator
    def work(i):
        open("begun", "w").close()
        try:
            # A signal just before a system call does not end it.
            for _ in range(600):
                time.sleep(0.1)
        except {caught}:
            raise ValueError("in other words")

    work(1)
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("sys.exit()", "SystemExit"),
        ("sys.exit(0)", "SystemExit: 0"),
        ("sys.exit(7)", "SystemExit: 7"),
        ("sys.exit('no data')", "SystemExit: no data"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit('over')", "GeneratorExit: over"),
        ("raise asyncio.CancelledError", "asyncio.exceptions.CancelledError"),
        ("raise Halt('no more')", "jugfile.Halt: no more"),
    ],
)
def test_whatever_a_task_raises_is_a_failure_of_that_task(jug, body, said):
    jug.write(QUITTING.format(body=body))
    done = jug("execute", "--will-cite", "--short", "--keep-going")
    assert done.returncode == 1
    assert f"task jugfile.work(3) failed: {said}\n" in done.stderr
    assert "5 complete" in jug("status", "--short").stdout
    assert f"jugfile.work(3) failed: {said}\n" in jug("status").stderr
    ended = jug("execute", "--will-cite", "--short")
    assert ended.returncode == 1
    assert "    " + body in ended.stderr
    assert "jug/engine" not in ended.stderr
    assert "interrupted" not in ended.stderr


def test_a_script_that_runs_the_loop_is_not_ended_by_a_task(jug):
    jug.write(QUITTING.format(body="sys.exit(0)"))
    done = jug.python("""
        import jug
        from jug.options import default_options
        jug.init("jugfile.py", "jugdata")
        try:
            jug.jug.execution_loop([*jug.task.alltasks], default_options)
        except RuntimeError as error:
            print(type(error.__cause__).__name__, error)
        default_options.execute_keep_going = True
        print(jug.jug.execution_loop(jug.task.alltasks, default_options))
    """)
    assert (done.returncode, done.stdout) == (0, "SystemExit task jugfile.work raised SystemExit\nTrue\n")


def test_a_call_that_is_made_while_the_jugfile_loads_ends_no_command_quietly(jug):
    jug.write("""
        import sys
        from jug import CachedFunction

        def fetch():
            sys.exit(0)

        CachedFunction(fetch)
    """)
    done = jug("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert "TaskQuit: task jugfile.fetch raised SystemExit" in done.stderr


@pytest.mark.parametrize(
    ("sent", "status", "before", "caught"),
    [
        (signal.SIGINT, 130, "", "OSError"),
        (signal.SIGTERM, 1, "", "OSError"),
        (signal.SIGINT, 130, "", "BaseException"),
        (signal.SIGTERM, 1, "", "BaseException"),
        (signal.SIGHUP, 1, "", "OSError"),
        (signal.SIGHUP, 1, "", "BaseException"),
        (signal.SIGHUP, 6, "signal.signal(signal.SIGHUP, lambda *_: sys.exit(6))", "OSError"),
        (signal.SIGTERM, 5, "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))", "OSError"),
        (signal.SIGUSR1, 0, "signal.signal(signal.SIGUSR1, lambda *_: sys.exit(0))", "OSError"),
    ],
    ids=[
        "SIGINT",
        "SIGTERM",
        "SIGINT renamed",
        "SIGTERM renamed",
        "SIGHUP",
        "SIGHUP renamed",
        "own SIGHUP",
        "own SIGTERM",
        "own SIGUSR1",
    ],
)
def test_a_worker_that_is_asked_to_end_has_no_failure(jug, sent, status, before, caught):
    jug.write(SLOW.format(before=before, caught=caught))
    running = jug.start("execute", "--keep-going")
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(sent)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, "failed" in err) == (status, False), err
    assert "failed" not in jug("status").stderr


def test_limits_end_a_worker_with_status_0(jug):
    jug.write(QUITTING.format(body="pass"))
    assert jug("execute", "--keep-going", env={"JUG_MAX_TASKS": "2"}).returncode == 0
    (jug.folder / "__jug_please_stop_running.txt").touch()
    assert jug("execute", "--keep-going").returncode == 0
    assert "2 complete" in jug("status", "--short").stdout


def test_a_limit_that_is_reached_inside_a_task_is_no_failure_of_it(jug):
    jug.write("""
        import jug
        from jug import Task, TaskGenerator
        from jug.options import default_options

        def inner(x):
            return x

        @TaskGenerator
        def outer(x):
            return jug.jug.execution_loop([Task(inner, 1)], default_options)

        outer(1)
    """)
    done = jug("execute", "--will-cite", "--keep-going", env={"JUG_MAX_TASKS": "1"})
    said = "jug: stopped after 1 task, as JUG_MAX_TASKS or exit_after_n_tasks says; 'jug execute' goes on\n"
    assert (done.returncode, done.stderr) == (0, said)
