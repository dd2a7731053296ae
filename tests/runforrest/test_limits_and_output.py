"""What runs have that RunForrest has not: a limit of memory, output that is kept, and how far they are."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jug import _native
from jug.errors import UserError
from jug.process.managed import End
from jug.runforrest import TaskList, defer
from jug.runforrest.errors import TaskCrashed, kind_of
from jug.runforrest.memory import MemoryLimit
from jug.runforrest.pickling import copied
from tests.runforrest.deeds import counts, lines, script
from tests.support.command import Jug
from tests.support.processes import is_alive
from tests.support.terminal import Terminal
from tests.support.waiting import wait_for


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_task_that_takes_too_much_memory_is_killed_with_all_that_it_started(method, deeds):
    run = script(f"""
    tasks = TaskList("tasks")
    for kind in ("grow", "grow_below", "give"):
        tasks.schedule(defer(getattr(deeds, kind), 3), metadata=kind)
    found = {{}}
    for task in tasks.run(nprocesses=3, memory_limit="200MB", start_method={method!r}):
        found[task.metadata] = [task.returnvalue, type(task.errorvalue).__name__, str(task.errorvalue)]
    kinds = {{failure.name: failure.report["kind"] for failure in tasks.failures()}}
    print(json.dumps([found, kinds]))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    found, kinds = json.loads(out)
    assert found["give"] == [3, "NoneType", "None"]
    for kind in ("grow", "grow_below"):
        value, error, text = found[kind]
        assert (value, error) == (None, "MemoryError")
        assert re.fullmatch(
            r"took [\d.]+ [MG]B of memory, more than 200 MB, and was killed \(memory_limit\)", text
        )
    assert kinds == {"grow": "memory", "grow_below": "memory"}
    assert counts() == [0, 1, 2]
    assert not any(is_alive(int(pid)) for pid in lines("grown.txt"))


def test_memory_that_a_fork_shares_is_not_counted_for_each_task(deeds):
    (deeds / "large.py").write_text("data = bytearray(150 << 20)\n")
    tasks = TaskList("tasks")
    import deeds as module

    # Five processes of 150 MB each, which share them.
    tasks.schedule(defer(module.nap_below, 1))
    (task,) = tasks.run(nprocesses=4, memory_limit="400MB", preload="large")
    assert task.errorvalue is None


def test_less_memory_than_a_task_begins_with_is_an_error_and_nothing_runs(deeds):
    tasks = TaskList("tasks")
    tasks.schedule(defer(int, 1))
    with pytest.raises(UserError, match=r"memory_limit must be more than the [\d.]+ MB that a task has"):
        list(tasks.run(memory_limit="1MB"))
    assert counts() == [1, 0, 0]


def test_a_kill_by_the_system_for_want_of_memory_is_told_from_others(monkeypatch):
    """The counter of the control group is the system's; that it grows is all that is made up here."""
    killed, crashed = End("signal", signal.SIGKILL), End("signal", signal.SIGSEGV)
    limit = MemoryLimit(None)
    assert [limit.kind_of(killed), limit.kind_of(crashed)] == ["signal", "signal"]
    before = _native.times_out_of_memory()
    monkeypatch.setattr(_native, "times_out_of_memory", lambda: before + 1)
    assert [limit.kind_of(crashed), limit.kind_of(killed), limit.kind_of(killed)] == [
        "signal",
        "memory",
        "signal",
    ]
    error = TaskCrashed("memory", signal.SIGKILL, "a.pkl")
    kept = copied(error)
    assert type(kept) is FileNotFoundError
    assert kind_of(error) == "memory"
    assert "killed by the system for want of memory" in str(error)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_what_tasks_print_at_any_level_is_kept_with_them(method, deeds):
    run = script(f"""
    tasks = TaskList("tasks")
    for kind in ("speak", "speak_and_fail", "speak_and_crash", "babble", "give"):
        tasks.schedule(defer(getattr(deeds, kind), 3), metadata=kind)
    run = tasks.run(nprocesses=2, capture=True, start_method={method!r})
    yielded = {{task.metadata: task.output for task in run}}
    kept = {{task.metadata: task.output for task in tasks.fail_tasks()}}
    listed = {{failure.name: failure.report["output"] for failure in tasks.failures()}}
    print(json.dumps([yielded, kept, listed]))
    """)
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    yielded, kept, listed = json.loads(out)
    babble = yielded.pop("babble")
    said = "out 3\nerr 3\nchild 3\n"
    assert yielded == {"speak": said, "speak_and_fail": said, "speak_and_crash": said, "give": ""}
    assert kept == listed == {"speak_and_fail": said, "speak_and_crash": said}
    # Of 3 MB the first and the last half MiB.
    first, last = re.fullmatch(r"(0+)\n\.\.\. 2\.0 MB left out \.\.\.\n(1+)\n", babble).groups()
    assert len(first) == len(last) + 1 == 512 << 10


