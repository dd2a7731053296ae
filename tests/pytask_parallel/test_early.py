"""Workers that begin while pytask collects tasks."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.processes import is_alive
from tests.support.waiting import wait_for

BACKENDS = ["loky", "processes", "jug"]

#: Says which processes a build has started, and has left when it is over.
SCRIPT = """
import os, sys, time
from pathlib import Path
import pytask

def children():
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        found = {}
        for pid in file.read().split():
            try:
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
            except OSError:
                pass
        # Some have ended, and were not waited for yet.
        return {pid: words for pid, words in found.items() if words and "tracker" not in words}

if __name__ == "__main__":
    session = pytask.build(paths=Path.cwd(), n_workers=2, parallel_backend=sys.argv[1])
    deadline = time.monotonic() + 20
    while children() and time.monotonic() < deadline:
        time.sleep(0.01)
    print("exit", int(session.exit_code), "left", len(children()))
"""


def processes_in(folder: Path) -> list[psutil.Process]:
    """Those that live and have it as their directory."""
    found = psutil.process_iter(["cwd", "status"])
    return [it for it in found if it.info["cwd"] == str(folder) and it.info["status"] != "zombie"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_begin_before_tasks_are_collected_and_run_them(project, version, backend):
    """In pytask-parallel 0.5.5 they begin when the first task is to run, and import pytask then."""
    project.tasks(
        """
        def born(pid):
            return float(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])

        if not Path("collected").exists():
            def below():
                # Each is listed with the thread that has started it.
                return sum(len(it.read_text().split()) for it in Path("/proc/self/task").glob("*/children"))

            deadline = time.monotonic() + 60
            while below() < WORKERS:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            time.sleep(0.1)
            Path("collected").write_text(Path("/proc/uptime").read_text().split()[0])

        def task_born(path: Annotated[Path, Product] = Path("out.txt")):
            path.write_text(str(born(os.getpid()) - 100 * float(Path("collected").read_text())))
        """.replace("WORKERS", "3" if backend == "jug" else "2")
    )
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert done.outcomes == {"task_born": "."}, done.out
    assert float(project.folder.joinpath("out.txt").read_text()) < 0


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("change", ["os.environ['MINE'] = 'set'", "sys.path.insert(0, 'beside')"])
def test_workers_have_what_modules_of_tasks_change_for_those_that_begin_later(project, backend, change):
    project.folder.joinpath("beside").mkdir()
    project.tasks(
        f"""
        # Workers may import this module, too.
        if not Path("collected").exists():
            Path("collected").touch()
            {change}

        def task_looks(path: Annotated[Path, Product] = Path("out.txt")):
            path.write_text(repr((os.environ.get("MINE"), "beside" in sys.path)))
        """
    )
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert done.outcomes == {"task_looks": "."}, done.out
    wanted = ("set", False) if "environ" in change else (None, True)
    assert project.folder.joinpath("out.txt").read_text() == repr(wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("tasks", "status"),
    [
        ("raise ValueError('no')", 3),
        ("def task_one(path: Annotated[Path, Product] = Path('out.txt')):\n    path.touch()", 0),
        ("", 0),
    ],
    ids=["collection fails", "unchanged", "no tasks"],
)
def test_workers_that_had_nothing_to_do_are_ended_with_the_session(project, backend, tasks, status):
    project.tasks(tasks)
    if "task_one" in tasks:
        assert project.run().status == 0
    done = project.script(SCRIPT.replace("sys.argv[1]", repr(backend)))
    assert f"exit {status} left 0" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_while_pytask_collects_waits_for_no_worker_and_none_complains(
    project, tmp_path, backend, whole_group
):
    """Executors wait at the end of Python for workers that import, however long that takes.

    Those of pytask-parallel 0.5.5 are in the group of the terminal, and print where Ctrl-C found them.
    """
    slow = tmp_path / "slow"
    slow.mkdir()
    slow.joinpath("sitecustomize.py").write_text(
        "import os, sys, time\n"
        "words = ' '.join(sys.orig_argv)\n"
        "if any(it in words for it in ('popen_loky', 'spawn_main', 'forkserver', 'supervised_worker')):\n"
        f"    open(f'{slow}/begun{{os.getpid()}}', 'w').close()\n"
        "    time.sleep(1000)\n"
    )
    project.put_first(slow)
    project.tasks("Path('collecting').touch()\ntime.sleep(1000)\n")
    running = project.start("-n", "4", "--parallel-backend", backend)
    wait_for((project.folder / "collecting").exists, "a collection", 60)
    wait_for(lambda: len([*slow.glob("begun*")]) == (1 if backend == "jug" else 4), "workers", 60)
    (os.killpg if whole_group else os.kill)(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 1, out
    assert out.rstrip().endswith("Aborted!")
    assert "Traceback" not in out
    pids = [path.name.removeprefix("begun") for path in slow.glob("begun*")]
    wait_for(lambda: not any(map(is_alive, pids)), "workers to be gone")


@pytest.mark.parametrize("whole_group", [False, True])
@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_while_many_workers_start_leaves_none_of_them(project, backend, whole_group):
    """pytask-parallel 0.5.5 waits until all have begun, and prints a traceback of each."""
    project.tasks(
        """
        for i in range(100):
            @task(id=str(i))
            def task_sleeps(i=i):
                time.sleep(1000)
        """
    )
    running = project.start("-n", "64", "--parallel-backend", backend)
    pytask = psutil.Process(running.pid)
    wait_for(lambda: len(pytask.children(recursive=True)) > 8, "some workers", 60)
    (os.killpg if whole_group else os.kill)(running.pid, signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 1, out
    assert "Traceback" not in out
    wait_for(lambda: not processes_in(project.folder), "workers to be gone")


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_more_workers_start_than_there_are_tasks(project, backend):
    """pytask-parallel 0.5.5 starts as many as it is asked for."""
    project.tasks(
        """
        for i in range(3):
            @task(id=str(i))
            def task_sleeps(i=i):
                Path(f"began{i}").touch()
                time.sleep(1000)
        """
    )
    running = project.start("-n", "60", "--parallel-backend", backend)
    wait_for(lambda: len([*project.folder.glob("began*")]) == 3, "three tasks", 60)
    below = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    # Beside workers: trackers of what they share, or what they are forked from.
    assert 3 <= len(below) <= 3 + 2


@pytest.mark.parametrize("backend", ["loky", "threads", "dask"])
def test_any_number_of_workers_can_be_asked_for(project, backend):
    project.tasks("def task_one():\n    pass\n\ndef task_two():\n    pass\n")
    done = project.run("-n", "999999", "--parallel-backend", backend)
    assert (done.status, done.outcomes) == (0, {"task_one": ".", "task_two": "."}), done.out


def test_what_this_machine_cannot_have_is_not_started_and_said(project):
    project.tasks(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (400, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

        for i in range(60):
            @task(id=str(i))
            def task_writes(i=i, path: Annotated[Path, Product] = Path(f"out{i}")):
                path.touch()
        """
    )
    done = project.run("-n", "60", "--parallel-backend", "jug")
    assert done.status == 0, done.out
    assert "28 workers are started, and not 60: this machine cannot have more." in done.out


@pytest.mark.parametrize("command", ["collect", "clean", "markers"])
def test_other_commands_start_no_worker(project, command):
    project.configure("n_workers = 2\n")
    project.tasks("def task_one():\n    pass\n\nassert not Path('/proc/self/task').joinpath("
                  "str(os.getpid()), 'children').read_text().split()")  # fmt: skip
    done = project.run(command)
    assert done.status == 0, done.out
