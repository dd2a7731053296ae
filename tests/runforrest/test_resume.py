"""Runs that end before their time, folders that are continued, and several scripts on one folder."""

import json
import operator
import os
import shutil
import signal
from collections import Counter
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.runforrest import TaskCrashed, TaskList, defer
from jug.runforrest.pickling import load
from tests.runforrest.deeds import counts, lines, script
from tests.support.processes import is_alive
from tests.support.waiting import wait_for


def test_the_end_of_the_process_that_runs_tasks_is_an_error_and_nothing_is_left(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 1))
    import deeds as module

    tasks.schedule(defer(module.slow, 1, 1000))

    def run():
        for task in tasks.run(nprocesses=2):
            yield task.returnvalue
            wait_for(lambda: lines("began.txt"), "the other one")
            (child,) = set(children()) - others
            os.kill(int(child), signal.SIGKILL)

    def children():
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()

    others = set(children())
    yielded = run()
    assert next(yielded) == 1
    with pytest.raises(UserError, match=r"has ended \(killed by SIGKILL.*\): what was finished is stored"):
        next(yielded)
    pid = int(lines("began.txt")[0].split()[1])
    wait_for(lambda: not is_alive(pid), "the end of its task")
    assert counts() == [1, 1, 0]


def test_ctrl_c_kills_what_runs_and_it_is_to_be_done_again(deeds):
    """RunForrest 0.4.3 ends, and its tasks go on."""
    run = script("""
    tasks = TaskList("tasks")
    for i in range(4):
        tasks.schedule(defer(deeds.slow, i, 0 if i == 0 else 1000))
    for task in tasks.run(nprocesses=4):
        pass
    """)
    wait_for(lambda: len(lines("began.txt")) == 4 and counts()[1] == 1 and counts()[0] == 3, "all to run")
    run.send_signal(signal.SIGINT)
    _, err = run.communicate()
    assert run.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert not any(is_alive(int(line.split()[1])) for line in lines("began.txt"))
    assert counts() == [3, 1, 0]


def test_what_runs_ends_with_a_loop_that_is_left(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 1))
    import deeds as module

    tasks.schedule(defer(module.slow, 1, 1000))
    for _ in tasks.run(nprocesses=2):
        wait_for(lambda: lines("began.txt"), "the other one")
        break
    ((_, pid),) = (line.split() for line in lines("began.txt"))
    wait_for(lambda: not is_alive(int(pid)), "its end")
    assert counts() == [1, 1, 0]


def test_nothing_that_was_finished_runs_again_after_a_kill(deeds):
    """RunForrest 0.4.3 runs again what its orphans have finished meanwhile."""
    source = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    for i in range(40):
        tasks.schedule(defer(deeds.slow, i, 0.05))
    print(sorted(task.returnvalue for task in tasks.run(nprocesses=4)))
    """
    run = script(source)
    wait_for(lambda: len(lines("ran.txt")) >= 8, "some tasks")
    run.kill()
    run.communicate()
    pids = [int(line.split()[1]) for line in lines("began.txt")]
    wait_for(lambda: not any(map(is_alive, pids)), "their ends")
    results = {path.name for state in ("done", "fail") for path in Path("tasks", state).iterdir()}
    finished = {load(Path("tasks/done", name).read_bytes()).returnvalue for name in results}
    assert finished
    Path("tasks/.unfinished-1").write_text("As a task leaves it that was killed at a certain moment.")
    run = script(source)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert counts() == [0, 40, 0]
    assert sorted(os.listdir("tasks")) == [".claims", "done", "fail", "todo"]
    ran = Counter(map(int, lines("ran.txt")))
    assert set(ran) == set(range(40))
    assert all(ran[number] == 1 for number in finished)
    # What had a result and was not yet put where it belongs is yielded, and all that had none.
    assert len(json.loads(out)) >= 40 - len(finished)


def test_results_that_a_killed_script_had_not_taken_yet_are_taken(deeds):
    """RunForrest 0.4.3 runs such tasks again."""
    tasks = TaskList("tasks")
    import deeds as module

    for function in (module.give, module.refuse, module.give):
        tasks.schedule(defer(function, 1))
    shutil.copytree("tasks/todo", "kept")
    list(tasks.run())
    # As it is between the end of a task and the moment when the script knows of it.
    for file in os.listdir("kept"):
        shutil.copy2(f"kept/{file}", "tasks/todo")
    os.remove("ran.txt")
    found = [(task.returnvalue, type(task.errorvalue).__name__) for task in tasks.run()]
    assert sorted(found, key=str) == [(1, "NoneType"), (1, "NoneType"), (None, "ValueError")]
    assert lines("ran.txt") == []
    assert counts() == [0, 2, 1]


def test_two_scripts_on_one_folder_run_no_task_twice(deeds):
    """RunForrest 0.4.3 runs every task in both."""
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(40):
        tasks.schedule(defer(module.slow, i, 0.02))
    source = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([task.returnvalue for task in tasks.run(nprocesses=2)]))
    """
    both = [script(source), script(source)]
    yielded = [json.loads(run.communicate()[0]) for run in both]
    assert sorted(yielded[0] + yielded[1]) == list(range(40))
    assert Counter(map(int, lines("ran.txt"))) == Counter(range(40))
    assert counts() == [0, 40, 0]


