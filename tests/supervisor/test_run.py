"""``jug execute -n N``: workers that are started, watched, and counted together."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

from tests.support.waiting import wait_for

from .conftest import BACKEND
from .jugfiles import DEADLY, EXECUTE, LONG, NOTED, NUMBERS, ran


def test_all_tasks_are_run_once_by_the_workers_of_one_command(jug, jugdir, left):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "3", *jugdir)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ +101 +0  Total", done.stdout, re.M), done.stdout
    assert ran(jug) == dict.fromkeys(range(100), 1)
    pids = {pid for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}
    assert 2 <= len(pids) <= 3
    assert left() == []
    again = jug(*EXECUTE, "-n", "2", *jugdir)
    assert re.search(r"^ +0 +101  Total", again.stdout, re.M), again.stdout


def test_a_users_backend_will_do(jug):
    jug.write(
        BACKEND
        + NUMBERS.replace("\n    def note", "\n    import jug\n    jug.set_jugdir(Store())\n    def note", 1)
    )
    done = jug(*EXECUTE, "-n", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^ +101 +0  Total", done.stdout, re.M), done.stdout
    assert ran(jug) == dict.fromkeys(range(100), 1)


def test_workers_have_an_empty_standard_input(jug):
    jug.write(NOTED + "\n    @TaskGenerator\n    def read():\n        return sys.stdin.read()\n    read()\n")
    assert jug(*EXECUTE, "-n", "1").returncode == 0


def test_what_workers_print_comes_in_whole_lines_with_the_worker_in_front(jug):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def work(i):
        for _ in range(50):
            sys.stdout.write("a" * 50)
            sys.stdout.flush()
            os.write(1, b"b" * 50 + b"\\n")
        subprocess.run(["echo", "from a child"])

    for i in range(8):
        work(i)
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    lines = [
        line
        for line in done.stdout.splitlines()
        if "  " not in line and ".." not in line and "--" not in line
    ]
    assert set(lines) <= {f"[{n} jugfile.work] {'a' * 50}{'b' * 50}" for n in (1, 2)} | {
        f"[{n} jugfile.work] from a child" for n in (1, 2)
    } | {""}
    assert sum("from a child" in line for line in lines) == 8
    alone = jug(*EXECUTE, "-n", "1", "--jugdir=other")
    assert "\n[jugfile.work] from a child\n" in alone.stdout


def test_numeric_libraries_share_the_processors_unless_the_environment_says_otherwise(jug):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def threads():
        print(os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"])
    threads()
"""
    )
    env = {"MKL_NUM_THREADS": "7"}
    done = jug(*EXECUTE, "-n", "1", env=env)
    assert f"{len(os.sched_getaffinity(0))} 7\n" in done.stdout
    done = jug(*EXECUTE, "-n", "1", "--threads-per-worker=3", "--jugdir=other", env=env)
    assert "3 7\n" in done.stdout


def test_limits_count_over_all_workers(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "3", env={"JUG_MAX_TASKS": "20"})
    assert done.returncode == 0
    assert len(ran(jug)) == 20
    assert done.stderr.count("after 20 tasks") == 1
    began = time.monotonic()
    jug.write(NUMBERS.replace("0.002", "0.1"))
    done = jug(*EXECUTE, "-n", "2", "--max-tasks-per-worker=3", env={"JUG_MAX_SECONDS": "2"})
    assert done.returncode == 0
    assert time.monotonic() - began < 30
    assert len(ran(jug)) < 100


