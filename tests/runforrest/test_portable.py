"""What travels with tasks and results: names of functions, exceptions, generators of random numbers."""

import os
import subprocess
import sys

import pytest

from jug.runforrest import TaskList, defer
from jug.runforrest.pickling import dump, load

NAMES = """
import {package}
tasks = TaskList("tasks")
tasks.schedule(defer(evaluate, 5))
tasks.schedule(defer(evaluate, defer(len, [1, 2])))
tasks.schedule(defer(str, defer(type(tasks).__name__.format, TaskList)))
tasks.schedule(defer(len, [tasks, defer, {package}.run_task, Task, TaskItem]))
print('null')
"""
READ = """
tasks = TaskList("tasks", noschedule_if_exist=True)
print(json.dumps([sorted(str(it) for it in map(evaluate, tasks.todo_tasks())), len(tasks.run())]))
"""


def test_functions_of_the_package_itself_are_read_from_the_files_of_the_other_one(ours, theirs, folder):
    expected = [["2", "5", "5", "TaskList"], 4]
    theirs(NAMES.format(package="runforrest"))
    assert ours(READ) == theirs(READ) == expected
    TaskList("tasks", exist_ok=True).clean()
    ours(NAMES.format(package="jug.runforrest"))
    assert theirs(READ) == ours(READ) == expected


def test_a_task_list_of_the_other_package_is_one_here(ours, theirs, folder):
    theirs("""
    tasks = TaskList("tasks", logfile="log.txt")
    tasks.schedule(defer(calls.pair, tasks, 1), metadata=tasks)
    print('null')
    """)
    ours("""
    (task,) = TaskList("tasks", noschedule_if_exist=True).todo_tasks()
    other = task.metadata
    assert type(other) is TaskList
    other.schedule(defer(abs, -3))
    assert len(os.listdir("tasks/todo")) == 2
    assert len(open("log.txt").readlines()) == 2
    other.clean()
    tasks = TaskList("tasks", logfile="log.txt")
    tasks.schedule(defer(calls.pair, tasks, 1), metadata=tasks)
    print('null')
    """)
    theirs("""
    (task,) = TaskList("tasks", noschedule_if_exist=True).todo_tasks()
    task.metadata.schedule(defer(abs, -3))
    assert len(os.listdir("tasks/todo")) == 2
    assert sorted(it.returnvalue for it in task.metadata.run() if isinstance(it.returnvalue, int)) == [3]
    print('null')
    """)


CHAIN = """
    def chained(how):
        try:
            try:
                raise KeyError("first")
            except KeyError as error:
                error.add_note("a note")
                raise OSError(2, "second") from error
        except OSError as error:
            if how == "not written":
                error.lock = (it for it in "")
            if how == "hidden":
                raise ValueError("last") from None
            raise ValueError("last")
"""
LINKS = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    found = {}
    for task in tasks.fail_tasks():
        last = task.errorvalue
        second = last.__context__
        found[task.metadata] = [
            repr(last), repr(last.__cause__), last.__suppress_context__,
            repr(second), repr(second.__cause__), second.__suppress_context__, second.__cause__.__notes__,
        ]
    print(json.dumps(found))
"""


def test_exceptions_have_those_that_they_follow_from_and_their_notes_in_both_packages(ours, theirs, folder):
    """RunForrest 0.4.3 writes exceptions without a cause."""
    ours(
        CHAIN
        + """
    if __name__ == "__main__":
        tasks = TaskList("tasks")
        for how in ("plain", "hidden", "not written"):
            tasks.schedule(defer(chained, how), metadata=how)
        list(tasks.run())
        print("null")
    """
    )
    end = ["KeyError('first')", True, ["a note"]]
    last = ["ValueError('last')", "None"]
    second = "FileNotFoundError(2, 'second')"
    expected = {
        "plain": [*last, False, second, *end],
        "hidden": [*last, True, second, *end],
        "not written": [*last, False, "RuntimeError('FileNotFoundError: [Errno 2] second')", *end],
    }
    assert ours(LINKS) == theirs(LINKS) == expected


def test_a_long_chain_of_exceptions_costs_its_beginning_only(folder):
    source = """
from jug.runforrest import TaskList, defer

def fail():
    error = None
    for number in range(5000):
        following = ValueError(number)
        following.__context__ = error
        error = following
    raise error

tasks = TaskList("tasks")
tasks.schedule(defer(fail))
(task,) = tasks.run()
error = task.errorvalue
found = []
while error is not None:
    found.append(error.args[0])
    error = error.__context__
print(found == list(range(4999, 4999 - len(found), -1)), len(found) > 10)
"""
    (folder / "script.py").write_text(source)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True True\n", "")


UNREADABLE = """
import os, signal

class Bare:
    def __reduce__(self):
        return Bare.__new__, ()

class Deadly:
    def __reduce__(self):
        return os.kill, (Deadly.me(), signal.SIGSEGV)
    @staticmethod
    def me():
        return os.getpid()

