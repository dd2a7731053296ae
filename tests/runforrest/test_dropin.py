"""The distribution with a top-level `runforrest`, for scripts that are not to be changed."""

import os
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

DROPIN = ROOT / "dropins" / "runforrest"

SCRIPT = """
import operator, os, sys
from runforrest import TaskList, defer
tasks = TaskList("tasks")
tasks.schedule(defer(operator.add, 1, 2))
print([task.returnvalue for task in tasks.run()])
tasks.schedule(defer(os.getppid))
(task,) = tasks.todo_tasks()
print(type(task).__module__)
"""


@pytest.fixture
def run(folder):
    """Runs Python with the drop-in before all else in its path, and with what is in `other` behind it."""

    def run(*arguments, other=""):
        environment = {**os.environ, "PYTHONPATH": f"{DROPIN}{os.pathsep}{other}"}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_script_that_names_runforrest_runs_here(run):
    done = run("-c", SCRIPT)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[3]\njug.runforrest.deferred\n"


def test_its_command_is_ours(run, folder):
    run("-c", "from runforrest import *; TaskList('tasks').schedule(defer(abs, -3))")
    (file,) = (folder / "tasks" / "todo").iterdir()
    assert run("-m", "runforrest", file, "out.pkl").returncode == 0
    show = "import dill; print(dill.load(open('out.pkl', 'rb')).returnvalue)"
    assert run("-c", show).stdout == "3\n"
    missing = run("-m", "runforrest", "none.pkl", "out.pkl")
    assert missing.returncode == 1
    assert missing.stderr == "jug: error: cannot read none.pkl: No such file or directory\n"


def test_where_the_original_is_installed_too_it_says_once_which_one_is_in_use(run, peers):
    (other,) = (peers.parent.parent / "lib").glob("python*/site-packages")
    done = run("-c", SCRIPT, other=other)
    assert done.stdout == "[3]\njug.runforrest.deferred\n"
    assert done.stderr == (
        "jug: runforrest is that of jug-rs-runforrest; RunForrest 0.4.3 is installed as well and not in use\n"
    )
