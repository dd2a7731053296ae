"""Task lists: which folders they take, what they leave there, what they list."""

import operator
import os
import pickle
import re
import shutil
import subprocess
import sys
import threading

import pytest

from jug.runforrest import TaskList, defer, evaluate
from jug.runforrest.pickling import dump

SEQUENCE = """
answers = []
def say(*what):
    answers.append(list(what))
def count():
    return [len(os.listdir(f"tasks/{state}")) for state in ("todo", "done", "fail")]
tasks = TaskList("tasks")
say("made", sorted(os.listdir("tasks")), count())
tasks.schedule(defer(calls.add, 1), metadata="m")
say("scheduled", count())
try:
    TaskList("tasks")
except RuntimeError as error:
    say(str(error))
again = TaskList("tasks", noschedule_if_exist=True)
again.schedule(defer(calls.add, 2))
say("not scheduled", count(), [it.metadata for it in again.todo_tasks()])
again = TaskList("tasks", exist_ok=True, pre_clean=False)
again.schedule(defer(calls.add, 2))
say("appended", count())
TaskList("tasks", exist_ok=True)
say("cleaned", count())
tasks.schedule(defer(calls.add, 2))
tasks.clean(clean_done=False)
say("a part cleaned", sorted(os.listdir("tasks")))
tasks.clean()
say("gone", os.path.exists("tasks"))
try:
    TaskList("no/such")
except FileNotFoundError as error:
    say(str(error))
try:
    TaskList("other").schedule(42)
except AttributeError:
    say("no task")
ended = TaskList("ended", post_clean=True)
del ended
say("ended", os.path.exists("ended"))
print(json.dumps(answers))
"""


def test_folders_are_made_kept_and_cleaned_as_by_runforrest(ours, theirs, folder):
    expected = theirs(SEQUENCE)
    shutil.rmtree("other")
    assert ours(SEQUENCE) == expected
    assert ["ended", False] in expected


def test_a_folder_that_is_a_file_is_named(folder):
    (folder / "tasks").write_text("")
    with pytest.raises(NotADirectoryError, match="tasks is a file"):
        TaskList("tasks", exist_ok=True)


def test_a_folder_that_cannot_be_made_is_an_error():
    with pytest.raises(OSError, match="/proc/self/tasks"):
        TaskList("/proc/self/tasks")


def test_at_the_end_of_a_with_statement_it_is_cleaned_if_that_was_asked_for(folder):
    with TaskList("tasks", post_clean=True) as tasks:
        tasks.schedule(defer(int))
    assert not (folder / "tasks").exists()
    with TaskList("tasks") as tasks:
        tasks.schedule(defer(int))
    assert len(os.listdir(folder / "tasks" / "todo")) == 1


def damaged(kind):
    """A file that is none of a task, by what is wrong with it."""
    whole = dump(defer(operator.add, 1, 2))
    return {
        "empty": b"",
        "cut off": whole[:-20],
        "no pickle": b"hello, this is text",
        "another class": pickle.dumps({"a": 1}),
        "of nowhere": b"\x80\x04\x8c\x08nowhere1\x8c\x01X\x93.",
        "of a later version": b"\x80\x04\x8c\x0arunforrest\x8c\x07TaskMap\x93)\x81.",
    }[kind]


@pytest.mark.parametrize(
    "kind", ["empty", "cut off", "no pickle", "another class", "of nowhere", "of a later version"]
)
def test_every_listing_skips_what_cannot_be_read_with_a_line(kind, folder, capsys):
    """RunForrest 0.4.3 does so for empty files in done/ alone; all else raises."""
    tasks = TaskList("tasks")
    for state in ("todo", "done", "fail"):
        (folder / "tasks" / state / f"bad-{state}.pkl").write_bytes(damaged(kind))
        (folder / "tasks" / state / f"good-{state}.pkl").write_bytes(dump(defer(operator.add, 1, 2)))
        assert [evaluate(task) for task in getattr(tasks, f"{state}_tasks")()] == [3]
        assert re.fullmatch(rf"skipping bad-{state}\.pkl \(.+\)\n", capsys.readouterr().out)


def test_a_name_of_any_bytes_is_skipped_in_one_line(folder):
    TaskList("tasks")
    for state in ("todo", "done"):
        (folder / "tasks" / state / "folder").mkdir()
    with open(b"tasks/todo/\xff\nbad\x1b[2J.pkl", "wb") as file:
        file.write(b"no pickle")
    source = "from jug.runforrest import *; t = TaskList('tasks', noschedule_if_exist=True)\n"
    source += "print(list(t.todo_tasks()), list(t.run()))"
    done = subprocess.run([sys.executable, "-X", "utf8", "-c", source], capture_output=True, check=True)
    *lines, last = done.stdout.decode().splitlines()
    assert last == "[] []"
    assert sorted(set(lines)) == [
        "skipping \\udcff\\nbad\\x1b[2J.pkl (UnpicklingError: invalid load key, 'n'.)",
        "skipping folder (IsADirectoryError: [Errno 21] Is a directory: 'tasks/todo/folder')",
    ]


def test_the_line_for_an_empty_file_is_that_of_runforrest(theirs, folder, capsys):
    tasks = TaskList("tasks")
    (folder / "tasks" / "done" / "bad.pkl").write_bytes(b"")
    list(tasks.done_tasks())
    line = capsys.readouterr().out
    said = theirs("""
    import contextlib, io
    with contextlib.redirect_stdout(io.StringIO()) as out:
        list(TaskList("tasks", noschedule_if_exist=True).done_tasks())
    print(json.dumps(out.getvalue()))
    """)
    assert line == said


def test_what_cannot_be_pickled_is_named_and_leaves_no_file(folder):
    tasks = TaskList("tasks")
    lock = threading.Lock()
    with pytest.raises(TypeError, match=r"the metadata \(generator\) of int cannot be pickled"):
        tasks.schedule(defer(int), metadata=(i for i in range(3)))
    with pytest.raises(TypeError, match="len or an argument cannot be pickled"):
        tasks.schedule(defer(len, (i for i in [lock])))
    assert os.listdir(folder / "tasks" / "todo") == []
    assert sorted(os.listdir(folder / "tasks")) == ["done", "fail", "todo"]


def test_failed_tasks_can_be_scheduled_again(folder):
    tasks = TaskList("tasks")
    for name in ("a.pkl", "b.pkl"):
        (folder / "tasks" / "fail" / name).write_bytes(dump(defer(operator.add, 1, 2)))
    assert tasks.retry() == 2
    assert len(list(tasks.todo_tasks())) == 2
    assert list(tasks.fail_tasks()) == []


def test_each_scheduled_task_is_a_line_of_the_log(folder):
    tasks = TaskList("tasks", logfile="log.txt")
    tasks.schedule(defer(int))
    (name,) = os.listdir("tasks/todo")
    line = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d " + re.escape(name) + " schedule\n"
    assert re.fullmatch(line, (folder / "log.txt").read_text())


def test_importing_it_imports_none_of_its_picklers():
    libraries = "('dill', 'cloudpickle', 'numpy')"
    source = f"import jug.runforrest, sys; print([it for it in {libraries} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