def test_without_capture_it_is_shown_and_there_is_no_output(deeds):
    run = script("""
    tasks = TaskList("tasks")
    tasks.schedule(defer(deeds.speak, 3))
    (task,) = tasks.run()
    print(repr(task.output))
    """)
    out, err = run.communicate()
    assert (out, err) == ("out 3\nchild 3\n''\n", "err 3\n")


def test_a_log_has_what_is_captured_as_well(deeds):
    run = script("""
    tasks = TaskList("tasks", logfile="log.txt")
    tasks.schedule(defer(deeds.speak, 3))
    (task,) = tasks.run(capture=True)
    print(repr(task.output))
    """)
    out, _ = run.communicate()
    assert out == f"{'out 3' + chr(10) + 'err 3' + chr(10) + 'child 3' + chr(10)!r}\n"
    assert lines("log.txt")[-1].split(maxsplit=2)[2] == repr(b"out 3\nerr 3\nchild 3\n")


def test_while_a_task_runs_that_has_closed_its_output_nothing_else_does(deeds):
    run = script("""
    tasks = TaskList("tasks")
    tasks.schedule(defer(deeds.close_output_and_wait, 1))
    (task,) = tasks.run(capture=True)
    print(repr(task.output))
    """)
    wait_for(lambda: lines("began.txt"), "the task")
    runner = lines("began.txt")[0].split()[1]

    def ticks():
        facts = Path(f"/proc/{runner}/stat").read_text().rpartition(")")[2].split()
        return int(facts[11]) + int(facts[12])

    time.sleep(0.5)
    before = ticks()
    time.sleep(1.5)
    # A loop that does not sleep would have used a good part of 150.
    assert ticks() - before <= 3
    out, _ = run.communicate()
    assert out == repr("the end\n") + "\n"


def test_what_a_failed_task_printed_is_read_by_runforrest_as_an_attribute(theirs, deeds):
    tasks = TaskList("tasks")
    import deeds as module

    tasks.schedule(defer(module.speak_and_fail, 3))
    list(tasks.run(capture=True))
    assert theirs("""
    (task,) = TaskList("tasks", noschedule_if_exist=True).fail_tasks()
    print(json.dumps([task.output, repr(task.errorvalue)]))
    """) == ["out 3\nerr 3\nchild 3\n", "ValueError(3)"]


# --- how far it is ---

SHOWN = """
import sys
from jug.runforrest import TaskList, defer
import deeds
tasks = TaskList("tasks")
for number in range(6):
    tasks.schedule(defer(deeds.speak_slowly, number))
tasks.schedule(defer(deeds.refuse, 9))
for task in tasks.run(nprocesses=2, progress=True):
    print("got", task.returnvalue)
"""


def test_a_terminal_shows_tasks_and_processes_and_what_is_printed_stands_above(deeds):
    (deeds / "shown.py").write_text(SHOWN)
    with Terminal(Jug(deeds), script="shown.py") as terminal:
        terminal.wait_for(r"speak_slowly[^W]*Worker")
        terminal.wait_for(r"[1-6] of 7 tasks done")
        assert terminal.wait() == 0
        text = terminal.text()
    printed = text.split()
    assert [printed.count(word) for word in ("said", "got")] == [6, 7]
    # Nothing of the tables is left.
    assert "Worker" not in text
    assert "tasks done" not in text


@pytest.mark.parametrize("mode", ["plain", "none"])
def test_elsewhere_nothing_but_lines_is_written(mode, deeds):
    (deeds / "shown.py").write_text(SHOWN.replace("progress=True", f"progress={mode!r}"))
    done = subprocess.run([sys.executable, "shown.py"], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == sorted(
        ["said"] * 6 + ["got"] * 7 + [*map(str, range(6))] * 2 + ["None"]
    )
    assert done.stderr == ""


def test_it_counts_what_runs_is_done_and_failed_by_what_it_calls(deeds):
    from jug.runforrest.progress import RunProgress

    shown = RunProgress("none", {"a": "f", "b": "f", "c": "g", "d": "g"})
    shown.starts("a", os.getpid())
    shown.starts("c", os.getpid())
    shown.ends("a", is_failed=False, seconds=2.0)
    shown.starts("b", os.getpid())
    shown.ends("c", is_failed=True, seconds=1.0)
    shown.drop("d")
    progress = shown._progress.look()
    assert [(it.name, it.done, it.total, it.running, it.failed) for it in progress.names] == [
        ("f", 1, 2, 1, 0),
        ("g", 0, 1, 0, 1),
    ]
    (worker,) = progress.workers
    assert (worker.label, worker.name) == ("1", "f")
    assert worker.memory > 0
    assert progress.total.left.seconds > 1.5


def test_iterating_again_counts_what_is_still_to_be_done(deeds):
    tasks = TaskList("tasks")
    import deeds as module

    for number in range(3):
        tasks.schedule(defer(module.give, number))
    run = tasks.run(nprocesses=1, progress="none")
    next(iter(run))
    assert set(run._called().values()) == {"give"}
    assert len(run._called()) == counts()[0] <= 2
