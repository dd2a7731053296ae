"""Mistakes of all kinds: one clear line, the right exit status, no traceback of ours, nothing lost."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "command",
    [
        "execute",
        "status",
        "check",
        "count",
        "cleanup",
        "failures",
        "sleep-until",
        "shell",
        "invalidate",
        "pack",
        "fsck",
        "provenance",
        "export",
    ],
)
def test_no_such_jugfile(jug, command):
    more = ["--name", "x"] if command in ("invalidate", "provenance", "export") else []
    done = jug(command, "nosuch.py", *more)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: ")
    assert "nosuch.py" in done.stderr
    assert done.stderr.count("\n") == 1
    assert os.listdir(jug.folder) == []


def test_a_directory_as_jugfile(jug):
    (jug.folder / "jugfile.py").mkdir()
    done = jug("status")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "jugfile.py" in done.stderr


@pytest.mark.parametrize("command", ["execute", "status", "check"])
def test_a_jugfile_that_does_not_compile_shows_where(jug, command):
    jug.write("x = 1\ny = (\n")
    done = jug(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert 'File "jugfile.py", line 2' in done.stderr
    assert "SyntaxError" in done.stderr
    assert "engine" not in done.stderr


@pytest.mark.parametrize("command", ["execute", "status", "check"])
def test_a_jugfile_that_raises_shows_the_users_traceback_only(jug, command):
    jug.write("def f():\n    1 / 0\n\nf()\n")
    done = jug(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "jugfile.py", line 4')
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "engine" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("jug: error: ")


@pytest.mark.parametrize("command", ["execute", "status", "check"])
def test_a_jugdir_that_is_a_file(pipeline, command):
    pipeline.write("precious\n", "taken")
    done = pipeline(command, "--jugdir", "taken")
    assert (done.returncode, done.stdout) == (1, "")
    taken = pipeline.folder / "taken"
    assert done.stderr == f"jug: error: {taken} is not a directory; choose another --jugdir\n"
    assert (pipeline.folder / "taken").read_text() == "precious\n"


def test_a_jugdir_with_files_of_somebody_else(pipeline):
    (pipeline.folder / "data").mkdir()
    pipeline.write("precious\n", "data/thesis.txt")
    done = pipeline("execute", "--jugdir", "data")
    assert done.returncode == 1
    assert done.stderr.startswith(f"jug: error: {pipeline.folder / 'data'} ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(pipeline.folder / "data") == ["thesis.txt"]


def test_a_jugdir_that_cannot_be_expanded(pipeline):
    done = pipeline("execute", "--jugdir", "%(nosuch)s")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: cannot expand the jugdir '%(nosuch)s'")


TASK = """
    import threading
    from jug import TaskGenerator

    @TaskGenerator
    def make(*args, **kwargs):
        return {result}

    make({arguments})
"""


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ("1, lambda: 2", "argument 2"),
        ("key=lambda: 2", "argument key="),
        ("[open('jugfile.py')]", "argument 1"),
    ],
)
@pytest.mark.parametrize("command", ["execute", "status"])
def test_an_argument_without_identity_is_named(jug, command, arguments, argument):
    jug.write(TASK.format(result="1", arguments=arguments))
    done = jug(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"jug: error: cannot compute the identity of task jugfile.make: {argument}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("result", "kind"), [("(i for i in range(3))", "a generator"), ("threading.Lock()", "a lock")]
)
def test_a_result_that_cannot_be_stored_is_a_failed_task(jug, result, kind):
    jug.write(TASK.format(result=result, arguments="1"))
    done = jug("execute")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"jug: task jugfile.make(1) returned {kind}")
    assert "Traceback" not in done.stderr
    assert jug("execute", "--keep-failed").returncode == 1
    assert "1 failed" in jug("status", "--short").stdout


def test_output_into_a_closed_pipe_is_quiet(pipeline):
    done = subprocess.run(
        f"{sys.executable} -m jug status | true",
        shell=True,
        cwd=pipeline.folder,
        env=pipeline.env(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


def test_a_path_in_an_error_is_a_path_and_not_an_object(jug):
    jug.write("""
        from jug import CachedFunction
        CachedFunction(len, [1])
    """)
    jug.write("", "taken")
    done = jug("status", "--jugdir", "taken/below")
    assert done.returncode == 1
    assert str(jug.folder / "taken") in done.stderr
    assert "PosixPath" not in done.stderr


def test_a_value_before_its_execution_shows_no_line_of_ours(jug):
    jug.write("""
        from jug import TaskGenerator, value

        @TaskGenerator
        def f(x):
            return x

        print(value(f(1)))
    """)
    done = jug("status")
    assert done.returncode == 1
    assert done.stderr.count("  File ") == 1
    assert 'File "jugfile.py", line 8' in done.stderr
    assert "task jugfile.f" in done.stderr
    assert "bvalue" in done.stderr


@pytest.mark.parametrize("command", ["status", "cleanup", "fsck"])
def test_an_argument_without_identity_is_one_line_that_names_the_task(jug, command):
    jug.write("from jug import Task\ndef f(x): return x\nt = Task(f, lambda: 1)\n")
    done = jug(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: cannot compute the identity of task jugfile.f: argument 1")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["status", "execute", "cleanup", "fsck"])
def test_a_task_name_that_is_no_text_is_one_line(jug, command):
    jug.write("from jug import Task\ndef f(x): return x\nt = Task(f, 1)\nt.name = 'a\\udcff'\n")
    done = jug(command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: 'a\\udcff' cannot name a task")
    assert done.stderr.count("\n") == 1


def test_a_jugdir_whose_name_is_no_text_is_one_line(pipeline):
    done = pipeline("execute", "--jugdir", os.fsdecode(b"x\xff"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: the path of the jugdir 'x\\udcff' is not UTF-8")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["pack", "fsck"])
def test_a_jugdir_without_its_jugfile_is_enough_for_what_needs_no_tasks(jug, command):
    done = jug(command, "--jugdir", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: there is neither a jugfile jugfile.py nor a jugdir nothing\n"
    jug.write("from jug import Task\nTask(str, 1)\n")
    assert jug(command, "--jugdir", "nothing").returncode == 0
    assert jug("execute").returncode == 0
    (jug.folder / "jugfile.py").unlink()
    assert jug(command).returncode == 0
