"""``jug execute -n N --capture``: what a task prints is kept with its outcome."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import BACKEND

EXECUTE = ("execute", "--will-cite", "--keep-going", "--capture")

USUAL = """
    import ctypes, os, signal, subprocess, sys, time
    from jug import TaskGenerator
"""


@pytest.fixture
def outputs(jug):
    """What each task printed that failed, by its arguments."""

    def outputs(*options):
        failures = json.loads(jug("failures", "--json", *options).stdout.partition("loading\n")[2])[
            "failures"
        ]
        return {failure["arguments"]: failure["output"] for failure in failures}

    return outputs


def write(jug, source):
    """A jugfile that prints something while it is loaded."""
    jug.write(USUAL + "    print('loading')\n" + source)


def test_all_that_a_task_prints_at_any_level_is_kept_and_not_shown(jug, jugdir, outputs):
    write(
        jug,
        """
    import multiprocessing

    @TaskGenerator
    def work(i):
        print("print", i)
        os.write(1, b"write %d\\n" % i)
        ctypes.CDLL(None).puts(b"puts %d" % i)
        print("error", i, file=sys.stderr)
        subprocess.run(["sh", "-c", f"echo child {i}; echo its error >&2"])
        with multiprocessing.get_context("fork").Pool(1) as pool:
            pool.map(print, [f"forked {i}"])
        ctypes.CDLL(None).printf(b"half ")
        print("a line", end="")
        if i < 2:
            raise ValueError(i)

    for i in range(4):
        work(i)
""",
    )
    done = jug(*EXECUTE, "-n", "2", *jugdir)
    assert done.returncode == 1
    assert {line for line in done.stdout.splitlines() if "loading" in line} <= {"[1] loading", "[2] loading"}
    assert not re.search("print|write|puts|child|forked", done.stdout)
    found = outputs(*jugdir)
    assert set(found) == {"0", "1"}
    for i, output in found.items():
        expected = ["print I", "write I", "puts I", "error I", "child I", "its error", "forked I"]
        *lines, last = output.split("\n")
        assert lines == [line.replace("I", i) for line in expected]
        # C and Python have buffers of their own.
        assert sorted([last[:5], last[5:]]) in (["a lin", "ehalf "], ["a line", "half "], ["half ", "a line"])


def test_a_failure_shows_what_its_task_printed_after_its_traceback(jug):
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        print("begin" + 20_000 * "x" + "\\x1b[31mend")
        raise ValueError(i)

    work(1)
""",
    )
    shown = re.compile(
        r"^jug: task jugfile\.work\(1\) failed: ValueError: 1\nTraceback .*\nValueError: 1\n"
        r"Output:\nbeginx+ \.\.\. \(10014 characters left out\) \.\.\. x+\\x1b\[31mend\n",
        re.M | re.S,
    )
    for options in (EXECUTE, [option for option in EXECUTE if option != "--keep-going"]):
        done = jug(*options, "-n", "1")
        assert shown.search(done.stderr), done.stderr
    shown_id = jug("failures").stdout.splitlines()[-1].split()[0]
    whole = jug("failures", "--show", shown_id).stdout
    assert whole.endswith("\nValueError: 1\n\nOutput:\nbegin" + 20_000 * "x" + "\\x1b[31mend\n")


def test_of_3_mb_the_two_ends_are_kept_and_between_them_stands_what_was_left_out(jug, jugdir, outputs):
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        for number in range(300_000):
            print(f"{number:09}")
        raise ValueError(i)

    work(1)
""",
    )
    assert jug(*EXECUTE, "-n", "1", *jugdir).returncode == 1
    output = outputs(*jugdir)["1"]
    # What is left of a line at the end of the first half is a line.
    assert len(output) - len("\n... 2.0 MB left out ...\n") == 1 << 20
    lines = output.split("\n")
    gap = lines.index("... 2.0 MB left out ...")
    head, tail = lines[:gap], lines[gap + 1 :]
    assert head[:-1] == [f"{number:09}" for number in range(gap - 1)]
    assert tail[1:] == [f"{number:09}" for number in range(300_000 - len(tail) + 2, 300_000)] + [""]


def test_what_was_printed_right_before_a_crash_is_in_its_record(jug, jugdir, outputs):
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        print("first", i)
        ctypes.CDLL(None).puts(b"second %d" % i)
        os.write(2, b"third %d\\n" % i)
        if i % 3 == 0:
            ctypes.string_at(0)
        elif i % 3 == 1:
            os.abort()
        os._exit(3)

    for i in range(30):
        work(i)
""",
    )
    done = jug(*EXECUTE, "-n", "2", *jugdir)
    assert done.returncode == 1
    assert "Output:\n[1] first" in done.stderr or "Output:\n[2] first" in done.stderr
    assert outputs(*jugdir) == {str(i): f"first {i}\nsecond {i}\nthird {i}\n" for i in range(30)}


def test_what_was_printed_before_a_task_was_killed_is_in_its_record(jug, outputs):
    """Both times: in the worker, and in a process of its own."""
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        with open(f"runs.{i}", "a+") as runs:
            runs.write("x")
            runs.seek(0)
            print("run", len(runs.read()))
        os.kill(os.getpid(), signal.SIGKILL)

    for i in range(3):
        work(i)
