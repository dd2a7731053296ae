"""Runs of a task list: each task in a process of its own, whatever it does, and each once."""

import ast
import json
import operator
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.runforrest import TaskCrashed, TaskList, defer
from jug.runforrest.pickling import dump, load
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

#: What tasks do here; each run of one is a line in a file.
DEEDS = """
import ctypes, os, random, subprocess, sys, time

def note(what):
    with open("ran.txt", "a") as file:
        file.write(f"{what}\\n")

def segfault(i): note(i); ctypes.string_at(0)
def leave(i): note(i); sys.exit(0)
def vanish(i): note(i); os._exit(i)
def hang(i): note(i); time.sleep(1000)
def shout(i): note(i); print("x" * 1_000_000); return i
def give(i): note(i); return i
def draw():
    import numpy
    return random.random(), numpy.random.random()

def refuse(i): note(i); raise ValueError(i)

def bear(i):
    note(i)
    grown = subprocess.Popen(["setsid", "sleep", "1000"])
    with open("grown.txt", "a") as file:
        file.write(f"{grown.pid}\\n")
    return i

def slow(i, seconds):
    with open("began.txt", "a") as file:
        file.write(f"{i} {os.getpid()}\\n")
    time.sleep(seconds)
    note(i)
    return i
"""


@pytest.fixture
def deeds(folder, monkeypatch):
    (folder / "deeds.py").write_text(DEEDS)
    monkeypatch.delitem(sys.modules, "deeds", raising=False)
    return folder


def lines(file):
    """The lines of a file that may not be there yet."""
    return Path(file).read_text().split("\n")[:-1] if os.path.exists(file) else []