class Refusing(Exception):
    def __init__(self, first, second):
        super().__init__(first)

def bare(): return [Bare()]
def deadly(): return Deadly()
def refusing(): return {"error": Refusing(1, 2)}
def failing(): raise Refusing(1, 2)
"""


def test_a_result_that_can_be_written_and_not_read_again_fails_in_its_own_process(folder):
    """RunForrest 0.4.3 has an exception of its own listing instead, or a crash of the script."""
    (folder / "unreadable.py").write_text(UNREADABLE)
    import unreadable

    tasks = TaskList("tasks")
    for function in (unreadable.bare, unreadable.deadly, unreadable.refusing, unreadable.failing):
        tasks.schedule(defer(function), metadata=function.__name__)
    found = {task.metadata: task for task in tasks.run()}
    assert len(list(tasks.fail_tasks())) == 4
    assert not os.listdir("tasks/done")
    read = "unpickled: it cannot be read again: TypeError:"
    assert str(found["bare"].errorvalue).startswith(
        f"what bare returned is of type list, which cannot be {read} object.__new__(): not enough arguments"
    )
    assert str(found["refusing"].errorvalue).startswith(
        f"what refusing returned is of type dict, which cannot be {read} Refusing.__init__() missing 1"
    )
    assert found["deadly"].errorvalue.signal == 11
    assert repr(found["failing"].errorvalue) == "RuntimeError('Refusing: 1')"


@pytest.mark.parametrize(
    ("what", "culprit"),
    [
        ("class Color(enum.Enum):\n    RED = 1\nColor.RED", "the global Color (EnumType)"),
        ("numbers = (it for it in '')", "the global numbers (generator)"),
        ("line = socket.socket()", "the global line (socket)"),
    ],
)
def test_a_session_that_cannot_be_saved_names_the_global(what, culprit, folder):
    """RunForrest 0.4.3 ends with a traceback of dill's, or each of its tasks does."""
    source = f"""
import enum, socket
from jug.runforrest import TaskList, defer
{what}
tasks = TaskList("tasks")
tasks.schedule(defer(abs, -1))
try:
    tasks.run(save_session=True)
except Exception as error:
    print(type(error).__name__, error)
print([task.returnvalue for task in tasks.run()])
"""
    (folder / "script.py").write_text(source)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert first.startswith(
        f"UserError the session cannot be saved: {culprit} of the script cannot be pickled ("
    )
    assert first.endswith("or leave out save_session: tasks have what their functions refer to without it")
    assert second == "[1]"
    assert sorted(os.listdir("tasks")) == [".claims", "done", "fail", "todo"]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_methods_of_the_generators_of_modules_draw_other_numbers_in_each_task(method, folder):
    """RunForrest 0.4.3 writes their states: all tasks draw the same."""
    numpy = pytest.importorskip("numpy")
    import random

    tasks = TaskList("tasks")
    for draw in (random.random, random.uniform, numpy.random.rand, numpy.random.standard_normal):
        for _ in range(3):
            tasks.schedule(defer(draw, *((0, 1) if draw is random.uniform else ())))
    tasks.schedule(defer(lambda draw, other: draw() + other(), random.random, numpy.random.rand))
    drawn = [task.returnvalue for task in tasks.run(start_method=method)]
    assert len(set(drawn)) == 13
    # One's own goes as it is.
    own = random.Random(5)
    assert load(dump(defer(own.random)))._fun() == random.Random(5).random()


def test_runforrest_reads_methods_of_the_generators_of_modules(ours, theirs, folder):
    ours("""
    import random
    tasks = TaskList("tasks")
    for _ in range(2):
        tasks.schedule(defer(random.random))
        tasks.schedule(defer(lambda draw: draw(), random.random))
    print("null")
    """)
    drawn = theirs("""
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([task.returnvalue for task in tasks.run()]))
    """)
    assert len(set(drawn)) == 4


def test_a_state_that_is_a_file_is_named(folder):
    os.mkdir("tasks")
    (folder / "tasks" / "done").write_text("")
    with pytest.raises(
        NotADirectoryError, match=r"^TaskList directory tasks/done is a file: name another one$"
    ):
        TaskList("tasks", exist_ok=True, pre_clean=False)


def test_a_folder_that_cannot_be_written_is_named_and_not_a_temporary_file(folder):
    source = """
from jug.runforrest import TaskList, defer
tasks = TaskList("tasks", exist_ok=True, pre_clean=False)
try:
    tasks.schedule(defer(abs, -2))
except OSError as error:
    print(error)
print(len(list(tasks.todo_tasks())))
"""
    TaskList("tasks").schedule(defer(abs, -1))
    (folder / "script.py").write_text(source)
    mounts = 'mount --bind tasks tasks && mount -o remount,ro,bind tasks && exec "$0" script.py'
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mounts, sys.executable], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr}")
    assert done.stdout == "[Errno 30] cannot write a file of a task: Read-only file system: 'tasks'\n1\n"