def test_what_two_scripts_have_finished_is_not_run_again_where_one_is_killed(deeds):
    """RunForrest 0.4.3 runs every task in both, and again what orphans have finished."""
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(40):
        tasks.schedule(defer(module.slow, i, 0.05))
    source = """
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([task.returnvalue for task in tasks.run(nprocesses=2)]))
    """
    killed, other = script(source), script(source)
    wait_for(lambda: len(lines("ran.txt")) >= 8, "some tasks")
    finished = {load(path.read_bytes()).returnvalue for path in Path("tasks/done").iterdir()}
    killed.kill()
    killed.communicate()
    assert finished
    out, _ = other.communicate()
    assert other.returncode == 0
    # Those that ran for the one that was killed are run by the other one, or by the next.
    json.loads(out)
    script(source).communicate()
    assert counts() == [0, 40, 0]
    began = Counter(int(line.split()[0]) for line in lines("began.txt"))
    assert set(began) == set(range(40))
    assert all(began[number] == 1 for number in finished)
    # Two ran when one of the scripts was killed, and two may just have been stored.
    assert sum(began.values()) <= 44


def test_a_folder_of_runforrest_is_continued_and_its_results_are_taken(theirs, deeds):
    """Its own next run starts such tasks again."""
    theirs("""
    import shutil
    import deeds
    tasks = TaskList("tasks")
    for i in range(3):
        tasks.schedule(defer(deeds.give, i))
    tasks.schedule(defer(deeds.refuse, 3))
    for name in os.listdir("tasks/todo"):
        shutil.copy(f"tasks/todo/{name}", f"tasks/{name}")
    list(tasks.run(nprocesses=4))
    # As when it was killed while children wrote results: one is complete, a failed one, too, one is empty.
    moved = 0
    for name in os.listdir("tasks/fail"):
        os.rename(f"tasks/{name}", f"tasks/todo/{name}")
        os.rename(f"tasks/fail/{name}", f"tasks/done/{name}")
    for number, name in enumerate(sorted(set(os.listdir("tasks/done")) - set(os.listdir("tasks/todo")))):
        if number == 0:
            os.rename(f"tasks/{name}", f"tasks/todo/{name}")
        elif number == 1:
            os.rename(f"tasks/{name}", f"tasks/todo/{name}")
            open(f"tasks/done/{name}", "wb").close()
    print("null")
    """)
    os.remove("ran.txt")
    tasks = TaskList("tasks", noschedule_if_exist=True)
    found = [(task.returnvalue, type(task.errorvalue).__name__) for task in tasks.run()]
    assert len(found) == 3
    assert (None, "ValueError") in found
    assert len(lines("ran.txt")) == 1
    assert counts() == [0, 3, 1]
    assert sorted(task.returnvalue for task in tasks.done_tasks()) == [0, 1, 2]


