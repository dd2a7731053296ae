"""What a supervisor prints where nobody reads it: workers wait, and all else goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite", "--keep-going", "-n", "2")

#: A task prints much more than anybody keeps for it, and others end in every way.
FLOOD = """
    import os, signal, time
    from jug import TaskGenerator

    @TaskGenerator
    def flood():
        open("begun", "w").close()
        for n in range(4000):
            print(f"{n:04}", 995 * "x")

    @TaskGenerator
    def dies():
        while not os.path.exists("begun"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGSEGV)

    @TaskGenerator(timeout=1)
    def long():
        time.sleep(1000)

    @TaskGenerator
    def last():
        open("last", "w").close()

    flood(), dies(), long(), last()
"""

#: A function for the jugfile.
WAIT_FOR = """
    def wait_for(path):
        while not os.path.exists(path):
            time.sleep(0.01)
"""

#: The numbers of the lines that are to come.
ALL = [f"{n:04}" for n in range(4000)]


class Unread:
    """A command whose stdout is a pipe that is read when that is asked for; its stderr goes to a file."""

    def __init__(self, jug, *args):
        self._reads, writes = os.pipe()
        self._errors = jug.folder / "stderr"
        with open(self._errors, "w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jug", *args],
                cwd=jug.folder,
                env=jug.env(),
                stdin=subprocess.DEVNULL,
                stdout=writes,
                stderr=errors,
            )
        os.close(writes)

    def said(self):
        return self._errors.read_text()

    def read(self):
        """All that comes, until nobody has it any more."""
        with open(self._reads) as file:
            return file.read()


@pytest.fixture
def unread(jug):
    """Starts such a command, which does not outlive the test."""
    commands = []

    def unread(*args):
        commands.append(Unread(jug, *args))
        return commands[-1]

    yield unread
    for command in commands:
        command.process.kill()
        command.process.wait()


def numbers(text):
    return re.findall(r"^\[\d.*\] (\d{4}) x{995}$", text, re.M)


def test_where_nobody_reads_deadlines_and_deaths_are_noticed_and_nothing_is_lost(jug, unread, kinds, left):
    jug.write(FLOOD)
    command = unread(*EXECUTE, "--progress=none")
    wait_for((jug.folder / "last").exists, "the task after those that ended their workers")
    wait_for(lambda: "ran longer than 1 s" in command.said(), "the end of a task that ran too long")
    wait_for(lambda: "killed by SIGSEGV" in command.said(), "the end of a task that died")
    # The one that prints still waits.
    assert command.process.poll() is None
    text = command.read()
    assert command.process.wait(60) == 1
    assert numbers(text) == ALL
    assert text.rstrip().endswith("Total")
    assert kinds() == {"dies": {"signal": 1}, "long": {"timeout": 1}}
    assert left() == []


def test_where_nobody_reads_it_takes_bounded_memory(jug, unread):
    jug.write(FLOOD.replace("range(4000)", "range(100_000)"))
    command = unread(*EXECUTE, "--progress=none")
    wait_for((jug.folder / "last").exists, "the task after those that ended their workers")
    time.sleep(1)
    status = Path(f"/proc/{command.process.pid}/status").read_text()
    assert int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) < 90_000


def test_where_nobody_reads_ctrl_c_ends_it(jug, unread, left):
    jug.write(FLOOD)
    command = unread(*EXECUTE, "--progress=none")
    wait_for((jug.folder / "last").exists, "the task after those that ended their workers")
    command.process.send_signal(signal.SIGINT)
    wait_for(lambda: "jug: interrupted" in command.said(), "what it says to that")
    assert command.process.poll() is None
    command.process.send_signal(signal.SIGINT)
    assert command.process.wait(20) == 130
    assert left() == []


def test_what_is_left_to_print_in_the_end_is_waited_for_until_ctrl_c(jug, unread, left):
    jug.write(FLOOD.replace("range(4000)", "range(400)"))
    for is_read in (True, False):
        (jug.folder / "last").unlink(missing_ok=True)
        command = unread(*EXECUTE, "--progress=none", f"--jugdir={is_read}")
        wait_for((jug.folder / "last").exists, "tasks that run")
        wait_for(lambda: len(left()) == 1, "the end of all workers")
        time.sleep(0.5)
        assert command.process.poll() is None
        if is_read:
            assert numbers(command.read()) == ALL[:400]
            assert command.process.wait(20) == 1
        else:
            command.process.send_signal(signal.SIGINT)
            assert command.process.wait(20) == 130


def test_what_tasks_print_to_stderr_does_not_wait_for_who_reads_stdout(jug, unread):
    jug.write(
        """
    import os, sys, time
    from jug import TaskGenerator

    @TaskGenerator
    def flood():
        for n in range(4000):
            print(f"{n:04}", 995 * "x")

    @TaskGenerator
    def other():
        time.sleep(1)
        print("from another task", file=sys.stderr)

    flood(), other()
"""
    )
    command = unread(*EXECUTE, "--progress=none")
    wait_for(lambda: "from another task" in command.said(), "what is printed to stderr")
    assert command.process.poll() is None
    assert numbers(command.read()) == ALL


def test_a_terminal_that_is_stopped_stops_who_prints_and_nothing_else(jug):
    flood = FLOOD.replace("4000", "2000")
    jug.write(flood.replace('open("begun"', 'wait_for("stopped")\n        open("begun"') + WAIT_FOR)
    with Terminal(jug, *EXECUTE, columns=100, lines=40) as terminal:
        terminal.wait_for("Worker +Runs|Total")
        terminal.press(b"\x13")
        (jug.folder / "stopped").touch()
        wait_for((jug.folder / "last").exists, "the task after those that ended their workers")
        time.sleep(1.5)
        assert terminal.process.poll() is None
        terminal.press(b"\x11")
        assert terminal.wait() == 1
        text = terminal.written.decode()
        assert re.findall(r"\] (\d{4}) x{995}\r", text) == ALL[:2000]
        assert "ran longer than 1 s" in text
        assert terminal.is_cursor_shown()


def test_a_pipe_that_is_read_slowly_gets_everything_in_order(jug, unread):
    jug.write(FLOOD)
    command = unread(*EXECUTE, "--progress=none")
    got = []

    def read():
        while data := os.read(command._reads, 20_000):
            got.append(data)
            time.sleep(0.001)

    reader = threading.Thread(target=read)
    reader.start()
    assert command.process.wait(60) == 1
    reader.join()
    assert numbers(b"".join(got).decode()) == ALL
