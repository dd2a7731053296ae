"""Tasks in processes of their own: whatever they do, the launcher goes on, and releases the lock."""

import array
import fcntl
import re
import signal
import subprocess
import termios

import pytest

from tests.jobslib.deeds import DEEDS
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

SETTINGS = "ONE_INSTANCE = {'backend': 'deeds.Lock'}\nMETRICS = {'backend': 'deeds.Metrics'}\n"


@pytest.fixture
def deeds(launcher):
    (launcher.folder / "deeds.py").write_text(DEEDS)
    launcher.settings(SETTINGS)
    return launcher


def pids(text, word):
    return [int(found) for found in re.findall(rf"^{word}.* (\d+)$", text, re.MULTILINE)]


def test_the_task_runs_in_one_other_process_and_keeps_what_it_knows(deeds):
    done = deeds("--isolate", "deeds.Deeds", "--do", "count_to_3")
    assert done.returncode == 4
    assert len(set(pids(done.stdout, "task"))) == 1
    assert len(set(pids(done.stdout, "acquire"))) == 1
    assert set(pids(done.stdout, "task")).isdisjoint(pids(done.stdout, "acquire"))
    assert [line for line in done.stdout.splitlines() if line.startswith("status")] == [
        "status succeeded",
        "status succeeded",
        "status unknown",
    ]
    lines = done.stdout.splitlines()
    assert lines.index("release") < lines.index("status succeeded")


def test_what_is_printed_comes_as_it_is_and_the_process_ends_as_any_other(deeds):
    words = ["--isolate", "--run-once", "deeds.Deeds", "--do", "part_of_a_line"]
    command, env = deeds.command(*words), deeds.environment({})
    done = subprocess.run(command, cwd=deeds.folder, env=env, capture_output=True, timeout=60, check=True)
    assert b"\ncaf\xe9\n" in done.stdout
    assert done.stdout.endswith(b"status succeeded\nat its exit\nthe end of a line")


def test_its_lines_are_between_those_of_the_launcher(deeds):
    done = deeds("--isolate", "--run-once", "deeds.Deeds")
    assert done.returncode == 0
    assert [line.split(" ", 3)[3] for line in done.stderr.splitlines()] == [
        "INFO Run task",
        "INFO nothing to do",
        "INFO Task done",
    ]


def test_the_launcher_has_the_lock_and_does_what_the_task_asks_of_it(deeds):
    done = deeds("--isolate", "--run-once", "deeds.Deeds", "--do", "extend")
    assert "answer 7\n" in done.stdout
    assert pids(done.stdout, "refresh") == pids(done.stdout, "acquire")
    assert "error the server is away\n" in done.stdout


@pytest.mark.parametrize(
    ("deed", "options", "said"),
    [
        ("raise_", ["--isolate"], "TaskRaised: Traceback"),
        ("crash", ["--isolate"], "TaskDied: the task was killed by SIGSEGV"),
        ("exit", ["--isolate"], "TaskDied: the task ended its process with status 5"),
        ("hang_in_c", ["--task-timeout", "0.5"], "TaskDied: the task ran longer than 0.5 s, and was killed"),
        ("memory", ["--memory-limit", "300M"], " MB of memory, and was killed"),
    ],
)
def test_whatever_ends_the_task_is_a_failure_of_that_run(deed, options, said, deeds):
    """Under jobslib 3.2.1 a crash ends the launcher (status 139), and a hang lasts for ever."""
    done = deeds(*options, "--run-once", "deeds.Deeds", "--do", deed)
    assert done.returncode == 1
    assert done.stdout.endswith("release\nstatus failed\n")
    assert "ERROR deeds task failed\n" in done.stderr
    assert said in done.stderr
    assert "launcher.py" not in done.stderr
    if deed == "raise_":
        assert 'deeds.py", line' in done.stderr
        assert "ValueError: no luck" in done.stderr
    if deed == "crash":
        assert " in crash" in done.stderr


def test_a_loop_goes_on_after_a_crash(deeds):
    done = deeds("--isolate", "deeds.Deeds", "--do", "crash_twice")
    assert done.returncode == 6
    assert done.stdout.count("status failed") == 2
    assert len(set(pids(done.stdout, "task"))) == 3


def test_sys_exit_ends_the_loop_with_its_status(deeds):
    done = deeds("--isolate", "deeds.Deeds", "--do", "leave")
    assert done.returncode == 1
    assert "a reason\n" in done.stderr
    assert done.stdout.endswith("release\nstatus unknown\n")


def started(deeds, *words):
    """A launcher whose task has begun, and what it has printed."""
    process = deeds.start(*words)
    printed = ""
    while not printed.endswith(("sleeps\n", "hangs\n")) and "child" not in printed:
        printed += process.stdout.readline()
    return process, printed


def test_sigterm_lets_the_task_clean_up_and_leaves_no_process(deeds):
    process, printed = started(deeds, "--isolate", "deeds.Deeds", "--do", "sleep")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out == "cleaned up\nrelease\nstatus killed\n"
    assert err.endswith("WARNING Task has been terminated\n")
    for pid in pids(printed, "task") + pids(printed, "child"):
        wait_for(lambda pid=pid: not is_alive(pid), "the end of what the task started")