def script(source):
    """Starts a script that has task lists."""
    head = "import json, os, sys\nfrom jug.runforrest import TaskList, defer\nimport deeds\n"
    Path("script.py").write_text(head + textwrap.dedent(source))
    return subprocess.Popen(
        [sys.executable, "script.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def counts():
    return [len(os.listdir(f"tasks/{state}")) for state in ("todo", "done", "fail")]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_every_task_is_yielded_once_with_what_became_of_it_whatever_it_did(method, deeds):
    """RunForrest 0.4.3 takes sys.exit for success, loses the exit code of a crash, never yields what autokill
    ended, waits for ever for what prints more than a pipe holds, and with a log ends with a NameError where
    a process that a task left holds the pipe."""
    each = 20 if method == "forkserver" else 2
    kinds = ("segfault", "leave", "vanish", "hang", "shout", "bear", "give", "refuse", "give", "give")
    run = script(f"""
    tasks = TaskList("tasks", logfile="log.txt")
    number = 0
    for i in range({each}):
        for kind in {kinds}:
            number += 1
            tasks.schedule(defer(getattr(deeds, kind), number), metadata=[kind, number])
    ends = []
    run = tasks.run(nprocesses={each}, autokill=4, start_method={method!r})
    assert len(run) == number
    for task in run:
        error = task.errorvalue
        facts = [type(error).__name__, getattr(error, "signal", None), getattr(error, "exitcode", None)]
        ends.append([*task.metadata, task.returnvalue, *facts, isinstance(error, OSError), task.runtime > 0])
    print(json.dumps(ends))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    ends = json.loads(out)
    assert sorted(number for _, number, *_ in ends) == list(range(1, 10 * each + 1))
    for kind, number, value, *error, ran in ends:
        assert ran
        assert [value, *error] == {
            "segfault": [None, "TaskCrashed", signal.SIGSEGV, None, True],
            "leave": [None, "SystemExit", None, None, False],
            "vanish": [None, "TaskCrashed", None, number % 256, True],
            "hang": [None, "TimeoutError", None, None, True],
            "refuse": [None, "ValueError", None, None, False],
        }.get(kind, [number, "NoneType", None, None, False])
    assert counts() == [0, 5 * each, 5 * each]
    assert Counter(lines("ran.txt")) == Counter(str(number) for number in range(1, 10 * each + 1))
    grown = list(map(int, lines("grown.txt")))
    assert len(grown) == each
    assert not any(map(is_alive, grown))
    words = Counter(
        line.split()[2] for line in lines("log.txt") if not line.split(maxsplit=2)[2].startswith("b'")
    )
    assert words == {
        "schedule": 10 * each,
        "start": 10 * each,
        "done": 5 * each,
        "fail": 4 * each,
        "autokilled": each,
    }
    assert sum("x" * 1_000_000 in line for line in lines("log.txt")) == each


LOGGED = """
tasks = TaskList("tasks", logfile="log.txt")
tasks.schedule(defer(print, "hello"))
list(tasks.run(nprocesses=1))
tasks.schedule(defer(calls.fail, "no"))
list(tasks.run(nprocesses=1, print_errors=True))
print("null")
"""


def test_the_log_is_that_of_runforrest_but_for_the_traceback(ours, theirs, folder):
    def log():
        text = (folder / "log.txt").read_text()
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME", text)
        return re.sub(r"[0-9a-f-]{36}", "NAME", text)

    theirs(LOGGED)
    expected = log()
    os.remove("log.txt")
    os.rename("tasks", "theirs")
    ours(LOGGED)
    *same, last = log().splitlines()
    *expected, last_expected = expected.splitlines()
    assert same == expected
    printed, printed_there = (ast.literal_eval(line.split(maxsplit=2)[2]) for line in (last, last_expected))
    assert printed_there == b"Error in NAME.pkl: ValueError('no')\n"
    assert printed.startswith(printed_there + b"Traceback (most recent call last):\n")
    assert printed.endswith(b"ValueError: no\n")


def test_nothing_starts_before_it_is_iterated_over_and_it_can_be_again(deeds):
    """RunForrest 0.4.3 ends with a FileNotFoundError the second time."""
    tasks = TaskList("tasks")
    for i in range(3):
        tasks.schedule(defer(operator.truediv, i, 1))
    run = tasks.run(nprocesses=2)
    assert (len(run), counts()) == (3, [3, 0, 0])
    assert sorted(task.returnvalue for task in run) == [0, 1, 2]
    assert counts() == [0, 3, 0]
    assert list(run) == []
    assert list(tasks.run()) == []
    assert sorted(task.returnvalue for task in tasks.done_tasks()) == [0, 1, 2]


def test_a_task_that_was_autokilled_can_stay_to_be_done(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(time.sleep, 1000))
    assert list(tasks.run(autokill=0.3, autokill_requeue=True)) == []
    assert counts() == [1, 0, 0]
    (task,) = tasks.run(autokill=0.3)
    assert type(task.errorvalue) is TimeoutError
    assert "0.3 s" in str(task.errorvalue)
    assert counts() == [0, 0, 1]


def test_what_cannot_be_pickled_of_a_result_or_an_error_fails_with_its_type(ours):
    """RunForrest 0.4.3 says EOFError('Ran out of input')."""
    source = """
    class Odd(Exception):
        def __init__(self, a, b):
            super().__init__(f"{a} and {b}")

    def odd():
        raise Odd(1, 2)

    def generator():
        return (i for i in range(3))

    tasks = TaskList("tasks")
    for function in (odd, generator):
        tasks.schedule(defer(function), metadata=function.__name__)
    found = {}
    for task in tasks.run():
        found[task.metadata] = [type(task.errorvalue).__name__, str(task.errorvalue)]
    print(json.dumps(found))
    """
    found = ours(source)
    assert found["odd"] == ["RuntimeError", "Odd: 1 and 2"]
    kind, text = found["generator"]
    assert kind == "TypeError"
    assert text.startswith("what generator returned is of type generator, which cannot be pickled: ")


def test_files_that_cannot_be_read_are_skipped_with_a_line_and_stay(deeds, capfd):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 5))
    (deeds / "tasks" / "todo" / "bad.pkl").write_bytes(b"")
    assert [task.returnvalue for task in tasks.run()] == [5]
    assert capfd.readouterr().out == "skipping bad.pkl (Ran out of input)\n"
    assert os.listdir("tasks/todo") == ["bad.pkl"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nprocesses": 0}, "nprocesses must be a whole number from 1 on, not 0"),
        ({"nprocesses": True}, "nprocesses must be a whole number from 1 on, not True"),
        ({"autokill": 0}, "autokill must be a number of seconds above 0, not 0"),
        ({"autokill": -1}, "autokill must be a number of seconds above 0, not -1"),
        ({"start_method": "fork"}, "start_method must be 'forkserver' or 'spawn', not 'fork'"),
    ],
)
def test_wrong_parameters_are_named(given, message, folder):
    with pytest.raises(ValueError, match=re.escape(message)):
        TaskList("tasks").run(**given)


def test_functions_of_a_script_find_what_they_refer_to_and_a_session_has_all_else(ours):
    source = """
    offset = 5
    unseen = 7

    def shifted(a):
        return a + offset

    def hidden():
        return sys.modules["__main__"].unseen

    tasks = TaskList("tasks")
    tasks.schedule(defer(shifted, 1))
    (plain,) = tasks.run()
    tasks.schedule(defer(hidden))
    (with_session,) = tasks.run(save_session=True)
    print(json.dumps([plain.returnvalue, with_session.returnvalue, repr(with_session.errorvalue)]))
    """
    assert ours(source) == [6, 7, "None"]


def test_tasks_draw_different_random_numbers(deeds):
    run = script("""
    import numpy
    tasks = TaskList("tasks")
    for _ in range(6):
        tasks.schedule(defer(deeds.draw))
    print(json.dumps([task.returnvalue for task in tasks.run(nprocesses=3)]))
    """)
    out, err = run.communicate()
    assert err == ""
    drawn = json.loads(out)
    assert len(drawn) == 6
    assert all(len(set(numbers)) == 6 for numbers in zip(*drawn, strict=True))


def test_where_nothing_can_be_forked_an_interpreter_is_started_and_a_line_says_why(deeds):
    (deeds / "threaded.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), daemon=True).start()\n"
    )
    run = script("""
    tasks = TaskList("tasks")
    tasks.schedule(defer(deeds.give, 1))
    print([task.returnvalue for task in tasks.run(preload="threaded")])
    """)
    out, err = run.communicate()
    assert out == "[1]\n"
    assert err.startswith(
        "jug: each task starts an interpreter of its own: 1 thread runs after the imports (threaded)"
    )


def test_a_module_to_preload_that_cannot_be_imported_is_an_error(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 1))
    with pytest.raises(UserError, match="cannot preload the module nunpy: ModuleNotFoundError"):
        list(tasks.run(preload=["nunpy"]))
    assert counts() == [1, 0, 0]


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
    run = script(source)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert counts() == [0, 40, 0]
    ran = Counter(map(int, lines("ran.txt")))
    assert set(ran) == set(range(40))
    assert all(ran[number] == 1 for number in finished)
    # What had a result and was not yet put where it belongs is yielded, and all that had none.
    assert len(json.loads(out)) >= 40 - len(finished)


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


def test_the_process_of_the_user_stays_as_it_was(deeds):
    import threading

    def facts():
        handlers = {str(signal.getsignal(number)) for number in signal.valid_signals()}
        return sorted(os.listdir("/proc/self/fd")), threading.active_count(), handlers

    tasks = TaskList("tasks")
    before = facts()
    tasks.schedule(defer(int, 1))
    list(tasks.run())
    assert facts() == before


def test_a_crash_is_typed_and_an_error_of_the_system_for_those_who_expect_that(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(os._exit, 3))
    (task,) = tasks.run()
    assert isinstance(task.errorvalue, TaskCrashed)
    assert isinstance(task.errorvalue, FileNotFoundError)
    assert str(task.errorvalue).startswith("[Errno 2] the process of the task ended itself with status 3: '")
    (kept,) = tasks.fail_tasks()
    assert kept.errorvalue.exitcode == 3
    assert dump(kept)
