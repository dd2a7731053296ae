"""Workers that were forked are watched, ended and replaced as others are."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from tests.support.waiting import wait_for

from .forked import FORKED, NOTED

DYING = """
    import heavy
    import ctypes, os, signal, time
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        time.sleep(0.01)
        return i

    @TaskGenerator
    def fault():
        ctypes.string_at(0)

    @TaskGenerator
    def leave():
        os._exit(3)

    @TaskGenerator
    def kill():
        os.kill(os.getpid(), signal.SIGKILL)

    @TaskGenerator(timeout=0.5)
    def hang():
        time.sleep(60)

    @TaskGenerator(memory="400M")
    def eat():
        eaten = []
        while True:
            eaten.append(b"x" * 10_000_000)
            time.sleep(0.005)

    fault(), leave(), kill(), hang(), eat()
    for i in range(30):
        work(i)
"""


def test_every_kind_of_death_is_noticed_and_costs_one_task(jug, installed, kinds, left):
    installed(heavy=NOTED)
    jug.write(DYING)
    done = jug(*FORKED, "-n", "2", "--keep-going", "--keep-failed")
    assert done.returncode == 1
    assert kinds() == {
        "fault": {"signal": 1},
        "leave": {"exit": 1},
        "kill": {"signal": 1},
        "hang": {"timeout": 1},
        "eat": {"memory": 1},
    }
    assert "30           0           5  Total" in done.stdout
    assert left() == []


LONG = """
    import heavy
    import os, subprocess, time
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        subprocess.Popen(["setsid", "sleep", "1000"])
        with open(f"ran.{i}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")
        while not os.path.exists("go"):
            time.sleep(0.01)

    for i in range(4):
        work(i)
"""


def ran(jug):
    return [int(path.read_text()) for path in jug.folder.glob("ran.*")]


def test_nothing_is_left_of_a_supervisor_that_is_killed(jug, installed, left):
    installed(heavy=NOTED)
    jug.write(LONG)
    supervisor = jug.start(*FORKED, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    supervisor.kill()
    supervisor.communicate(timeout=60)
    wait_for(lambda: left() == [], "the end of all", 2.0)


def test_nothing_is_left_of_a_supervisor_that_is_killed_while_modules_are_imported(jug, installed, left):
    installed(
        heavy=NOTED + "\n    import time, subprocess; subprocess.Popen(['sleep', '1000']); time.sleep(1000)"
    )
    jug.write(LONG)
    supervisor = jug.start(*FORKED, "-n", "2")
    wait_for((jug.folder / "imports").exists, "the import")
    supervisor.kill()
    supervisor.communicate(timeout=60)
    wait_for(lambda: left() == [], "the end of all", 2.0)


def test_ctrl_c_while_modules_are_imported_ends_the_command_at_once(jug, installed, left):
    installed(heavy=NOTED + "\n    import time; time.sleep(1000)")
    jug.write(LONG)
    supervisor = jug.start(*FORKED, "-n", "2")
    wait_for((jug.folder / "imports").exists, "the import")
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130
    assert left() == []
    assert ran(jug) == []


def test_ctrl_z_stops_forked_workers_and_they_go_on(jug, installed):
    installed(heavy=NOTED)
    jug.write(LONG)
    supervisor = jug.start(*FORKED, "-n", "2")
    wait_for(lambda: len(ran(jug)) == 2, "two tasks that run")
    everybody = [*ran(jug), supervisor.pid]

    def states():
        return {Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] for pid in everybody}

    supervisor.send_signal(signal.SIGTSTP)
    wait_for(lambda: states() == {"T"}, "all to be stopped")
    supervisor.send_signal(signal.SIGCONT)
    wait_for(lambda: "T" not in states(), "all to go on")
    (jug.folder / "go").touch()
    supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0


def test_what_a_server_lacks_that_was_killed_is_spawned(jug, installed, left):
    installed(heavy=NOTED)
    jug.write(LONG)
    supervisor = jug.start(*FORKED, "-n", "1", "--max-tasks-per-worker=1")
    wait_for(lambda: len(ran(jug)) == 1, "a task that runs")
    workers = set(ran(jug))
    children = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children").read_text().split()
    (server,) = {int(pid) for pid in children} - workers
    os.kill(server, signal.SIGKILL)
    time.sleep(0.2)
    (jug.folder / "go").touch()
    out, err = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert err == ("jug: warning: workers are spawned, as none can be forked: it was killed by SIGKILL\n")
    assert "4           0  Total" in out
    assert left() == []


def test_a_forked_worker_has_a_group_and_an_empty_standard_input_and_its_variables(jug, installed):
    installed(heavy=NOTED)
    jug.write(
        """
        import heavy, os, sys
        from jug import TaskGenerator

        @TaskGenerator
        def look():
            assert os.getpgid(0) == os.getpid()
            assert sys.stdin.read() == ""
            assert os.environ["MKL_NUM_THREADS"] == "7"
            assert os.environ["OMP_NUM_THREADS"] == "3"
            assert not {"JUG_SUPERVISED", "JUG_FORKSERVER"} & set(os.environ)

        look()
        """
    )
    done = jug(*FORKED, "-n", "1", "--threads-per-worker=3", env={"MKL_NUM_THREADS": "7"})
    assert done.returncode == 0, done.stderr


def test_numpys_threads_survive_a_fork(jug):
    pytest.importorskip("numpy")
    jug.write(
        """
        import numpy
        from jug import TaskGenerator

        @TaskGenerator
        def multiply(i):
            a = numpy.full((500, 500), 2.0)
            return float((a @ a).sum())

        for i in range(4):
            multiply(i)
        """
    )
    done = jug(*FORKED, "-n", "2", "--max-tasks-per-worker=1", env={"OPENBLAS_NUM_THREADS": "4"})
    assert (done.returncode, done.stderr) == (0, "")


def test_what_forked_workers_print_is_kept_and_logged(jug):
    jug.write(
        """
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            print(f"this is {i}", flush=True)
            return 1 / i

        work(0), work(1)
        """
    )
    done = jug(*FORKED, "-n", "1", "--keep-going", "--capture", "--log=log")
    assert done.returncode == 1
    assert "Output:\nthis is 0\n" in done.stderr
    assert "this is 1" not in done.stdout + done.stderr
    assert "[1 jugfile.work] this is 1\n" in (jug.folder / "log").read_text()
