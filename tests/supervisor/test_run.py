"""``jug execute -n N``: workers that are started, watched, replaced, and counted together."""

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

EXECUTE = ("execute", "--will-cite")

NOTED = """
    import ctypes, os, signal, subprocess, sys, time
    from jug import TaskGenerator, barrier

    def note(i):
        with open(f"ran.{i}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")
"""

NUMBERS = (
    NOTED
    + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.002)
        return i

    @TaskGenerator
    def total(numbers):
        return sum(numbers)

    whole = total([work(i) for i in range(100)])
"""
)

DEADLY = (
    NOTED
    + """
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
    def kill(i):
        os.kill(os.getpid(), signal.SIGKILL)

    @TaskGenerator
    def error(i):
        raise ValueError(i)

    for i in range(60):
        work(i)
        if i % 20 == 0:
            fault(i), leave(i), kill(i), error(i)
"""
)

#: Each task says that it runs, and runs until there is a file.
LONG = (
    NOTED
    + """
    @TaskGenerator
    def work(i):
        note(i)
        while not os.path.exists("go"):
            time.sleep(0.01)
        return i

    for i in range(20):
        work(i)
"""
)


def ran(jug):
    """Which tasks were run, and how many times each."""
    return {int(path.suffix[1:]): len(path.read_text().split()) for path in jug.folder.glob("ran.*")}


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


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-n", "0"], "-n must be 'auto' or a number from 1 on, not '0'"),
        (["-n", "-2"], "-n must be 'auto' or a number from 1 on, not '-2'"),
        (["-n", "two"], "-n must be 'auto' or a number from 1 on, not 'two'"),
        (["-n", "1", "--threads-per-worker=-1"], "--threads-per-worker must be a number from 1 on, not -1"),
        (["-n", "1", "--threads-per-worker=0"], "--threads-per-worker must be a number from 1 on, not 0"),
        (["-n", "1", "--max-tasks-per-worker=0"], "--max-tasks-per-worker must be a number from 1 on, not 0"),
        (["-n", "100000000"], "100000000 workers need more open files than the"),
        (["--max-tasks-per-worker=5"], "--max-tasks-per-worker is for workers that -n starts"),
        (["-n", "1", "--pdb"], "--pdb needs a terminal"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(jug, options, says):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1 or "usage:" in done.stderr


def test_a_configuration_file_says_how_many(jug):
    jug.write(NUMBERS)
    (jug.folder / "jugrc").write_text("[execute]\nn_workers = auto\n")
    assert jug(*EXECUTE).returncode == 0
    pids = {pid for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}
    assert 1 <= len(pids) <= len(os.sched_getaffinity(0))
    assert os.getppid() not in pids


def test_what_a_configuration_file_says_of_workers_is_no_error_where_there_are_none(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    (jug.folder / "jugrc").write_text("[execute]\nthreads_per_worker = 2\ncapture = true\n")
    done = jug(*EXECUTE)
    assert (done.returncode, done.stderr) == (0, "")
    (jug.folder / "jugrc").write_text("[execute]\nn_workers = 2\nprogress = plain\n")
    done = jug(*EXECUTE, "--pdb")
    assert (done.returncode, done.stderr) == (0, "")


def test_that_nothing_was_selected_is_said_once(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "2", "--name=nothing")
    assert done.returncode == 0
    assert done.stderr.count("nothing") == 1


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


def test_a_wrong_limit_in_the_environment_is_one_line(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "2", env={"JUG_MAX_TASKS": "many"})
    assert done.returncode == 1
    assert done.stderr.count("JUG_MAX_TASKS must be a whole number") == 1
    assert "Traceback" not in done.stderr


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


def test_children_that_the_process_had_before_are_left_alone(jug):
    """A shell that becomes the supervisor by `exec` leaves it its own."""
    jug.write(DEADLY)
    command = (
        f"sleep 60 & echo $! > child; exec {sys.executable} -m jug execute --will-cite --keep-going -n 2"
    )
    subprocess.run(["bash", "-c", command], cwd=jug.folder, env=jug.env(), capture_output=True, check=False)
    child = int((jug.folder / "child").read_text())
    os.kill(child, signal.SIGTERM)


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


def test_too_many_workers_for_the_files_that_may_be_open_is_one_line(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    command = f"ulimit -n 60; exec {sys.executable} -m jug execute --will-cite -n 20"
    done = subprocess.run(
        ["sh", "-c", command], cwd=jug.folder, env=jug.env(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "jug: error: 20 workers need more open files than the 60 that this process may have: start fewer, or "
        "allow more (ulimit -n)\n"
    )


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


def test_an_error_in_a_jugfile_says_nothing_of_a_selection_that_nobody_made(jug):
    jug.write("from jug import Task\nTask(abs, 1)\nraise ValueError('bad jugfile')\n")
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 1
    assert "bad jugfile" in done.stderr
    assert "--pattern" not in done.stderr


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
