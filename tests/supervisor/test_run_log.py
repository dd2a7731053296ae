"""``jug execute -n N --log FILE``: every line that workers print, and what becomes of them."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import sys
from collections import Counter, defaultdict

import pytest

from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite", "--keep-going", "--progress=none", "--log=run.log")

USUAL = """
    import ctypes, os, subprocess, sys, time
    from jug import TaskGenerator
    print("loading")
"""

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[(\d+)( [\w.]+)?\] (.*)")


def logged(jug):
    """The lines of the log: the worker, the task, and what it says."""
    text = (jug.folder / "run.log").read_text()
    assert text.endswith("\n")
    found = [LINE.fullmatch(line) for line in text[:-1].split("\n")]
    assert None not in found, text
    return [(int(it[1]), (it[2] or " ")[1:], it[3]) for it in found]


def test_every_line_and_every_event_is_in_it_once(jug, jugdir):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def work(i):
        print("out", i)
        subprocess.run(["sh", "-c", f"echo err {i} >&2"])
        if i % 10 == 0:
            raise ValueError(i)

    for i in range(100):
        work(i)
"""
    )
    assert jug(*EXECUTE, "-n", "2", *jugdir).returncode == 1
    lines = logged(jug)
    said = Counter(text for _, _, text in lines)
    for i in range(100):
        assert (said[f"out {i}"], said[f"err {i}"]) == (1, 1)
        assert said[f"jug: task jugfile.work({i}) failed: ValueError: {i}"] == (i % 10 == 0)
    # Each of them loads it.
    assert said["loading"] == 2
    assert {worker for worker, _, _ in lines} == {1, 2}
    starts = [text for _, _, text in lines if re.fullmatch(r"jug: worker starts as process \d+", text)]
    assert len(starts) == 2
    assert sum(text.startswith("jug: worker ends") for text in said.elements()) == 2


def test_what_is_captured_is_in_it_with_its_task_whatever_became_of_that(jug, jugdir):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def good(i):
        print("good", i)

    @TaskGenerator
    def bad(i):
        print("bad", i, end="")
        raise ValueError(i)

    @TaskGenerator
    def deadly(i):
        print("deadly", i)
        ctypes.string_at(0)

    @TaskGenerator
    def long(i):
        for n in range(300_000):
            print(f"{n:09}")

    for i in range(50):
        good(i), bad(i)
    deadly(7), long(1)
"""
    )
    assert jug(*EXECUTE, "-n", "2", "--capture", *jugdir).returncode == 1
    lines = logged(jug)
    by_task = defaultdict(list)
    for _, name, text in lines:
        by_task[name].append(text)
    assert set(by_task) == {"", "jugfile.good", "jugfile.bad", "jugfile.deadly", "jugfile.long"}
    # What ran in the milliseconds before a crash may run again.
    assert set(by_task["jugfile.good"]) == {f"good {i}" for i in range(50)}
    printed = {text for text in by_task["jugfile.bad"] if text.startswith("bad")}
    assert printed == {f"bad {i}" for i in range(50)}
    said = {text for _, _, text in lines if re.match(r"jug: task jugfile\.bad\(\d+\) failed: V", text)}
    assert said == {f"jug: task jugfile.bad({i}) failed: ValueError: {i}" for i in range(50)}
    # Who finds that a worker died may try its task before its death is recorded.
    assert by_task["jugfile.deadly"][:2] == ["deadly 7", "jug: worker dies: killed by SIGSEGV"]
    assert "... 2.0 MB left out ..." in by_task["jugfile.long"]
    instead = r"jug: worker starts as process (\d+) in the place of \d+"
    assert sum(re.fullmatch(instead, text) is not None for text in by_task[""]) == 1


def test_lines_are_whole_and_text_whatever_tasks_print(jug):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def work(i):
        for _ in range(20):
            os.write(1, b"\\xff" + b"a" * 3000)
            os.write(1, b"b" * 3000 + b"\\n")

    for i in range(10):
        work(i)
"""
    )
    command = [sys.executable, "-m", "jug", *EXECUTE, "-n", "2"]
    subprocess.run(command, cwd=jug.folder, env=jug.env(), check=True, stdout=subprocess.DEVNULL)
    texts = [text for _, _, text in logged(jug) if not text.startswith(("jug:", "loading"))]
    assert texts == 200 * ["\ufffd" + 3000 * "a" + 3000 * "b"]


