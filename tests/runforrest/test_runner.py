"""What a run holds on to, in which order, and for how long: descriptors, claims, messages, processes."""

import json
import operator
import os
import shutil
import signal
import socket
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from jug import _native
from jug.errors import UserError
from jug.process.managed import fork
from jug.runforrest import TaskCrashed, TaskList, defer
from jug.runforrest.at_work import Running
from jug.runforrest.claims import Claims, all_claimed
from jug.runforrest.messages import Messages
from tests.runforrest.deeds import counts, lines, script
from tests.support.command import Jug
from tests.support.processes import is_alive
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

#: What tasks do here.
HERE = """
import multiprocessing, os, signal, sys, time
from pathlib import Path

def note(what):
    with open("ran.txt", "a") as file:
        file.write(f"{what}\\n")

class Slow:
    def __reduce__(self):
        note("begin")
        time.sleep(0.05)
        note("end")
        return int, ()

def give_slow(i): note("begin"); note("end"); return Slow()

def large_after_others(i):
    before = Path("pids.txt").read_text().split() if os.path.exists("pids.txt") else []
    with open("pids.txt", "a") as file:
        file.write(f"{os.getpid()}\\n")
    alive = [pid for pid in before if os.path.exists(f"/proc/{pid}")]
    return bytes(30_000_000), len(alive)

class Raises:
    def __init__(self, what): self.what = what
    def __reduce__(self): raise self.what("while it is pickled")

def give_raises(what): return Raises(what)
def close_all(i, first): os.closerange(first, 256); return i
def close_all_and_open_others(i):
    global files  # They stay open after the call.
    os.closerange(3, 256)
    files = [open(f"file{number}.txt", "w") for number in range(30)]
    time.sleep(0.3)
    return i
def close_all_and_fail(i): os.closerange(3, 256); raise ValueError(i)
def close_output_and_fail(i): sys.stdout.close(); raise ValueError(i)
class Mute(Exception):
    def __repr__(self): raise SystemExit(4)
    __str__ = __repr__
def fail_mutely(i): raise Mute

def later(i): time.sleep(0.3); note(f"child {i}")
def leave_child(i, daemon):
    multiprocessing.Process(target=later, args=(i,), daemon=daemon).start()
    return i

def babble(megabytes):
    for _ in range(16 * megabytes):
        os.write(1, b"x" * 65535 + b"\\n")
    note("babbled")
"""


@pytest.fixture
def here(deeds):
    """The module of what tasks do here, as a script would import it."""
    (deeds / "here.py").write_text(HERE)
    sys.modules.pop("here", None)
    import here

    return here


# --- descriptors ---


