"""What may go wrong beside a run takes no folder, no result and no argument away."""

import copyreg
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.runforrest import TaskList, defer, pickling
from jug.runforrest.run import Run
from jug.task import Task


def scheduled(count, **options):
    tasks = TaskList("tasks", **options)
    for number in range(count):
        tasks.schedule(defer(abs, -number))
    return tasks


def test_a_copy_of_a_list_cleans_nothing_at_its_end(folder):
    tasks = scheduled(2, post_clean=True)
    del tasks._log
    copy = pickle.loads(pickle.dumps(tasks))
    del copy
    assert len(list(tasks.todo_tasks())) == 2
    del tasks
    assert not Path("tasks").exists()


def test_a_forked_process_cleans_nothing_at_its_end(folder):
    source = """
        import os, sys
        from jug.runforrest import TaskList, defer

        tasks = TaskList("tasks", post_clean=True)
        tasks.schedule(defer(abs, -1))
        if os.fork() == 0:
            sys.exit()
        os.wait()
        print([task.returnvalue for task in tasks.run()])
    """
    done = subprocess.run(
        [sys.executable, "-c", "import textwrap, sys; exec(textwrap.dedent(sys.argv[1]))", source],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("[1]\n", "")


def test_tasks_that_hold_their_list_run_with_its_folder(folder):
    """The list comes back in the process of each task, and is freed there."""
    source = """
from jug.runforrest import TaskList, defer

class Work:
    def __init__(self):
        self.tasks = TaskList("tasks", post_clean=True)

    def work(self, number):
        return number

work = Work()
for number in range(4):
    work.tasks.schedule(defer(work.work, number))
print(sorted(task.returnvalue for task in work.tasks.run(nprocesses=2)))
"""
    Path("script.py").write_text(source)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[0, 1, 2, 3]\n", "")


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError()])
def test_a_result_that_cannot_be_read_for_the_moment_stays(folder, monkeypatch, error):
    tasks = scheduled(1)
    read = Path.read_bytes

    def fail(path):
        if path.parent.name == "done":
            raise error
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(UserError, match=r"cannot read the result tasks/done/\S+\.pkl, which stays there"):
        list(tasks.run(nprocesses=1))
    monkeypatch.setattr(Path, "read_bytes", read)
    assert len(os.listdir("tasks/done")) == 1
    assert [task.returnvalue for task in tasks.run(nprocesses=1)] == [0]


def test_a_complete_result_that_cannot_be_loaded_is_said_before_its_task_runs_again(folder, capsys):
    tasks = scheduled(1)
    (file,) = Path("tasks/todo").iterdir()
    Path("tasks/done", file.name).write_bytes(b"cnot_there\nAny\n.")
    assert [task.returnvalue for task in tasks.run(nprocesses=1)] == [0]
    said = capsys.readouterr().err
    assert f"tasks/done/{file.name} cannot be loaded" in said
    assert "not_there" in said
    assert said.count("\n") == 1


def test_a_limit_of_a_month_is_one(folder):
    assert [task.returnvalue for task in scheduled(1).run(nprocesses=1, autokill=40 * 86400)] == [0]


def test_whatever_is_in_the_path_and_the_arguments_a_run_begins(folder, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/somewhere"), None])
    monkeypatch.setattr(sys, "argv", [Path("script.py"), 5])
    assert isinstance(scheduled(1).run(), Run)
    (task,) = TaskList("tasks", noschedule_if_exist=True).run(nprocesses=1)
    assert task.returnvalue == 0


def test_a_task_of_jug_takes_no_arguments(folder):
    with pytest.raises(TypeError, match="is a task of jug's, which takes no arguments"):
        defer(Task(abs, -1), 5)


def test_with_do_raise_a_task_that_leaves_with_status_0_has_failed(folder):
    TaskList("tasks").schedule(defer(sys.exit, 0))
    (file,) = Path("tasks/todo").iterdir()
    command = [sys.executable, "-m", "jug.runforrest", os.fspath(file), "out.pkl", "-r"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("SystemExit: 0\n")


@pytest.mark.parametrize("pickler", ["names", "dill", "cloudpickle"])
def test_a_failed_task_can_be_read_where_no_tracebacks_can(folder, pickler):
    """A process that has imported distributed pickles them with exceptions, for which tblib is needed."""
    import tblib.pickling_support

    before = dict(copyreg.dispatch_table)
    tblib.pickling_support.install()
    try:
        failed = defer(abs, -1)
        failed.errorvalue = ValueError("what", 1)
        assert b"tblib" in pickle.dumps(failed.errorvalue)
        data = {
            "names": pickling._by_names,
            "dill": pickling._with_dill,
            "cloudpickle": pickling._with_cloudpickle,
        }[pickler](failed)[0]
    finally:
        copyreg.dispatch_table.clear()
        copyreg.dispatch_table.update(before)
    assert b"tblib" not in data
    assert pickling.load(data).errorvalue.args == ("what", 1)


EXECUTORS = """
import asyncio
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import threading, time

pools = []

def of_threads():
    pools.append(ThreadPoolExecutor(2))
    return sum(pools[0].map(abs, [-1, -2]))

def of_processes():
    pools.append(ProcessPoolExecutor(2))
    return sum(pools[0].map(abs, [-1, -2]))

def of_joblib():
    from joblib import Parallel, delayed
    return sum(Parallel(2)(delayed(abs)(number) for number in (-1, -2)))

def of_a_loop():
    async def both():
        return await asyncio.gather(*(asyncio.to_thread(abs, number) for number in (-1, -2)))
    return sum(asyncio.new_event_loop().run_until_complete(both()))

def of_a_thread():
    threading.Thread(target=lambda: (time.sleep(0.3), open("later", "w").close())).start()
    return 3
"""


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"])
def test_a_task_ends_whose_executors_are_still_there(folder, start_method):
    Path("pools.py").write_text(EXECUTORS)
    source = f"""
import pools
from jug.runforrest import TaskList, defer

tasks = TaskList("tasks")
for name in ("of_threads", "of_processes", "of_joblib", "of_a_loop", "of_a_thread"):
    tasks.schedule(defer(getattr(pools, name)), name)
print([(task.metadata, task.returnvalue) for task in tasks.run(nprocesses=5, start_method={start_method!r})
       if task.returnvalue != 3])
"""
    Path("script.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=False, timeout=60
    )
    # joblib may warn that it was not asked to clean up.
    assert done.stdout == "[]\n"
    # What a thread does that is no daemon is waited for.
    assert Path("later").exists()
    assert len(list(Path("tasks/done").iterdir())) == 5
    assert list(Path("tasks/todo").iterdir()) == []


@pytest.mark.parametrize("start_method", ["forkserver", "spawn"])
def test_a_file_that_ends_who_reads_it_ends_no_script(folder, start_method):
    """The script of RunForrest 0.4.3 reads it after the task's process has died of it."""
    tasks = scheduled(1)
    deadly = Path("tasks/todo/deadly.pkl")
    deadly.write_bytes(pickle.dumps(Deadly()))
    source = f"""
from jug.runforrest import TaskList
tasks = TaskList("tasks", noschedule_if_exist=True)
print([task.returnvalue for task in tasks.run(start_method={start_method!r})])
"""
    Path("script.py").write_text(source)
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "skipping deadly.pkl (its process was killed by SIGSEGV when it read the file)\n[0]\n"
    )
    assert deadly.exists()
    deadly.unlink()
    assert list(tasks.todo_tasks()) == []


class Deadly:
    """Who unpickles it ends."""

    def __reduce__(self):
        return eval, ("__import__('os').kill(__import__('os').getpid(), 11)",)
