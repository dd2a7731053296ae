"""Signals for a supervisor, and for its workers."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.support.waiting import wait_for

from .jugfiles import EXECUTE, LONG, NOTED, ran


@pytest.mark.parametrize("signals", [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGHUP,)])
def test_a_signal_lets_what_runs_finish_and_nothing_new_start(jug, left, signals):
    jug.write(LONG)
    supervisor = jug.start(*EXECUTE, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    supervisor.send_signal(signals[0])
    time.sleep(0.3)
    (jug.folder / "go").touch()
    out, err = supervisor.communicate(timeout=60)
    assert supervisor.returncode == (130 if signals[0] == signal.SIGINT else 1)
    assert "no other task starts, 2 that run may finish" in err
    assert re.search(r"^ +2 +0  Total", out, re.M), out
    assert len(ran(jug)) == 2
    assert left() == []


def test_a_second_signal_kills_what_runs_with_all_below_it(jug, left):
    jug.write(
        LONG.replace(
            "note(i)\n        while",
            "subprocess.Popen(['setsid', 'sleep', '1000'])\n        note(i)\n        while",
        )
    )
    supervisor = jug.start(*EXECUTE, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    supervisor.send_signal(signal.SIGINT)
    supervisor.stderr.readline()
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130
    assert left() == []
    assert "0 complete" in jug("status", "--short").stdout
    # That is no failure of theirs, and the next worker runs them.
    (jug.folder / "go").touch()
    assert jug(*EXECUTE, "-n", "2").returncode == 0
    assert "All tasks complete (20 tasks)" in jug("status", "--short").stdout


def test_workers_and_all_below_them_end_with_a_supervisor_that_is_killed(jug, left):
    """Also while a task holds the interpreter in C code."""
    jug.write(
        LONG.replace(
            "note(i)\n        while",
            "subprocess.Popen(['setsid', 'sleep', '1000'])\n        note(i)\n"
            "        if i % 2: ctypes.PyDLL(None).sleep(1000)\n        while",
        )
    )
    supervisor = jug.start(*EXECUTE, "-n", "3")
    wait_for(lambda: len(ran(jug)) == 3, "three tasks that run")
    supervisor.kill()
    supervisor.communicate(timeout=60)
    wait_for(lambda: left() == [], "the end of all workers", 2.0)


def test_a_supervisor_that_is_stopped_stops_its_workers(jug):
    jug.write(LONG)
    supervisor = jug.start(*EXECUTE, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    workers = [int(path.read_text()) for path in jug.folder.glob("ran.*")]

    def state(pid):
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    supervisor.send_signal(signal.SIGTSTP)
    wait_for(lambda: {state(pid) for pid in (*workers, supervisor.pid)} == {"T"}, "all to be stopped")
    supervisor.send_signal(signal.SIGCONT)
    wait_for(lambda: "T" not in {state(pid) for pid in (*workers, supervisor.pid)}, "all to go on")
    (jug.folder / "go").touch()
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0


def test_a_task_that_was_killed_with_its_supervisor_or_by_ctrl_c_has_not_crashed(jug, jugdir):
    """However often: only a death of which it may be the cause counts."""
    jug.write(LONG)
    for number in range(4):
        supervisor = jug.start(*EXECUTE, "-n", "1", "--crash-limit=1", *jugdir)
        wait_for(lambda: sum(ran(jug).values()) > number, "a task that runs", 120)  # noqa: B023
        if number % 2:
            supervisor.kill()
        else:
            supervisor.send_signal(signal.SIGINT)
            supervisor.stderr.readline()
            supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=60)
    (jug.folder / "go").touch()
    done = jug(*EXECUTE, "-n", "1", "--crash-limit=1", *jugdir)
    assert (done.returncode, done.stderr) == (0, "")


def test_signals_that_are_ignored_stay_ignored(jug):
    jug.write(LONG)
    supervisor = subprocess.Popen(
        ["nohup", sys.executable, "-m", "jug", *EXECUTE, "-n", "2"],
        cwd=jug.folder,
        env=jug.env(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    supervisor.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    (jug.folder / "go").touch()
    assert supervisor.wait(60) == 0
    assert "All tasks complete" in jug("status", "--short").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_another_worker_takes_the_place_of_one_that_is_asked_to_end_or_killed(jug, number):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def error(i):
        raise ValueError(i)

    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.2)
        return i

    error(0)
    for i in range(20):
        work(i)
"""
    )
    run = jug.start(*EXECUTE, "--keep-going", "-n", "1")
    wait_for(lambda: ran(jug), "a task runs")
    (pid,) = {int(pid) for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}
    os.kill(pid, number)
    out, err = run.communicate(timeout=60)
    assert "another one takes its place" in err or number == signal.SIGKILL
    assert re.search(r"^ +20 +0 +1  Total", out, re.M), out
    # What failed before was seen by the first worker only.
    assert run.returncode == 1
    assert "20 complete" in jug("status", "--short").stdout
    assert len({pid for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}) >= 2


@pytest.mark.parametrize(
    ("signal_it", "kind"),
    [
        ("os.kill(os.getpid(), 15)", "signal"),
        # Run apart, it is a KeyboardInterrupt of the task's own.
        ("os.killpg(0, 2)", "exception"),
        ("os.killpg(0, 1)", "signal"),
    ],
    ids=["term", "interrupt", "hangup"],
)
def test_a_task_that_asks_its_worker_to_end_fails_and_the_others_go_on(jug, jugdir, kinds, signal_it, kind):
    jug.write(f"""
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        return i

    @TaskGenerator
    def ask(i):
        {signal_it}
        time.sleep(0.5)

    ask(1)
    for i in range(100):
        work(i)
""")
    done = jug(*EXECUTE, "--keep-going", "-n", "2", *jugdir)
    assert done.returncode == 1
    assert re.search(r"^ +100 +0 +1  Total", done.stdout, re.M), done.stdout
    assert kinds(*jugdir) == {"ask": {kind: 1}}
    assert "was asked to end while it ran jugfile.ask; another one takes its place" in done.stderr


def test_a_task_has_not_failed_when_all_processes_of_a_job_are_asked_to_end(jug, kinds):
    jug.write(LONG)
    for number in range(3):
        run = jug.start(*EXECUTE, "-n", "2")
        wait_for(lambda: sum(ran(jug).values()) >= 2 * number + 2, "two tasks that run", 60)  # noqa: B023
        pids = {int(pid) for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        time.sleep(0.05)
        run.terminate()
        run.communicate(timeout=60)
        assert run.returncode == 1
    assert kinds() == {}
    (jug.folder / "go").touch()
    assert jug(*EXECUTE, "-n", "2", "--crash-limit=1").returncode == 0
