"""Runs of a task list: each task in a process of its own, whatever it does, and each once."""

import ast
import json
import operator
import os
import re
import signal
import time
from collections import Counter

import pytest

from jug.errors import UserError
from jug.runforrest import TaskCrashed, TaskList, defer
from jug.runforrest.pickling import dump
from tests.runforrest.deeds import counts, lines, script
from tests.support.processes import is_alive


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


def test_a_result_that_cannot_be_stored_fails_with_the_reason(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for function in (module.give_more_than_may_be_written, module.give):
        tasks.schedule(defer(function, 1))
    ends = sorted(tasks.run(nprocesses=1), key=lambda task: task.errorvalue is None)
    assert str(ends[0].errorvalue) == "its result could not be stored: [Errno 27] File too large"
    assert ends[1].returnvalue == 1
    (failure,) = tasks.failures()
    assert failure.report["kind"] == "unstorable"
    assert counts() == [0, 1, 1]
    assert sorted(os.listdir("tasks")) == [".claims", "done", "fail", "todo"]


def test_with_few_open_files_fewer_tasks_run_at_the_same_time(deeds):
    run = script("""
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
    tasks = TaskList("tasks")
    for i in range(30):
        tasks.schedule(defer(deeds.slow, i, 0.2))
    print(sorted(task.returnvalue for task in tasks.run(nprocesses=30, capture=True)))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert json.loads(out) == list(range(30))
    assert Counter(map(int, lines("ran.txt"))) == Counter(range(30))


def test_a_folder_that_goes_away_is_an_error_in_a_line(deeds):
    run = script("""
    import shutil
    tasks = TaskList("tasks")
    for i in range(6):
        tasks.schedule(defer(deeds.slow, i, 0.2))
    for task in tasks.run(nprocesses=1):
        shutil.rmtree("tasks")
    """)
    _, err = run.communicate()
    assert run.returncode == 1
    last = err.rstrip().splitlines()[-1]
    assert last.startswith("jug.errors.UserError: no more tasks can run: [Errno 2] No such file or directory")
    assert err.count("Traceback") == 1


def test_files_that_cannot_be_read_are_skipped_with_a_line_and_stay(deeds, capfd):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 5))
    (deeds / "tasks" / "todo" / "bad.pkl").write_bytes(b"")
    assert [task.returnvalue for task in tasks.run()] == [5]
    assert capfd.readouterr().out == "skipping bad.pkl (Ran out of input)\n"
    assert os.listdir("tasks/todo") == ["bad.pkl"]
    # Once a run, however often it is read.
    assert list(tasks.todo_tasks()) == list(tasks.run(retries=2)) == list(tasks.todo_tasks()) == []
    assert capfd.readouterr().out == "skipping bad.pkl (Ran out of input)\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nprocesses": 0}, "nprocesses must be a number from 1 on, not 0"),
        ({"nprocesses": None}, "nprocesses must be a number from 1 on, not None"),
        ({"retries": None}, "retries must be a whole number of at least 0, not None"),
        ({"start_method": None}, "start_method must be one of forkserver, spawn, not None"),
        ({"nprocesses": True}, "nprocesses must be a number from 1 on, not True"),
        ({"retries": -1}, "retries must be a whole number of at least 0, not -1"),
        ({"autokill": 0}, "autokill must be a number of seconds above 0, not 0"),
        ({"autokill": -1}, "autokill must be a number of seconds above 0, not -1"),
        (
            {"memory_limit": "much"},
            "memory_limit must be a size above 0 such as '4GB' or '500MB', or a number",
        ),
        ({"memory_limit": 0}, "memory_limit must be a size above 0 such as '4GB' or '500MB', or a number"),
        ({"progress": "loud"}, "progress must be one of "),
        ({"start_method": "fork"}, "start_method must be one of forkserver, spawn, not 'fork'"),
    ],
)
def test_wrong_parameters_are_named(given, message, folder):
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
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


def test_no_more_tasks_run_at_the_same_time_than_was_asked_for(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(12):
        tasks.schedule(defer(module.overlap, i))
    assert max(task.returnvalue for task in tasks.run(nprocesses=3)) <= 3


def test_what_fails_is_run_again_as_often_as_was_asked_for_and_yielded_once(deeds):
    tasks = TaskList("tasks", logfile="log.txt")
    import deeds as module

    for times, deed in ((0, "raise"), (2, "raise"), (2, "vanish"), (9, "raise"), (9, "vanish"), (9, "hang")):
        tasks.schedule(defer(module.falter, times, deed), metadata=[times, deed])
    found = {tuple(task.metadata): task for task in tasks.run(nprocesses=6, retries=2, autokill=2)}
    values = {what: (task.returnvalue, type(task.errorvalue).__name__) for what, task in found.items()}
    assert values == {
        (0, "raise"): (1, "NoneType"),
        (2, "raise"): (3, "NoneType"),
        (2, "vanish"): (3, "NoneType"),
        (9, "raise"): (None, "ValueError"),
        (9, "vanish"): (None, "TaskCrashed"),
        (9, "hang"): (None, "TimeoutError"),
    }
    assert counts() == [0, 3, 3]
    assert Counter(lines("ran.txt")) == {
        "0 raise": 1,
        "2 raise": 3,
        "2 vanish": 3,
        "9 raise": 3,
        "9 vanish": 3,
        "9 hang": 3,
    }


def test_failures_are_listed_with_kind_message_and_traceback(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for function in (module.refuse, module.vanish, module.segfault, module.hang, module.give):
        tasks.schedule(defer(function, 3))
    list(tasks.run(nprocesses=5, autokill=2))
    failures = {failure.name: failure for failure in tasks.failures()}
    assert {name: (it.report["kind"], it.report["type"]) for name, it in failures.items()} == {
        "refuse": ("exception", "builtins.ValueError"),
        "vanish": ("exit", ""),
        "segfault": ("signal", ""),
        "hang": ("timeout", ""),
    }
    assert str(failures["refuse"]) == "task refuse(3) failed: ValueError: 3"
    assert str(failures["hang"]).endswith("ran for more than 2 s and was killed (autokill)")
    assert "killed by SIGSEGV" in str(failures["segfault"])
    traceback = failures["refuse"].report["traceback"]
    assert traceback.startswith("Traceback (most recent call last):")
    assert traceback.count("File ") == 1
    assert "deeds.py" in traceback
    assert len({failure.key for failure in failures.values()}) == 4
