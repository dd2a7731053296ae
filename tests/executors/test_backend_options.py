"""What is said of backends that are not there, are wrong, or cannot do what they are asked to."""

from __future__ import annotations

import pytest


def test_limits_that_nobody_would_hold_are_refused(jug):
    jug.write("from jug import Task\nTask(print)\n")
    for options in (["--timeout", "3"], ["--memory-limit", "1GB"]):
        done = jug("execute", "--will-cite", "-n2", "--backend=threads", *options)
        assert done.returncode == 2
        assert "the backend threads cannot end a task" in done.stderr


def test_a_wrong_backend_is_one_line(jug):
    jug.write("import sys, jug\njug.Task(len, 'a')\nsys.path.insert(0, '.')\n")
    jug.write("def nothing(n):\n    return 3\n\ndef broken(n):\n    raise OSError('no room')\n", "mine.py")
    for name, status, text in [
        ("nope", 2, "there is no backend 'nope'; known are workers, threads, processes, supervised, loky"),
        ("nope:pool", 1, "the module nope of the backend nope:pool cannot be imported: ModuleNotFoundError"),
        ("os:nope", 1, "the module os has no nope"),
        (
            "mine:nothing",
            1,
            "is to return a concurrent.futures.Executor, and returned an object of the class",
        ),
        ("mine:broken", 1, "the backend mine:broken could not be started: OSError: no room"),
    ]:
        done = jug("execute", "--will-cite", "-n", "2", "--backend", name)
        assert (done.returncode, done.stdout) == (status, ""), done.stderr
        assert text in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_backend_that_a_jugfile_or_a_module_registers(jug):
    source = """
        import concurrent.futures, jug.executors

        def build(n):
            open("built", "w").write(str(n))
            return concurrent.futures.ThreadPoolExecutor(n)

        jug.executors.register("mine", build, worker_type="threads")
        """
    jug.write(source, "backends.py")
    jug.write("from jug import Task\nTask(len, 'abc')\n")
    assert jug("execute", "--will-cite", "-n3", "--backend=mine").returncode == 2
    done = jug("execute", "--will-cite", "-n3", "--backend=mine", "--backend-module=backends")
    assert done.returncode == 0, done.stderr
    assert (jug.folder / "built").read_text() == "3"
    jug.write("import backends\nfrom jug import Task\nTask(len, 'abcd')\n")
    done = jug("execute", "--will-cite", "-n2", "--backend=mine")
    assert done.returncode == 0, done.stderr
    assert (jug.folder / "built").read_text() == "2"
    done = jug("execute", "--will-cite", "-n2", "--backend=mine", "--backend-module=nowhere")
    assert done.returncode == 1
    assert "--backend-module nowhere cannot be imported: ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize("option", ["--pdb", "--debug"])
def test_debugging_runs_tasks_in_this_process_and_says_so(jug, option):
    jug.write("import os\nfrom jug import Task\nTask(os.getpid)\n")
    done = jug("execute", "--will-cite", option, "-n2", "--backend=loky")
    assert done.returncode == 0
    assert f"{option}: tasks run in this process, and not on the backend loky" in done.stderr + done.stdout
