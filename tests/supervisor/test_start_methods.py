"""How workers begin: as fresh interpreters, or forked from one that has made their imports."""

from __future__ import annotations

import json
import os
import signal
import sysconfig
import time
from pathlib import Path

import pytest

from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite")
FORKED = (*EXECUTE, "--start-method=forkserver")

#: A module whose import is written down.
NOTED = """
    import os
    with open("imports", "a") as file:
        file.write(f"{__name__}\\n")
"""

BARRIERS = """
    import heavy
    import time
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def work(i):
        time.sleep(0.05)
        return i

    for stage in range(5):
        [work((stage, i)) for i in range(8)]
        barrier()
"""

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


@pytest.fixture
def installed(jug, monkeypatch):
    """Writes modules that count as installed, and are found by what a test runs."""
    base = jug.folder / "installed"
    place = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)}))
    place.mkdir(parents=True)
    monkeypatch.setenv("PYTHONUSERBASE", str(base))
    monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)

    def install(**modules):
        for name, source in modules.items():
            jug.write(source, str(place / f"{name}.py"))

    return install


def imports(jug):
    """How often each module was imported."""
    names = (jug.folder / "imports").read_text().split()
    return {name: names.count(name) for name in set(names)}


def test_imports_are_paid_once_a_worker_and_not_once_a_barrier(jug, installed):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    done = jug(*EXECUTE, "-n", "4")
    assert (done.returncode, done.stderr) == (0, "")
    assert imports(jug) == {"heavy": 4}


def test_workers_that_are_forked_do_not_pay_them_nor_do_those_that_take_their_place(jug, installed, left):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    done = jug(*FORKED, "-n", "4", "--max-tasks-per-worker=3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "40           0  Total" in done.stdout
    assert imports(jug) == {"heavy": 1}
    assert left() == []


def test_a_jugrc_can_choose_it(jug, installed):
    installed(heavy=NOTED)
    jug.write(BARRIERS)
    (jug.folder / ".config").mkdir()
    (jug.folder / ".config" / "jugrc").write_text("[execute]\nstart_method = forkserver\nn_workers = 2\n")
    assert jug(*EXECUTE).returncode == 0
    assert imports(jug) == {"heavy": 1}


def test_modules_of_the_users_own_are_imported_by_each_worker_unless_they_are_named(jug, installed):
    installed(heavy=NOTED)
    jug.write(NOTED + "\n    import heavy\n", "own.py")
    jug.write(BARRIERS.replace("import heavy", "import own"))
    assert jug(*FORKED, "-n", "2").returncode == 0
    assert imports(jug) == {"heavy": 1, "own": 2}
    (jug.folder / "imports").unlink()
    done = jug(*FORKED, "-n", "2", "--preload=own", "--jugdir=other")
    assert (done.returncode, done.stderr) == (0, "")
    assert imports(jug) == {"heavy": 1, "own": 1}


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


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_draw_different_random_numbers(jug, method):
    pytest.importorskip("numpy")
    jug.write(
        """
        import random, time
        import numpy.random
        from jug import TaskGenerator

        drawn = False

        @TaskGenerator
        def draw(i):
            global drawn
            if drawn:
                return None
            drawn = True
            return random.random(), float(numpy.random.random())

        draws = [draw(i) for i in range(6)]
        """
    )
    assert jug(*EXECUTE, f"--start-method={method}", "-n", "2", "--max-tasks-per-worker=1").returncode == 0
    done = jug.python(
        "import jug, json; jug.init('jugfile.py', 'jugfile.jugdata'); "
        "import jugfile; print(json.dumps(jug.value(jugfile.draws)))"
    )
    draws = json.loads(done.stdout)
    assert len({draw[0] for draw in draws}) == len({draw[1] for draw in draws}) == 6


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


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()",
            "1 thread runs after the imports (heavy), and would be missing in a fork",
        ),
        (
            "import subprocess; process = subprocess.Popen(['sleep', '1'])",
            "a process was started by an import, and forks would share it",
        ),
        ("import os; os.abort() if 'forked' not in os.environ else None", "it was killed by SIGABRT"),
        ("import os; os._exit(3) if 'forked' not in os.environ else None", "it ended with status 3"),
    ],
)
def test_workers_are_spawned_where_none_can_be_forked_and_a_line_says_why(jug, installed, left, module, why):
    installed(heavy=module)
    jug.write("    import os; os.environ['forked'] = ''\n" + BARRIERS)
    done = jug(*FORKED, "--preload=heavy", "-n", "2")
    assert done.returncode == 0
    assert done.stderr == f"jug: warning: workers are spawned, as none can be forked: {why}\n"
    assert "40           0  Total" in done.stdout
    assert left() == []


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


def test_a_wrong_import_is_told_by_the_worker(jug):
    jug.write("    import no_such_module\n    from jug import TaskGenerator\n")
    done = jug(*FORKED, "-n", "2")
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'no_such_module'" in done.stderr
    assert "forked" not in done.stderr
    jug.write("    import json\n    this = = wrong\n")
    done = jug(*FORKED, "-n", "2")
    assert done.returncode == 1
    assert "SyntaxError" in done.stderr
    assert "forked" not in done.stderr


def test_what_imports_print_is_shown_once(jug, installed):
    installed(heavy="print('loud')")
    jug.write(BARRIERS)
    done = jug(*FORKED, "-n", "2")
    assert done.stdout.count("loud") == 1
    assert "\nloud" in f"\n{done.stdout}"


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


def test_tasks_of_a_script_can_be_run_by_forked_workers(jug, installed, left):
    pytest.importorskip("cloudpickle")
    installed(heavy=NOTED)
    done = jug.python(
        """
        import jug
        from jug import TaskGenerator

        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            import heavy
            return i

        tasks = [work(i) for i in range(8)]
        how = {"start_method": "forkserver", "preload": ["heavy"], "max_tasks_per_worker": 2}
        print(jug.execute(n_workers=2, **how), jug.value(tasks))
        """
    )
    assert done.stderr == ""
    assert done.stdout == f"ExecutionSummary(executed=8, loaded=0, failed=0) {list(range(8))}\n"
    assert imports(jug) == {"heavy": 1}
    assert left() == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-n", "2", "--start-method=fork"), "invalid choice: 'fork'"),
        (("--start-method=forkserver",), "--start-method is for workers that -n starts"),
        (("-n", "2", "--preload=numpy"), "--preload needs --start-method=forkserver"),
        (
            ("-n", "2", "--start-method=forkserver", "--preload=a b"),
            "--preload must be the names of modules (a,b.c), not 'a b'",
        ),
    ],
)
def test_wrong_usage_is_status_2(jug, options, said):
    jug.write(BARRIERS)
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_wrong_start_method_in_a_jugrc_is_status_2(jug):
    jug.write(BARRIERS)
    (jug.folder / ".config").mkdir()
    (jug.folder / ".config" / "jugrc").write_text("[execute]\nstart_method = fork\nn_workers = 2\n")
    done = jug(*EXECUTE)
    assert done.returncode == 2
    assert "--start-method must be one of spawn, forkserver, not 'fork'" in done.stderr