""",
    )
    assert jug(*EXECUTE, "-n", "1", "--crash-limit=1").returncode == 1
    assert outputs() == {str(i): "run 1\n" for i in range(3)}
    jug("retry")
    done = jug(*EXECUTE, "-n", "1", "--crash-limit=3")
    assert done.returncode == 1
    # What the process printed that loaded the jugfile for them is none of it.
    assert outputs() == {str(i): "run 4\n" for i in range(3)}
    assert "run" not in done.stdout


def test_what_was_printed_before_a_task_ran_for_too_long_is_in_its_record(jug, jugdir, outputs):
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        print("first", i)
        subprocess.run(["sh", "-c", f"echo second {i}; sleep 1000"])

    for i in range(3):
        work(i)
""",
    )
    assert jug(*EXECUTE, "-n", "3", "--timeout=3", *jugdir).returncode == 1
    assert outputs(*jugdir) == {str(i): f"first {i}\nsecond {i}\n" for i in range(3)}


def test_nothing_that_one_task_prints_is_kept_with_another(jug, jugdir, outputs):
    write(
        jug,
        """
    @TaskGenerator
    def work(i):
        for _ in range(3):
            print(i)
            os.write(1, b"%d\\n" % i)
        sys.stderr.write(f"{i}\\n{i}")
        if i % 10 == 0:
            raise ValueError(i)

    for i in range(1000):
        work(i)
""",
    )
    done = jug(*EXECUTE, "-n", "2", *jugdir)
    assert "100 tasks failed" in done.stderr
    assert outputs(*jugdir) == {str(i): "\n".join(8 * [str(i)]) for i in range(0, 1000, 10)}


def test_what_is_printed_between_tasks_is_shown_and_no_tasks(jug, outputs):
    """What hooks print, and what this package says."""
    write(
        jug,
        """
    from jug.hooks import register_hook
    from jug.internal.console import warn

    register_hook("execute.task-pre-execute", lambda t: print("before"))
    register_hook("execute.task-executed1", lambda t: print("after"))

    @TaskGenerator
    def work(i):
        print("during", i)
        warn(f"said of {i}")
        if i:
            raise ValueError(i)

    for i in range(4):
        work(i)
""",
    )
    done = jug(*EXECUTE, "-n", "1")
    assert outputs() == {str(i): f"during {i}\n" for i in range(1, 4)}
    assert [line for line in done.stdout.splitlines() if line in ("before", "after")] == (
        ["before", "after", "before", "before", "before"]
    )
    assert done.stderr.count("jug: warning: said of ") == 4


def test_what_cannot_be_stored_and_what_is_tried_again_has_the_output_of_its_last_run(jug, outputs):
    write(
        jug,
        """
    class Stubborn:
        def __reduce__(self):
            print("is stored")
            raise ValueError("not me")

    @TaskGenerator
    def work(i):
        print("runs at", time.time())
        if i:
            raise ValueError(i)
        return Stubborn()

    work(0), work(1)
""",
    )
    assert jug(*EXECUTE, "-n", "1", "--retries=1").returncode == 1
    found = outputs()
    assert re.fullmatch(r"runs at [\d.]+\n(is stored\n)+", found["0"])
    assert re.fullmatch(r"runs at [\d.]+\n", found["1"])


def test_what_a_task_left_running_prints_between_tasks_is_no_tasks(jug, outputs):
    write(
        jug,
        """
    @TaskGenerator
    def leave(i):
        subprocess.Popen(["sh", "-c", "until [ -e ended ]; do sleep 0.01; done; echo late; touch said"])
        print("left")
        raise ValueError(i)

    @TaskGenerator
    def wait(i):
        open("ended", "w").close()
        while not os.path.exists("said"):
            time.sleep(0.01)
        raise ValueError(i)

    leave(0), wait(1)
""",
    )
    assert jug(*EXECUTE, "-n", "1").returncode == 1
    # Who runs then may get it; who has ended does not.
    assert outputs() == {"0": "left\n", "1": "late\n"}


def test_on_a_users_store_a_failure_is_shown_with_what_it_printed(jug):
    jug.write(
        BACKEND
        + """
    import jug
    from jug import TaskGenerator
    jug.set_jugdir(Store())

    @TaskGenerator
    def work(i):
        print("printed", i)
        raise ValueError(i)

    work(1)
"""
    )
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 1
    assert "\nValueError: 1\nOutput:\nprinted 1\n" in done.stderr


def test_it_is_for_workers_that_n_starts(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    done = jug("execute", "--capture")
    assert done.returncode == 2
    assert "--capture is for workers that -n starts" in done.stderr


def test_a_silent_task_costs_one_system_call_and_one_that_prints_four(jug):
    """With what it prints itself."""
    import shutil
    import subprocess
    import sys

    if shutil.which("strace") is None:
        pytest.skip("there is no strace")
    write(
        jug,
        """
    from jug.internal import supervision

    @TaskGenerator
    def work(i):
        pass

    @TaskGenerator
    def loud(i):
        os.write(1, b"x")

    from jug.engine.worker.output import TaskOutput
    output = TaskOutput(supervision.current())
    output.begin()
    os.path.exists("begin")
    for _ in range(100):
        output.take("work")
    os.path.exists("middle")
    for _ in range(100):
        os.write(1, b"x")
        output.take("work")
    os.path.exists("end")
    output.end()
""",
    )
    command = [sys.executable, "-m", "jug", *EXECUTE, "-n", "1"]
    traced = ["strace", "-ff", "-o", "trace", *command]
    subprocess.run(traced, cwd=jug.folder, env=jug.env(), check=True, capture_output=True)
    [trace] = [text for path in jug.folder.glob("trace.*") if '"middle"' in (text := path.read_text())]
    silent = trace.partition('"begin"')[2].partition('"middle"')[0].splitlines()[1:-1]
    loud = trace.partition('"middle"')[2].partition('"end"')[0].splitlines()[1:-1]
    assert len(silent) <= 101, silent[:5]
    assert len([call for call in loud if not call.startswith(("futex", "write"))]) <= 300, loud[:9]