def test_it_is_appended_to(jug):
    jug.write(USUAL + "\n    @TaskGenerator\n    def work(i):\n        print('out', i)\n    work(1)\n")
    (jug.folder / "run.log").write_text("before\n")
    assert jug(*EXECUTE, "-n", "1").returncode == 0
    text = (jug.folder / "run.log").read_text()
    assert text.startswith("before\n2")
    assert text.count("] out 1\n") == 1


def test_what_was_captured_of_a_task_that_is_killed_by_ctrl_c_is_in_it(jug):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def work(i):
        print("begins")
        open("begun", "w").close()
        time.sleep(1000)

    work(1)
"""
    )
    supervisor = jug.start(*EXECUTE, "-n", "1", "--capture")
    wait_for((jug.folder / "begun").exists, "a task that runs")
    supervisor.send_signal(signal.SIGINT)
    supervisor.stderr.readline()
    supervisor.send_signal(signal.SIGINT)
    supervisor.communicate(timeout=60)
    # It is not to blame: so nobody names it.
    assert (1, "", "begins") in logged(jug)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/such/directory/run.log", "No such file or directory"),
        (".", "Is a directory"),
        ("jugfile.py/run.log", "Not a directory"),
    ],
)
def test_a_file_that_cannot_be_written_is_one_line_and_status_2(jug, path, why):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    done = jug("execute", "-n", "1", f"--log={path}")
    assert (done.returncode, done.stderr) == (2, f"jug: error: cannot write the log {path}: {why}\n")
    assert not (jug.folder / "jugfile.jugdata").exists()


def test_it_is_for_workers_that_n_starts(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    done = jug("execute", "--log=run.log")
    assert done.returncode == 2
    assert "--log is for workers that -n starts" in done.stderr


def test_a_full_disk_is_said_once_and_ends_nothing(jug):
    jug.write(
        USUAL + "\n    @TaskGenerator\n    def work(i):\n        print('out', i)\n    work(1), work(2)\n"
    )
    os.symlink("/dev/full", jug.folder / "run.log")
    done = jug(*EXECUTE, "-n", "1")
    assert done.returncode == 0
    said = "jug: warning: cannot write the log run.log: No space left on device; lines are missing there\n"
    assert done.stderr == said
    assert "out 2\n" in done.stdout


def test_a_line_that_was_cut_off_by_a_full_disk_is_none_with_the_next_one(tmp_path):
    source = f"""
import resource, signal
from jug.supervisor.run_log import RunLog
log = RunLog({str(tmp_path / "run.log")!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50, resource.RLIM_INFINITY))
log.add(1, "m.f", 100 * "x")
log.add(1, "m.f", "lost")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.add(1, "m.f", "after")
"""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stderr.count("\n") == 1
    first, second = (tmp_path / "run.log").read_text().splitlines()
    assert len(first) == 50
    assert second.endswith("[1 m.f] after")


def test_what_is_captured_is_in_it_once_where_it_is_shown_with_a_failure(jug):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def bad(i):
        print("\\x1b[1mbold", i)
        print("bad", i)
        raise ValueError(i)

    @TaskGenerator
    def deadly(i):
        print("deadly", i)
        os._exit(3)

    @TaskGenerator
    def long(i):
        for n in range(3000):
            print(f"line {n}")
        raise KeyError(i)

    bad(1), bad(2), deadly(7), deadly(8), long(1)
"""
    )
    done = jug(*EXECUTE, "-n", "1", "--capture")
    assert done.returncode == 1
    shown = Counter(done.stderr.splitlines())
    for text in ("\\x1b[1mbold 1", "bad 1", "deadly 7", "line 0", "line 2999"):
        assert shown[text] == 1, text
    said = Counter(text for _, _, text in logged(jug))
    once = ["bad 1", "bad 2", "deadly 7", "deadly 8", *(f"line {n}" for n in range(3000))]
    assert {text: said[text] for text in once} == dict.fromkeys(once, 1)
    assert [text for text in said if "bold" in text] == ["\x1b[1mbold 1", "\x1b[1mbold 2"]
    assert not [text for text in said if text == "Output:" or "left out" in text]
    # The rest of what is shown is there.
    assert said["ValueError: 1"] == said["KeyError: 1"] == 1


def test_without_keep_going_it_is_in_it_once_as_well(jug):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def bad(i):
        print("bad", i)
        raise ValueError(i)

    bad(1)
"""
    )
    done = jug("execute", "--will-cite", "--progress=none", "--log=run.log", "-n", "1", "--capture")
    assert done.returncode == 1
    assert "\nOutput:\nbad 1\n" in done.stderr
    assert Counter(text for _, _, text in logged(jug))["bad 1"] == 1