def test_a_stop_file_ends_all_workers(jug):
    jug.write(LONG)
    supervisor = jug.start(*EXECUTE, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    (jug.folder / "__jug_please_stop_running.txt").touch()
    (jug.folder / "go").touch()
    _, err = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert len(ran(jug)) == 2
    assert err.count("__jug_please_stop_running.txt") == 1


def test_a_worker_is_replaced_after_so_many_tasks(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "2", "--max-tasks-per-worker=10")
    assert (done.returncode, done.stderr) == (0, "")
    assert ran(jug) == dict.fromkeys(range(100), 1)
    pids = [pid for path in jug.folder.glob("ran.*") for pid in path.read_text().split()]
    assert max(map(pids.count, pids)) <= 10
    assert re.search(r"^ +101 +0  Total", done.stdout, re.M), done.stdout


def test_barriers_are_passed_by_each_worker_in_its_own_process(jug):
    jug.write(
        """
    import os, time
    from jug import TaskGenerator, barrier, bvalue
    with open("imported", "a") as file:
        file.write(f"{os.getpid()}\\n")

    @TaskGenerator
    def work(level, i):
        return level + i

    n = 4
    for level in range(3):
        found = [work(level, i) for i in range(n)]
        barrier()
        n = bvalue(found[1]) + 3
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set((jug.folder / "imported").read_text().split())) == 2


def test_an_error_in_the_jugfile_is_shown_once(jug):
    jug.write("import nothing_of_that_name\n")
    done = jug(*EXECUTE, "-n", "3")
    assert done.returncode == 1
    assert done.stderr.count("ModuleNotFoundError: ") == 1, done.stderr


@pytest.mark.parametrize("source", [None, "import nothing_of_that_name\n", "from jug import Task\n1 / 0\n"])
def test_where_nothing_could_be_loaded_there_is_an_error_and_no_table(jug, source):
    if source is not None:
        jug.write(source)
    done = jug(*EXECUTE, "-n", "2")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr


def test_without_tasks_there_is_an_empty_table(jug):
    jug.write("import jug\n")
    done = jug(*EXECUTE, "-n", "2")
    assert done.returncode == 0
    assert re.search(r"^ +0 +0  Total", done.stdout, re.M)


def test_what_two_supervisors_and_a_plain_worker_run_is_run_once(jug, jugdir):
    jug.write(NUMBERS)
    all_of_them = [jug.start(*EXECUTE, *n, *jugdir) for n in (("-n", "2"), ("-n", "2"), ())]
    for one in all_of_them:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
    assert ran(jug) == dict.fromkeys(range(100), 1)


def test_that_nothing_was_selected_is_said_once(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "2", "--name=nothing")
    assert done.returncode == 0
    assert done.stderr.count("nothing") == 1


def test_a_worker_that_is_replaced_does_not_hide_that_a_task_failed_or_a_limit_was_reached(jug):
    jug.write(
        NOTED
        + """
    @TaskGenerator
    def work(i):
        note(i)
        1 / 0

    for i in range(9):
        work(i)
"""
    )
    assert jug(*EXECUTE, "-n", "1", "--max-tasks-per-worker=1").returncode == 1
    assert len(ran(jug)) == 1
    jug.write(NUMBERS.replace("0.002", "0.3"))
    done = jug(*EXECUTE, "-n", "1", "--max-tasks-per-worker=1", env={"JUG_MAX_SECONDS": "1"})
    assert done.returncode == 0
    assert len(ran(jug)) < 20


def test_children_that_the_process_had_before_are_left_alone(jug):
    """A shell that becomes the supervisor by `exec` leaves it its own."""
    jug.write(DEADLY)
    # What it prints to is not the pipe that is read here to its end.
    child = "sleep 600 > /dev/null 2>&1 & echo $! > child"
    command = f"{child}; exec {sys.executable} -m jug execute --will-cite --keep-going -n 2"
    subprocess.run(["bash", "-c", command], cwd=jug.folder, env=jug.env(), capture_output=True, check=False)
    child = int((jug.folder / "child").read_text())
    os.kill(child, signal.SIGTERM)


def test_a_task_that_closes_all_files_and_opens_others_has_nothing_written_into_them(jug):
    jug.write("""
    import os
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def close():
        os.closerange(3, 64)
        for i in range(64):
            os.open(f"mine.{i}", os.O_RDWR | os.O_CREAT)

    @TaskGenerator
    def work(i):
        return i

    close()
    barrier()
    work(1)
""")
    jug(*EXECUTE, "-n", "1", "--log=log")
    assert {path.read_bytes() for path in jug.folder.glob("mine.*")} == {b""}


def test_a_task_that_reads_from_the_terminal_fails_and_does_not_stop_its_worker(jug, kinds):
    jug.write("""
    from jug import TaskGenerator

    @TaskGenerator
    def ask():
        with open("/dev/tty") as terminal:
            return terminal.readline()

    ask()
""")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(jug.folder)
        command = [sys.executable, "-m", "jug", *EXECUTE, "--keep-going", "-n", "1", "--progress=none"]
        os.execve(sys.executable, command, jug.env())
    printed = b""
    with contextlib.suppress(OSError):  # The end of a terminal.
        while text := os.read(terminal, 65536):
            printed += text
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert (os.waitstatus_to_exitcode(status), kinds()) == (1, {"ask": {"exception": 1}}), printed


def test_an_error_in_a_jugfile_says_nothing_of_a_selection_that_nobody_made(jug):
    jug.write("from jug import Task\nTask(abs, 1)\nraise ValueError('bad jugfile')\n")
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 1
    assert "bad jugfile" in done.stderr
    assert "--pattern" not in done.stderr