def test_sigterm_at_the_moment_in_which_the_task_fails_ends_the_launcher(deeds):
    done = deeds("--isolate", "--sleep-interval", "600", "deeds.Deeds", "--do", "ask_and_fail")
    assert done.returncode == 1
    assert done.stdout.endswith("release\nstatus killed\n")


@pytest.mark.parametrize("deed", ["stubborn", "hang_in_c"])
def test_sigterm_gives_grace_and_then_the_lock_is_released(deed, deeds):
    process, _ = started(deeds, "--grace", "0.5", "deeds.Deeds", "--do", deed)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert out.endswith("release\nstatus killed\n")
    assert "WARNING Task did not end within 0.5 seconds, and is killed" in err
    assert ("caught Terminate" in out) == (deed == "stubborn")


def test_where_nobody_reads_what_it_prints_a_request_to_end_releases_the_lock(deeds):
    lock = {"backend": "jobslib.oneinstance.file.FileLock", "options": {"directory": "locks", "key": "deeds"}}
    deeds.settings(f"ONE_INSTANCE = {lock}\n")
    (deeds.folder / "locks").mkdir()
    process = deeds.start("--grace", "0.5", "deeds.Deeds", "--do", "print_much")
    wait_for(lambda: (deeds.folder / "printing").exists(), "the task to print")
    wait_for(lambda: unread(process.stdout) > 50_000, "a full pipe")
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 1
    next_one = deeds("--run-once", "deeds.Deeds")
    assert "INFO Run task" in next_one.stderr
    process.communicate()


def test_what_it_prints_waits_for_a_slow_reader(deeds):
    process = deeds.start("--isolate", "--run-once", "deeds.Deeds", "--do", "print_much")
    wait_for(lambda: unread(process.stdout) > 50_000, "a full pipe")
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert out.count("\0") == 300_000
    assert "release\nstatus succeeded\n" in out


def unread(file):
    """How many bytes wait in a pipe."""
    waiting = array.array("i", [0])
    fcntl.ioctl(file.fileno(), termios.FIONREAD, waiting)
    return waiting[0]


def test_a_second_signal_waits_no_longer(deeds):
    process, _ = started(deeds, "--isolate", "deeds.Deeds", "--do", "stubborn")
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "caught Terminate\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "release\nstatus killed\n")


def test_a_launcher_that_is_killed_takes_the_task_along(deeds):
    process, printed = started(deeds, "--isolate", "deeds.Deeds", "--do", "sleep")
    process.kill()
    process.communicate(timeout=30)
    for pid in pids(printed, "task") + pids(printed, "child"):
        wait_for(lambda pid=pid: not is_alive(pid), "the end of what the task started")


def test_a_task_that_cannot_be_made_says_why(deeds):
    (deeds.folder / "broken.py").write_text(
        "from deeds import Deeds\nclass Broken(Deeds):\n    def initialize(self):\n        raise OSError\n"
    )
    done = deeds("--isolate", "--run-once", "broken.Broken")
    assert done.returncode == 1
    assert "OSError" in done.stderr
    assert done.stdout.endswith("release\nstatus failed\n")


def test_limits_by_the_environment_and_by_settings(deeds):
    done = deeds("--run-once", "deeds.Deeds", "--do", "hang_in_c", JOBSLIB_TASK_TIMEOUT="0.3")
    assert "ran longer than 0.3 s" in done.stderr
    deeds.settings(f"{SETTINGS}LAUNCHER = {{'task_timeout': 0.3}}\n")
    done = deeds("--run-once", "deeds.Deeds", "--do", "hang_in_c")
    assert "ran longer than 0.3 s" in done.stderr
    assert deeds("--run-once", "deeds.Deeds", JOBSLIB_ISOLATE="1").returncode == 0


#: A lock that takes its time.
SLOW = """
import time
from deeds import Lock, say
class Slow(Lock):
    def acquire(self):
        say("asks")
        time.sleep(0.5)
        return super().acquire()
    def release(self):
        say("gives up")
        time.sleep(0.5)
        return super().release()
"""


@pytest.mark.parametrize(
    ("moment", "status", "left"),
    [
        # The task does not begin.
        ("asks", 1, ["acquire", "gives up", "release", "status killed"]),
        ("gives up", -signal.SIGTERM, ["release", "status succeeded"]),
    ],
)
def test_sigterm_while_the_lock_is_asked_for_or_given_up_leaves_no_lock(moment, status, left, deeds):
    """jobslib 3.2.1 ends at once, and the lock stays until its time is over."""
    (deeds.folder / "slow.py").write_text(SLOW)
    deeds.settings(SETTINGS.replace("deeds.Lock", "slow.Slow"))
    process = deeds.start("--sleep-interval", "60", "deeds.Deeds")
    while process.stdout.readline() != f"{moment}\n":
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert [re.sub(r" \d+$", "", line) for line in out.splitlines()] == left
