"""What a task does to itself, and that it costs no other one."""

import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import wait_for

DEEDS = """
    import ctypes

    for i in range(60):
        kind = ("segfault", "exit", "raise", "hang")[i % 5] if i < 15 and i % 5 < 4 else "none"

        @pytask.mark.timeout(2 if kind == "hang" else 600)
        @task(id=f"{kind}-{i}")
        def task_deed(kind=kind, path: Annotated[Path, Product] = Path(f"out/{i}.txt")):
            if kind == "segfault":
                ctypes.string_at(0)
            if kind == "exit":
                os._exit(7)
            if kind == "raise":
                raise ValueError("raised")
            if kind == "hang":
                time.sleep(1000)
            path.write_text("")
"""

SAID = {
    "segfault": "Crashed: the task was killed by SIGSEGV",
    "exit": "Crashed: the task ended its process with status 7",
    "raise": "ValueError: raised",
    "hang": "Crashed: the task ran longer than 2.00 s, and was killed",
}


@pytest.mark.parametrize("backend", ["loky", "processes", "jug"])
def test_whatever_a_task_does_costs_only_that_task(project, backend):
    """In pytask-parallel 0.5.5 a crash costs all that run, and all tasks after it."""
    project.tasks(DEEDS)
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert done.status == 1
    failed = {name for name, outcome in done.outcomes.items() if outcome == "F"}
    assert len(done.outcomes) == 60
    assert len(failed) == 12
    assert len(list((project.folder / "out").iterdir())) == 48
    for name in failed:
        (kind,) = [kind for kind in SAID if kind in name]
        assert SAID[kind] in done.report(name)


def test_sys_exit_is_a_failure_with_its_status(project):
    """As in pytask-parallel 0.5.5."""
    project.tasks("def task_leaves():\n    sys.exit(3)\n\ndef task_stays():\n    pass\n")
    for backend in ("loky", "threads"):
        project.forget()
        done = project.run("-n", "2", "--parallel-backend", backend)
        assert done.outcomes == {"task_leaves": "F", "task_stays": "."}
        assert "SystemExit: 3" in done.report("task_leaves")


def test_a_task_that_takes_too_much_memory_fails(project):
    project.tasks(
        """
        @pytask.mark.memory("300MB")
        def task_eats():
            eaten = bytearray(600 << 20)
            for i in range(0, len(eaten), 4096):
                eaten[i] = 1
            time.sleep(100)

        def task_fasts():
            pass
        """
    )
    done = project.run("-n", "2")
    assert done.outcomes == {"task_eats": "F", "task_fasts": "."}
    assert re.search(r"Crashed: the task took its worker to \S+ \S+ of memory, and\s+was killed", done.out)


def test_the_timeout_of_the_command_is_for_tasks_without_one_of_their_own(project):
    project.tasks(
        """
        def task_hangs():
            time.sleep(100)

        @pytask.mark.timeout(50)
        def task_takes_time():
            time.sleep(2)
        """
    )
    done = project.run("-n", "2", "--task-timeout", "0.5")
    assert done.outcomes == {"task_hangs": "F", "task_takes_time": "."}
    assert "the task ran longer than 500 ms, and was killed" in done.report("task_hangs")


def test_limits_are_refused_where_nothing_can_hold_them(project):
    project.tasks(
        "@pytask.mark.timeout(5)\ndef task_is_limited():\n    pass\n\ndef task_is_not():\n    pass\n"
    )
    done = project.run("-n", "2", "--parallel-backend", "threads")
    assert done.outcomes == {"task_is_limited": "F", "task_is_not": "."}
    assert "the parallel backend 'threads' cannot end a task" in done.out


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ("timeout(0)", "@pytask.mark.timeout must be a number of seconds above 0, not 0"),
        ("timeout()", "@pytask.mark.timeout takes one value, as in @pytask.mark.timeout(60)"),
        ("memory('much')", "@pytask.mark.memory must be a size above 0"),
    ],
)
def test_a_mark_that_says_nothing_is_a_failure_of_its_task(project, mark, said):
    project.tasks(f"@pytask.mark.{mark}\ndef task_is_marked():\n    pass\n\ndef task_is_not():\n    pass\n")
    done = project.run("-n", "2", "--strict-markers")
    assert done.outcomes == {"task_is_marked": "F", "task_is_not": "."}
    assert said in " ".join(re.sub("[│\n]", " ", done.out).split())
    for sequential in (("-n", "1"), ("-n", "2", "--pdb")):
        done = project.run(*sequential, "--force")
        assert done.outcomes == {"task_is_marked": "F", "task_is_not": "."}
        assert said in " ".join(re.sub("[│\n]", " ", done.out).split())


