"""``jug status --watch``: a computation that runs elsewhere, followed to its end."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite")
WATCH = ("status", "--watch")

#: What is started waits for a file.
WAITING = """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def work(n):
        return n

    @TaskGenerator
    def wait(n):
        while not os.path.exists("go"):
            time.sleep(0.01)
        return n

    @TaskGenerator
    def fail(n):
        raise ValueError(n)

    for n in range(10):
        work(n)
    fail(1) if os.path.exists("fail") else None
    for n in range(2):
        wait(n)
"""


@pytest.fixture(params=["jugdir", "redis"])
def jugdir(request):
    """Options for a store of each kind."""
    if request.param == "redis":
        return ["--jugdir", request.getfixturevalue("redis_server").url]
    return []


def go(jug):
    """Lets the tasks that wait go on."""
    (jug.folder / "go").touch()


def test_a_terminal_shows_what_runs_elsewhere_until_it_is_complete(jug, jugdir):
    jug.write(WAITING)
    worker = jug.start(*EXECUTE, *jugdir)
    with Terminal(jug, *WATCH, *jugdir) as terminal:
        terminal.wait_for(r"^jugfile\.wait +━* +0/2 +1 +0")
        shown = terminal.wait_for(rf"^\S+:{worker.pid} +jugfile\.wait +[1-9] s$")
        lines = shown.split("\n")
        assert re.fullmatch(r"Task +Done +Running +Failed +Rate +Left", lines[1])
        assert re.match(r"jugfile\.work +━* +10/10 +0 +0", lines[3])
        assert lines[-1].startswith("10 of 12 tasks done, 1 running")
        assert not terminal.is_cursor_shown()
        go(jug)
        assert terminal.wait() == 0
        assert terminal.lines() == ["All tasks complete (12 tasks)."]
        assert terminal.is_cursor_shown()
    assert worker.wait(60) == 0
    worker.communicate()


def test_failures_are_counted_whether_they_are_kept_or_not(jug):
    jug.write(WAITING)
    (jug.folder / "fail").touch()
    go(jug)
    assert jug(*EXECUTE, "--keep-going").returncode == 1
    with Terminal(jug, *WATCH) as terminal:
        terminal.wait_for(r"^jugfile\.fail +━* +0/1 +0 +1")
        terminal.wait_for(r"^12 of 13 tasks done, 0 running, 1 failed")
        terminal.wait_for(r"^no worker runs$")


def test_ctrl_c_ends_it_with_a_clean_terminal(jug):
    jug.write(WAITING)
    with Terminal(jug, *WATCH) as terminal:
        terminal.wait_for(r"^0 of 12 tasks done")
        terminal.press(b"\x03")
        assert terminal.wait() == 130
        assert terminal.lines() == [""]
        assert terminal.is_cursor_shown()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 1), (signal.SIGHUP, 1)])
def test_other_signals_do_so_too(jug, number, status):
    jug.write(WAITING)
    with Terminal(jug, *WATCH) as terminal:
        terminal.wait_for(r"^0 of 12 tasks done")
        terminal.process.send_signal(number)
        assert terminal.wait() == status
        assert "tasks done" not in terminal.text()
        assert terminal.is_cursor_shown()


def test_ctrl_z_leaves_a_clean_terminal_and_fg_shows_it_again(jug):
    jug.write(WAITING)
    with Terminal(jug, *WATCH) as terminal:
        for _ in range(2):
            terminal.wait_for(r"^0 of 12 tasks done")
            terminal.press(b"\x1a")
            wait_for(terminal.is_cursor_shown, "a clean terminal")
            assert terminal.lines() == [""]
            terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(r"^0 of 12 tasks done")


def test_a_pipe_gets_a_line_every_ten_seconds_and_one_at_the_end(jug):
    jug.write(WAITING)
    watch = jug.start(*WATCH)
    assert watch.stdout.readline() == "0 of 12 tasks done, 0 running; no worker runs\n"
    worker = jug.start(*EXECUTE)
    assert watch.stdout.readline().startswith("10 of 12 tasks done, 1 running, ")
    go(jug)
    out, err = watch.communicate(timeout=60)
    assert (watch.returncode, err) == (0, "")
    assert out == "All tasks complete (12 tasks).\n"
    worker.communicate(timeout=60)


def test_ctrl_c_ends_the_lines_of_a_pipe_with_status_130(jug):
    jug.write(WAITING)
    watch = jug.start(*WATCH)
    watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    assert watch.communicate(timeout=60) == ("", "")
    assert watch.returncode == 130


def test_what_is_complete_ends_at_once(jug):
    jug.write(WAITING)
    go(jug)
    assert jug(*EXECUTE).returncode == 0
    done = jug(*WATCH)
    assert (done.returncode, done.stdout, done.stderr) == (0, "All tasks complete (12 tasks).\n", "")


def test_tasks_behind_a_barrier_are_waited_for(jug):
    jug.write(WAITING + "\n    from jug import barrier\n    barrier()\n    print('passed')\n    work(100)\n")
    with Terminal(jug, *WATCH) as terminal:
        terminal.wait_for(r"^0 of 12 tasks done")
        go(jug)
        assert jug(*EXECUTE).returncode == 0
        assert terminal.wait() == 0
        # What the jugfile prints when it is loaded again stands above.
        assert terminal.lines() == ["passed", "All tasks complete (13 tasks)."]


def test_an_error_in_a_jugfile_that_was_changed_is_shown(jug):
    jug.write(WAITING)
    with Terminal(jug, *WATCH) as terminal:
        terminal.wait_for(r"^0 of 12 tasks done")
        time.sleep(0.1)
        jug.write("nothing_of_that_name\n")
        terminal.wait_for(r"^jugfile.py cannot be loaded again: NameError: [^$]* is\s+not defined")
        terminal.wait_for(r"^0 of 12 tasks done")


def test_looking_creates_nothing(jug):
    jug.write(WAITING)
    watch = jug.start(*WATCH)
    watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    watch.communicate(timeout=60)
    assert not (jug.folder / "jugfile.jugdata").exists()


@pytest.mark.parametrize("option", ["--json", "--cache", "--times", "--short"])
def test_another_form_of_the_status_is_wrong_usage(jug, option):
    jug.write(WAITING)
    done = jug(*WATCH, option)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"jug: error: --watch shows a table of its own, without {option}\n"


def test_a_reader_that_goes_away_ends_it(jug):
    jug.write(WAITING)
    watch = jug.start(*WATCH)
    watch.stdout.close()
    assert (watch.wait(60), watch.stderr.read()) == (1, "")
    watch.stderr.close()
