"""Who runs the tasks of a folder that several scripts and loops share, and in which list each task is."""

import json
import re
from collections import Counter

import pytest

from jug.runforrest import TaskList, defer
from tests.runforrest.deeds import counts, lines, script
from tests.support import mounts
from tests.support.waiting import wait_for


def test_a_script_ends_when_all_its_tasks_have_ended_in_whichever_they_ran(deeds):
    """RunForrest 0.4.3 runs every task in both."""
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(2):
        tasks.schedule(defer(module.slow, i, 2))
    source = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    yielded = [task.returnvalue for task in tasks.run(nprocesses=1)]
    print(json.dumps([yielded, [len(os.listdir(f"tasks/{state}")) for state in ("todo", "done")]]))
    """
    one = script(source.replace("nprocesses=1", "nprocesses=2"))
    wait_for(lambda: len(lines("began.txt")) == 2, "both tasks")
    other = script(source)
    out, err = other.communicate()
    assert json.loads(out) == [[], [0, 2]]
    assert err == (
        "jug: 2 tasks run for another process that works on the same folder; waiting for the end\n"
    )
    assert json.loads(one.communicate()[0])[1] == [0, 2]
    assert Counter(lines("ran.txt")) == {"0": 1, "1": 1}


def test_what_a_script_had_that_is_killed_is_run_by_the_other_one(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(8):
        tasks.schedule(defer(module.slow, i, 0.3))
    source = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([task.returnvalue for task in tasks.run(nprocesses=2)]))
    """
    killed = script(source)
    wait_for(lambda: len(lines("began.txt")) == 2, "two tasks")
    other = script(source)
    wait_for(lambda: len(lines("began.txt")) >= 6, "those of the other one")
    killed.kill()
    killed.communicate()
    out, _ = other.communicate()
    assert other.returncode == 0
    assert counts() == [0, 8, 0]
    assert set(json.loads(out)) <= set(range(8))
    assert set(map(int, lines("ran.txt"))) == set(range(8))


def test_loops_over_one_folder_in_one_script_do_not_wait_for_each_other(deeds, capsys):
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(6):
        tasks.schedule(defer(module.give, i))
    found = []
    for outer in tasks.run(nprocesses=2):
        found.append(outer.returnvalue)
        found += [inner.returnvalue for inner in tasks.run(nprocesses=2)]
    assert sorted(found) == list(range(6))
    assert counts() == [0, 6, 0]


def test_after_a_loop_that_was_left_a_task_is_in_one_list_and_is_yielded_by_the_next(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for function in (module.give, module.refuse):
        for i in range(4):
            tasks.schedule(defer(function, i), metadata=[function.__name__, i])
    left = []
    for task in tasks.run(nprocesses=2):
        left.append(task.metadata)
        wait_for(lambda: sum(counts()[1:]) == 8, "the others")
        break
    listed = {
        "todo": [task.metadata for task in tasks.todo_tasks()],
        "done": [task.metadata for task in tasks.done_tasks()],
        "fail": [task.metadata for task in tasks.fail_tasks()],
    }
    assert listed["done"] + listed["fail"] == left
    assert len(listed["todo"]) == 7
    assert len(tasks.failures()) == len(listed["fail"])
    left += [task.metadata for task in tasks.run(nprocesses=2)]
    assert sorted(left) == sorted([name, i] for name in ("give", "refuse") for i in range(4))
    assert len(list(tasks.done_tasks())) == len(list(tasks.fail_tasks())) == 4
    assert len(lines("ran.txt")) == 8


# --- what cannot be ---


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"progress": "junk"}, "progress must be one of "),
        ({"progress": 3}, "progress must be one of "),
        ({"preload": [3]}, "preload must be names of modules, not 3"),
        ({"preload": None}, "preload must be names of modules, not None"),
        ({"preload": 3}, "preload must be names of modules, not 3"),
        ({"preload": [""]}, "preload must be names of modules, not ''"),
    ],
)
def test_what_is_no_mode_and_no_module_is_an_error_before_anything_starts(given, message, deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 1))
    with pytest.raises((TypeError, ValueError)) as caught:
        tasks.run(**given)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert counts() == [1, 0, 0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("exist_ok=True, pre_clean=False", r"OSError: \[Errno 30\] .*: Read-only file system: 'disk/tasks'"),
        (
            "noschedule_if_exist=True",
            r"jug.errors.UserError: no tasks can run: \[Errno 30\] Read-only file system: '/.*/.claims'",
        ),
    ],
)
def test_a_folder_that_cannot_be_written_is_an_error_in_a_line(options, said, deeds):
    with mounts.tmpfs(deeds / "disk", "size=8m") as disk:
        TaskList(disk / "tasks").schedule(defer(int, 1))
        assert mounts.mount("-o", "remount,ro", disk).returncode == 0
        run = script(f"""
        tasks = TaskList("disk/tasks", {options})
        tasks.schedule(defer(int, 1))
        list(tasks.run())
        """)
        _, err = run.communicate()
        assert run.returncode == 1
        assert re.fullmatch(said, err.rstrip().splitlines()[-1]), err
        assert err.count("Traceback") == 1