@pytest.mark.parametrize("option", [(), ("--task-timeout", "60")])
@pytest.mark.parametrize("mark", ["", "@pytask.mark.timeout(60)\n", "@pytask.mark.memory('4GB')\n"])
def test_limits_that_nothing_holds_in_sequence_are_warned_of(project, option, mark):
    project.tasks(f"{mark}def task_is_here():\n    pass\n")
    for sequential in (("-n", "1"), ("-n", "2", "--pdb")):
        done = project.run(*sequential, *option)
        assert done.status == 0
        said = " ".join(done.out.split())
        assert ("Warning: no limit of time or memory is held" in said) == bool(option or mark)
        assert ("choose a --parallel-backend" in said) == (bool(option or mark) and "--pdb" not in sequential)
    assert "no limit" not in project.run("-n", "1", "--parallel-backend", "jug", *option).out


def test_what_a_task_did_not_make_is_its_failure(project):
    project.tasks("def task_makes_nothing(path: Annotated[Path, Product] = Path('out.txt')):\n    pass\n")
    done = project.run("-n", "2")
    ours = done.report("task_makes_nothing")
    assert "NodeNotFoundError: The task did not produce the following files:" in ours
    assert "jug" not in ours.replace(str(project.folder), "")


def test_what_a_node_cannot_save_is_shown_without_lines_of_this_package(project):
    project.tasks("def task_gives() -> Annotated[Any, Path('out.txt')]:\n    return 1\n")
    done = project.run("-n", "2")
    ours = done.report("task_gives")
    assert "can only save 'str' and 'bytes', not <class 'int'>" in ours
    assert "_returned" not in ours


def test_what_a_task_has_printed_is_shown_though_it_ended_its_process(project):
    """pytask-parallel 0.5.5 shows nothing of it."""
    project.tasks(
        """
        import ctypes

        def task_crashes():
            print("printed by the one")
            os.system("echo echoed by the one >&2")
            ctypes.string_at(0)

        def task_leaves():
            print("printed by the other")
            os._exit(3)

        @pytask.mark.timeout(1)
        def task_hangs():
            print("printed by the third")
            time.sleep(1000)
        """
    )
    for backend in ("loky", "processes", "jug"):
        done = project.run("-n", "2", "--parallel-backend", backend)
        assert done.outcomes == {"task_crashes": "F", "task_leaves": "F", "task_hangs": "F"}, done.out
        for name, text in (("crashes", "one"), ("leaves", "other"), ("hangs", "third")):
            report = done.report(f"task_{name}")
            assert f"printed by the {text}" in report
            assert report.count("Captured stdout during call") == 1
        assert "echoed by the one" in done.report("task_crashes")


def test_what_cannot_be_sent_to_a_worker_is_named(project):
    project.tasks(
        """
        import threading

        def task_takes(lock=threading.Lock(), other=1):
            pass

        def task_gives() -> Annotated[Any, pytask.PythonNode(name="lock")]:
            return threading.Lock()

        WELL, HELD = pytask.PythonNode(name="well"), pytask.PythonNode(name="held")

        def task_gives_two() -> Annotated[Any, (WELL, HELD)]:
            return 1, threading.Lock()

        class Ending:
            def __reduce__(self):
                sys.exit(3)

        def task_gives_what_ends() -> Annotated[Any, pytask.PythonNode(name="ending")]:
            return Ending()

        class Odd(Exception):
            def __init__(self, a, b):
                super().__init__(a)

        def task_raises():
            raise Odd(1, 2)

        def task_is_well():
            pass
        """
    )
    done = project.run("-n", "2")
    failed = dict.fromkeys(
        ("task_takes", "task_gives", "task_gives_two", "task_raises", "task_gives_what_ends"), "F"
    )
    assert done.outcomes == {**failed, "task_is_well": "."}
    said = " ".join(done.report("task_takes").split())
    assert "the argument 'lock', of the class lock, cannot be sent to a worker: cannot pickle" in said
    for name, node in (("gives", "lock"), ("gives_two", "held")):
        said = " ".join(done.report(f"task_{name}").split())
        assert "produced an object of the class lock, which cannot be sent to pytask" in said
        assert re.search(f"the product \\S*{node}: cannot pickle '_thread.lock' object", said)
    said = " ".join(done.report("task_gives_what_ends").split())
    assert "an object of the class Ending, which cannot be sent to pytask" in said
    assert "Odd: 1" in done.report("task_raises")


SLOW = """
    for i in range(6):
        @task(id=str(i))
        def task_sleeps(i=i):
            print("printed by", i)
            Path(f"began{i}").write_text(str(os.getpid()))
            time.sleep(100)
"""