def test_a_slow_loop_leaves_tasks_that_have_ended_no_descriptor_each(deeds):
    run = script("""
    import resource, time
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    tasks = TaskList("tasks")
    for i in range(150):
        tasks.schedule(defer(deeds.give, i))
    found = []
    for task in tasks.run(nprocesses=4):
        end = time.monotonic() + 60
        while not found and len(open("ran.txt").readlines()) < 150 and time.monotonic() < end:
            time.sleep(0.01)
        found.append(task.returnvalue)
        if len(found) == 1:
            print(len(open("ran.txt").readlines()))
    print(sorted(found) == list(range(150)))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert out == "150\nTrue\n"


def test_more_results_than_there_may_be_open_files_are_taken(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(150):
        tasks.schedule(defer(module.give, i))
    shutil.copytree("tasks/todo", "kept")
    list(tasks.run())
    for file in os.listdir("kept"):
        shutil.copy2(f"kept/{file}", "tasks/todo")
    run = script("""
    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    print(sorted(task.returnvalue for task in TaskList("tasks", noschedule_if_exist=True).run()))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert json.loads(out) == list(range(150))
    assert len(lines("ran.txt")) == 150


def test_claims_end_with_their_process_and_with_that_of_the_task(folder):
    """The first byte is that of who runs it, the second one that of its process."""
    path = folder / ".claims"
    first, second = Claims(path), Claims(path)
    its = first.claim("a.pkl")
    assert second.claim("a.pkl") is None
    other = second.claim("b.pkl")
    os.close(other)
    # Its process has ended, and its files are not yet where they belong.
    os.close(its)
    assert second.claim("a.pkl") is None
    # Who runs it may have it run again.
    its = first.of_process("a.pkl")
    os.close(first.fileno())
    assert second.claim("a.pkl") is None
    with all_claimed(path) as is_alone:
        assert not is_alone
    os.close(its)
    its = second.claim("a.pkl")
    os.close(its)
    for name in ("a.pkl", "b.pkl"):
        second.release(name)
    with all_claimed(path) as is_alone:
        assert is_alone
        # What nobody has claimed is removed meanwhile: nobody may begin to write it.
        assert second.claim("a.pkl") is None
    os.close(second.fileno())


# --- messages ---


def test_what_has_come_is_read_after_the_other_end_has_gone():
    there, here = map(Messages, socket.socketpair())
    for number in range(5000):
        there.send("finished", number)
        if there.unsent:
            break
    sent = number + (not there.unsent)
    there.close()
    here.send("settled", "a")
    assert not here.is_over
    found = []
    while not here.is_over:
        found += here.received()
    assert found == [["finished", number] for number in range(sent)]


def test_results_that_have_come_are_yielded_before_it_is_an_error_that_nothing_runs_them(deeds):
    tasks = TaskList("tasks")
    for i in range(6):
        tasks.schedule(defer(operator.truediv, i, 1))

    def children():
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    others = children()
    found = []
    run = iter(tasks.run(nprocesses=2))
    found.append(next(run).returnvalue)
    wait_for(lambda: counts()[1] == 6, "all others")
    time.sleep(0.3)
    (child,) = children() - others
    os.kill(int(child), signal.SIGKILL)
    wait_for(lambda: not is_alive(child), "its end")
    with pytest.raises(UserError, match="the process that runs the tasks has ended"):
        found.extend(task.returnvalue for task in run)
    assert sorted(found) == list(range(6))
    assert counts() == [0, 6, 0]


def test_the_end_of_the_process_that_stores_results_is_an_error_and_the_next_run_does_the_rest(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for i in range(2):
        tasks.schedule(defer(module.slow, i, 1))
    run = script("""
    list(TaskList("tasks", noschedule_if_exist=True).run(nprocesses=1))
    """)
    wait_for(lambda: lines("began.txt"), "the first task")
    task = lines("began.txt")[0].split()[1]
    runner = Path(f"/proc/{task}/stat").read_text().rpartition(")")[2].split()[1]
    (storing,) = set(Path(f"/proc/{runner}/task/{runner}/children").read_text().split()) - {task}
    os.kill(int(storing), signal.SIGKILL)
    _, err = run.communicate()
    last = err.rstrip().splitlines()[-1]
    assert last.startswith("jug.errors.UserError: no more tasks can run: the process that stores results was")
    assert "SIGKILL" in last
    assert not is_alive(task)
    assert sorted(task.returnvalue for task in tasks.run()) == [0, 1]
    assert counts() == [0, 2, 0]


# --- processes ---


def test_nothing_of_the_users_runs_beside_what_was_asked_for(here):
    """Pickling what a task returns is that, too."""
    tasks = TaskList("tasks")
    for i in range(6):
        tasks.schedule(defer(here.give_slow, i))
    list(tasks.run(nprocesses=1))
    depth, depths = 0, []
    for line in lines("ran.txt"):
        depth += 1 if line == "begin" else -1
        depths.append(depth)
    assert max(depths) == 1


def test_the_process_of_a_task_has_ended_before_the_next_one_starts(here):
    tasks = TaskList("tasks")
    for i in range(5):
        tasks.schedule(defer(here.large_after_others, i))
    # None of those that came before lives while it stores 30 MB.
    assert [task.returnvalue[1] for task in tasks.run(nprocesses=1)] == [0] * 5


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_processes_that_a_task_has_not_joined_are_waited_for_and_daemons_are_not(method, here):
    tasks = TaskList("tasks")
    tasks.schedule(defer(here.leave_child, 1, False))
    tasks.schedule(defer(here.leave_child, 2, True))
    assert sorted(task.returnvalue for task in tasks.run(start_method=method)) == [1, 2]
    assert lines("ran.txt") == ["child 1"]


def test_runforrest_waits_for_them_as_well(theirs, deeds):
    (deeds / "here.py").write_text(HERE)
    theirs("""
    import here
    tasks = TaskList("tasks")
    tasks.schedule(defer(here.leave_child, 1, False))
    tasks.schedule(defer(here.leave_child, 2, True))
    list(tasks.run())
    print("null")
    """)
    assert lines("ran.txt") == ["child 1"]


# --- what is printed ---


def test_a_line_without_end_is_passed_on_in_parts(folder):
    collector = _native.Collector()
    child = fork(lambda: time.sleep(60))
    report, other = os.pipe()
    task = Running("a.pkl", child, report, [collector], other)
    found = []
    try:
        for _ in range(8):
            os.write(collector.printed_to, b"x" * 20_000)
            found += task.take_lines(is_over=False)
        held = 8 * 20_000 - sum(len(text) for text, _ in found)
        # Never more than a pipe holds, however long the line is.
        assert 0 <= held <= 1 << 16
        os.write(collector.printed_to, b"y\nz")
        (end,) = task.take_lines(is_over=False)
        assert end[0].endswith(b"y\n")
        assert list(task.take_lines(is_over=True)) == [(b"z", False)]
    finally:
        child.kill()
        task.end()
        os.close(other)


SHOWN = """
import os, time
from jug.runforrest import TaskList, defer
import here
tasks = TaskList("tasks")
tasks.schedule(defer(int, 0))
tasks.schedule(defer(here.babble, 200))
for task in tasks.run(nprocesses=2, progress="live"):
    if task.returnvalue == 0:
        (child,) = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        while not os.path.exists("ran.txt"):
            time.sleep(0.05)
        peak = [line for line in open(f"/proc/{child}/status") if line.startswith("VmHWM")]
        with open("peak.txt", "w") as file:
            file.write(peak[0].split()[1])
"""


def test_what_tasks_print_while_the_loop_is_busy_takes_little_memory(here, deeds):
    (deeds / "shown.py").write_text(SHOWN)
    with Terminal(Jug(deeds), script="shown.py") as terminal:
        assert terminal.wait() == 0
        shown = terminal.written
    # Of 200 MB.
    assert int(Path("peak.txt").read_text()) < 120_000
    assert b"left out" in shown


# --- after the call ---


@pytest.mark.parametrize("what", [SystemExit, KeyboardInterrupt, OSError, MemoryError])
def test_what_is_raised_while_a_result_is_pickled_is_why_the_task_failed(what, here):
    tasks = TaskList("tasks")
    tasks.schedule(defer(here.give_raises, what))
    (task,) = tasks.run()
    assert type(task.errorvalue) is TypeError
    text = f"what give_raises returned is of type Raises, which cannot be pickled: {what.__name__}: while it"
    assert str(task.errorvalue).startswith(text)
    assert counts() == [0, 0, 1]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_task_may_close_all_descriptors_and_has_its_result(method, here):
    """As it may with RunForrest 0.4.3, whose process has nothing to say to another one."""
    tasks = TaskList("tasks")
    for first in (3, 0):
        tasks.schedule(defer(here.close_all, 5, first))
    tasks.schedule(defer(here.close_all_and_open_others, 5))
    tasks.schedule(defer(here.close_all_and_fail, 5))
    found = [(task.returnvalue, repr(task.errorvalue)) for task in tasks.run(start_method=method)]
    assert Counter(found) == {(5, "None"): 3, (None, "ValueError(5)"): 1}
    # What has the numbers of ours by then is the task's.
    assert {Path(f"file{number}.txt").read_text() for number in range(30)} == {""}
    assert counts() == [0, 3, 1]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_an_error_that_cannot_be_printed_is_the_tasks_all_the_same(method, here):
    tasks = TaskList("tasks")
    tasks.schedule(defer(here.close_output_and_fail, 5), metadata="closed")
    tasks.schedule(defer(here.fail_mutely, 5), metadata="mute")
    found = {task.metadata: task.errorvalue for task in tasks.run(print_errors=True, start_method=method)}
    assert repr(found["closed"]) == "ValueError(5)"
    assert not isinstance(found["mute"], TaskCrashed)
    assert type(found["mute"]).__name__ in ("Mute", "RuntimeError")
    assert counts() == [0, 0, 2]


# --- several ---