def test_runforrest_continues_a_folder_of_ours_and_reads_our_results(theirs, deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for function in (module.give, module.vanish, module.leave, module.refuse):
        tasks.schedule(defer(function, 3))
    list(tasks.run())
    tasks.schedule(defer(module.give, 4))
    found = theirs("""
    tasks = TaskList("tasks", noschedule_if_exist=True)
    ran = [task.returnvalue for task in tasks.run()]
    failed = sorted(type(task.errorvalue).__name__ for task in tasks.fail_tasks())
    print(json.dumps([ran, sorted(task.returnvalue for task in tasks.done_tasks()), failed]))
    """)
    assert found == [[4], [3, 4], ["FileNotFoundError", "SystemExit", "ValueError"]]


def ran_again(tasks, times):
    """Runs what is to be done, and sees that it ran so often by then."""
    (task,) = tasks.run()
    assert lines("ran.txt") == ["1"] * times
    assert os.listdir("tasks/todo") == []
    return task


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2, shutil.move])
@pytest.mark.parametrize("state", ["done", "fail"])
def test_a_result_that_is_copied_back_with_any_time_runs_again(copy, state, deeds):
    tasks = TaskList("tasks")
    import deeds as module

    tasks.schedule(defer(module.give if state == "done" else module.refuse, 1))
    ran_again(tasks, 1)
    for times in (2, 3):
        (name,) = os.listdir(f"tasks/{state}")
        copy(f"tasks/{state}/{name}", f"tasks/todo/{name}")
        ran_again(tasks, times)
    assert sum(counts()) == 1


@pytest.mark.parametrize("is_done", [True, False])
def test_what_became_of_a_task_that_was_copied_back_is_of_its_last_run(is_done, deeds):
    """RunForrest 0.4.3 has it in both folders when it did not fail again."""
    tasks = TaskList("tasks")
    import deeds as module

    tasks.schedule(defer(module.falter, 1, "raise" if is_done else "vanish"))
    (task,) = tasks.run()
    (name,) = os.listdir("tasks/fail")
    shutil.copy2(f"tasks/fail/{name}", f"tasks/todo/{name}")
    if not is_done:
        os.remove("ran.txt")
    (task,) = tasks.run()
    assert task.returnvalue == (2 if is_done else None)
    assert type(task.errorvalue) is (type(None) if is_done else TaskCrashed)
    assert counts() == ([0, 1, 0] if is_done else [0, 0, 1])


def test_the_result_of_a_task_that_was_copied_back_is_taken_after_a_kill(deeds):
    """Also where the clock was put back meanwhile."""
    tasks = TaskList("tasks")
    import deeds as module

    tasks.schedule(defer(module.refuse, 1))
    ran_again(tasks, 1)
    (name,) = os.listdir("tasks/fail")
    shutil.copy2(f"tasks/fail/{name}", "kept")
    shutil.copy2("kept", f"tasks/todo/{name}")
    ran_again(tasks, 2)
    # As it is between the end of a task and the moment when the script knows of it.
    shutil.copy2("kept", f"tasks/todo/{name}")
    os.utime(f"tasks/fail/{name}", (0, 0))
    assert type(ran_again(tasks, 2).errorvalue) is ValueError
    # What was touched since is another one.
    shutil.copy("kept", f"tasks/todo/{name}")
    ran_again(tasks, 3)


def test_what_was_stored_of_a_crash_is_taken_after_a_kill(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    tasks.schedule(defer(module.vanish, 1))
    (name,) = os.listdir("tasks/todo")
    shutil.copy2(f"tasks/todo/{name}", "kept")
    ran_again(tasks, 1)
    shutil.copy2("kept", f"tasks/todo/{name}")
    os.utime(f"tasks/fail/{name}", (0, 0))
    assert ran_again(tasks, 1).errorvalue.exitcode == 1


def test_failed_tasks_of_runforrest_that_are_copied_back_run_again(theirs, deeds):
    theirs("""
    import deeds, shutil
    tasks = TaskList("tasks")
    tasks.schedule(defer(deeds.refuse, 1))
    list(tasks.run())
    (name,) = os.listdir("tasks/fail")
    shutil.copy2(f"tasks/fail/{name}", f"tasks/todo/{name}")
    print("null")
    """)
    ran_again(TaskList("tasks", noschedule_if_exist=True), 2)
    (name,) = os.listdir("tasks/fail")
    shutil.copy2(f"tasks/fail/{name}", f"tasks/todo/{name}")
    assert theirs("""
    tasks = TaskList("tasks", noschedule_if_exist=True)
    print(json.dumps([str(task.errorvalue) for task in tasks.run()]))
    """) == ["1"]
    assert lines("ran.txt") == ["1"] * 3


def test_a_task_that_is_put_back_by_hand_runs_again(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(operator.truediv, 1, 0))
    (task,) = tasks.run()
    assert type(task.errorvalue) is ZeroDivisionError
    (name,) = os.listdir("tasks/fail")
    os.rename(f"tasks/fail/{name}", f"tasks/todo/{name}")
    (task,) = tasks.run()
    assert type(task.errorvalue) is ZeroDivisionError
    assert tasks.retry() == 1
    assert len(list(tasks.run())) == 1