def began(project):
    """The processes in which tasks run, by number of the task."""
    files = [path for path in project.folder.glob("began*") if path.read_text()]
    return {path.name.removeprefix("began"): int(path.read_text()) for path in files}


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("backend", ["loky", "processes", "jug", "threads", "dask"])
def test_ctrl_c_ends_it_and_says_what_ran(project, backend):
    """pytask-parallel 0.5.5 waits for what runs, reports nothing of it, and ends with 0 and "Succeeded"."""
    project.tasks(SLOW)
    running = project.start("-n", "2", "--parallel-backend", backend)
    wait_for(lambda: len(began(project)) == 2, "two tasks that run", 60)
    running.send_signal(signal.SIGINT)
    asked = time.monotonic()
    out, _ = running.communicate(timeout=60)
    done = project.done(running.returncode, out)
    assert time.monotonic() - asked < 30
    assert done.status == 1
    assert done.outcomes == {f"task_sleeps[{i}]": "F" for i in began(project)}
    for i in began(project):
        assert "KeyboardInterrupt" in done.report(f"task_sleeps[{i}]")
        # Other executors have it where it is lost with their workers.
        if backend in ("loky", "processes", "jug"):
            assert f"printed by {i}" in done.report(f"task_sleeps[{i}]")
    wait_for(lambda: all(map(is_gone, began(project).values())), "workers to be gone")


@pytest.mark.parametrize("backend", ["loky", "threads"])
def test_a_second_ctrl_c_is_no_success_either(project, backend):
    project.write(
        "hooks.py",
        """
        import os, signal
        from pytask import hookimpl

        @hookimpl
        def pytask_execute_task_process_report(report):
            os.kill(os.getpid(), signal.SIGINT)
        """,
    )
    project.tasks(SLOW)
    running = project.start("-n", "2", "--parallel-backend", backend, "--hook-module", "hooks.py")
    wait_for(lambda: len(began(project)) == 2, "two tasks that run", 60)
    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 1, out
    wait_for(lambda: all(map(is_gone, began(project).values())), "workers to be gone")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("backend", ["loky", "processes", "jug", "dask"])
def test_no_worker_and_no_file_outlives_a_pytask_that_is_killed(project, tmp_path, monkeypatch, backend, by):
    """Workers of pytask-parallel 0.5.5 go on, and run what was queued."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    project.tasks(SLOW)
    running = project.start("-n", "2", "--parallel-backend", backend)
    wait_for(lambda: len(began(project)) == 2, "two tasks that run", 60)
    below = psutil.Process(running.pid).children(recursive=True)
    running.send_signal(by)
    running.communicate()
    assert running.returncode == -by
    wait_for(lambda: all(is_gone(process.pid) for process in below), "all below to be gone")
    time.sleep(0.5)
    assert len(began(project)) == 2
    # Dask keeps a folder of its own for all clusters of a machine.
    assert [it.name for it in temporary.iterdir() if not it.name.startswith("dask-")] == []


@pytest.mark.parametrize("backend", ["loky", "jug"])
def test_what_a_task_has_printed_is_shown_of_its_last_try(project, backend):
    """What it shared a worker with may end that: it is tried again, and its output is not shown twice."""
    project.tasks(
        """
        import ctypes

        def task_a_crashes():
            while not Path("began").exists():
                time.sleep(0.01)
            ctypes.string_at(0)

        def task_b_is_beside_it():
            print("try", "second" if Path("began").exists() else "first")
            Path("began").touch()
            time.sleep(1)
            ctypes.string_at(0)
        """
    )
    done = project.run("-n", "2", "--parallel-backend", backend)
    assert done.outcomes == {"task_a_crashes": "F", "task_b_is_beside_it": "F"}
    shown = re.findall(r"^try \w+$", done.report("task_b_is_beside_it"), re.M)
    assert shown == ["try first" if backend == "jug" else "try second"]


def test_a_module_that_no_worker_can_import_goes_by_value(project):
    """pytask-parallel 0.5.5 waits for ever there, on dask."""
    hidden = project.folder / "hidden"
    hidden.mkdir()
    hidden.joinpath("beside.py").write_text("def answer():\n    return 42\n")
    project.tasks(
        f"""
        sys.path.insert(0, {str(hidden)!r})
        import beside
        sys.path.remove({str(hidden)!r})

        def task_asks(path: Annotated[Path, Product] = Path("out.txt")):
            path.write_text(str(beside.answer()))
        """
    )
    for backend in ("dask", "loky"):
        project.forget()
        done = project.run("-n", "2", "--parallel-backend", backend)
        assert done.status == 0, done.out
        assert (project.folder / "out.txt").read_text() == "42"
        Path(project.folder / "out.txt").unlink()
