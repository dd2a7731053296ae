"""The files of tasks, which RunForrest reads and writes as well."""

import os
import pickle
import pickletools
import subprocess
import sys

import pytest

from jug.runforrest import TaskCrashed, TaskList, defer, evaluate
from jug.runforrest.evaluation import inputs_first
from jug.runforrest.pickling import _Flat, _with_cloudpickle, dump, load

GRAPH = """
tasks = TaskList("tasks")
shared = defer(calls.pair, 1, 2)
tasks.schedule(defer(calls.add, shared.left, shared.right), metadata={"number": 3})
tasks.schedule(defer([1, 2, 3])[1], metadata={"number": 2})
tasks.schedule(defer(lambda a, by=2: a * by, defer(calls.add, 5)), metadata={"number": 10})
"""
READ = """
tasks = TaskList("tasks", noschedule_if_exist=True)
found = list(tasks.todo_tasks())
print(json.dumps(sorted([evaluate(it), it.metadata["number"], type(it).__name__] for it in found)))
"""
EXPECTED = [[2, 2, "TaskItem"], [3, 3, "Task"], [10, 10, "Task"]]


def test_runforrest_reads_what_is_scheduled_here(ours, theirs):
    ours(GRAPH + "print('null')")
    assert theirs(READ) == EXPECTED


def test_what_runforrest_schedules_is_read_here(ours, theirs):
    theirs(GRAPH + "print('null')")
    assert ours(READ) == EXPECTED


def test_functions_of_a_script_need_no_session_there(ours, theirs):
    """RunForrest 0.4.3 finds no name that such a function refers to unless the session is saved."""
    schedule = """
    offset = 5

    def shifted(a):
        return helper(a) + offset

    def helper(a):
        return 2 * a

    TaskList("tasks").schedule(defer(shifted, 1))
    print("null")
    """
    ours(schedule)
    read = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([evaluate(it) for it in tasks.todo_tasks()]))
    """
    assert ours(read) == theirs(read) == [7]


def test_runforrest_reads_long_chains_within_its_own_limit(ours, theirs):
    """At this length its own schedule raises RecursionError."""
    schedule = """
    task = defer(int)
    for _ in range(300):
        task = defer(calls.add, task, 1)
    try:
        TaskList("tasks", exist_ok=True).schedule(task)
    except RecursionError:
        print('"too long"')
    else:
        print('"scheduled"')
    """
    assert theirs(schedule) == "too long"
    assert ours(schedule) == "scheduled"
    read = """
    (task,) = TaskList("tasks", noschedule_if_exist=True).todo_tasks()
    print(json.dumps(evaluate(task)))
    """
    assert theirs(read) == ours(read) == 300


def test_a_chain_of_100000_is_scheduled_and_read(folder):
    task = defer(int)
    for _ in range(100_000):
        task = defer(max, task, 1)
    tasks = TaskList("tasks")
    tasks.schedule(task)
    (read,) = tasks.todo_tasks()
    assert evaluate(read) == 1


@pytest.mark.parametrize("length", [1, 50])
def test_cloudpickle_writes_what_both_read_where_it_is_installed(length, theirs, folder):
    task = defer(int)
    for _ in range(length):
        task = defer(lambda a, b: a + b, task, 1)
    data, _ = _with_cloudpickle(_Flat(inputs_first(task)[0]))
    assert evaluate(load(data)) == length
    # It finds its own classes; where cloudpickle is not there the message names it.
    (folder / "one.pkl").write_bytes(data)
    read = """
    import dill
    try:
        import cloudpickle
    except ImportError:
        found = None
    else:
        found = evaluate(dill.load(open("one.pkl", "rb")))
    for name in [name for name in sys.modules if name.partition(".")[0] == "cloudpickle"]:
        sys.modules[name] = None
    sys.modules["cloudpickle"] = None
    try:
        dill.load(open("one.pkl", "rb"))
    except ModuleNotFoundError as error:
        print(json.dumps([found, error.name]))
    """
    found, missing = theirs(read)
    assert found in (None, length)
    assert missing.partition(".")[0] == "cloudpickle"


def test_files_name_the_classes_of_runforrest_and_nothing_of_this_package():
    for function in (len, lambda it: it):
        strings = [arg for _, arg, _ in pickletools.genops(dump(defer(function, [1])[0].real)) if arg]
        text = " ".join(map(str, strings))
        assert "jug" not in text
        assert "runforrest" in text


def test_without_dill_cloudpickle_writes_with_a_line_and_a_note(folder):
    source = """
import sys
sys.modules["dill"] = None
from jug.runforrest import TaskList, defer, evaluate
tasks = TaskList("tasks")
for i in range(2):
    tasks.schedule(defer(lambda: i))
print([evaluate(task) for task in tasks.todo_tasks()])
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == "jug: dill is not installed: tasks are written by cloudpickle\n"
    assert done.stdout.strip() in ("[0, 1]", "[1, 0]", "[1, 1]")
    for file in (folder / "tasks" / "todo").iterdir():
        assert b"\n# written by cloudpickle " in file.read_bytes()


def test_without_both_an_error_says_what_to_install(folder):
    source = """
import sys
sys.modules["dill"] = sys.modules["cloudpickle"] = None
from jug.runforrest import TaskList, defer
TaskList("tasks").schedule(defer(lambda: 1))
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=False
    )
    assert "pip install 'jug-rs[runforrest]'" in done.stderr
    assert os.listdir(folder / "tasks" / "todo") == []


def test_how_a_task_crashed_is_read_here_and_is_an_exception_of_pythons_there(theirs, folder):
    task = defer(int)
    task.errorvalue = TaskCrashed("signal", 11, "some.pkl")
    task.returnvalue = None
    data = dump(task)
    error = load(data).errorvalue
    assert type(error) is TaskCrashed
    assert (error.signal, error.exitcode, error.filename) == (11, None, "some.pkl")
    assert isinstance(error, FileNotFoundError)
    assert str(error) == str(task.errorvalue)
    assert "killed by SIGSEGV" in str(error)
    assert type(pickle.loads(pickle.dumps(error))) is FileNotFoundError
    (folder / "tasks" / "fail").mkdir(parents=True)
    (folder / "tasks" / "fail" / "some.pkl").write_bytes(data)
    read = """
    (task,) = TaskList("tasks", noschedule_if_exist=True).fail_tasks()
    print(json.dumps([type(task.errorvalue).__name__, str(task.errorvalue)]))
    """
    assert theirs(read) == ["FileNotFoundError", str(error)]
