"""The distribution with a top-level `runforrest`, for scripts that are not to be changed."""

import ast
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


def test_it_has_all_names_of_the_original_and_so_has_an_import_of_everything(run, peers):
    show = "import runforrest; print([it for it in dir(runforrest) if not it.startswith('__')])"
    original = subprocess.run([peers, "-c", show], capture_output=True, text=True, check=True)
    names = ast.literal_eval(original.stdout)
    assert "run_task" in names
    missing = run("-c", f"import runforrest; print([it for it in {names} if not hasattr(runforrest, it)])")
    assert (missing.stdout, missing.stderr) == ("[]\n", "")
    everything = [it for it in names if not it.startswith("_")]
    missing = run(
        "-c", f"from runforrest import *; print([it for it in {everything} if it not in globals()])"
    )
    assert (missing.stdout, missing.stderr) == ("[]\n", "")


@pytest.mark.parametrize("call", ["int, '3'", "int, 'three'"])
def test_run_task_does_as_in_the_original(call, run, peers, folder):
    source = f"""
from runforrest import *
TaskList("tasks", exist_ok=True).schedule(defer({call}))
(infile,) = Path("tasks/todo").iterdir()
try:
    run_task(infile, Path("out.pkl"), None, True, False)
except SystemExit as end:
    print(end.code % 256)
with open("out.pkl", "rb") as file:
    task = dill.load(file)
print(task.returnvalue, task.errorvalue)
"""
    original = subprocess.run([peers, "-c", source], cwd=folder, capture_output=True, text=True, check=True)
    done = run("-c", source)
    assert done.stderr == ""
    # Here the traceback is printed as well.
    ends = [it.stdout.splitlines()[-2:] for it in (original, done)]
    assert ends[0] == ends[1]
    assert ends[0][0] == ("0" if call.endswith("'3'") else "255")
