"""Ctrl-C: each command says what it leaves behind, and nothing that is not so."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from tests.support.paths import ROOT

SAID = {
    ("execute",): "; what was finished is stored",
    ("status",): "",
    ("check",): "",
    ("fsck",): "; nothing was changed",
    ("fsck", "--repair"): "; no result that could be read is lost; run it again to finish the repair",
    ("pack",): "; all results are as they were",
    ("cleanup",): "; what was not removed yet is still there: run it again",
    ("invalidate", "--name", "step"): "; some results may be invalid already: run it again",
}


@pytest.mark.parametrize("command", SAID, ids=" ".join)
def test_ctrl_c_says_what_is_left(jug, command):
    jug.write("""
        import time

        open("begun", "w").close()
        time.sleep(60)
    """)
    running = jug.start(*command)
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, f"jug: interrupted{SAID[command]}\n")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_a_worker_that_is_asked_to_end_says_so_in_one_line_and_keeps_no_claim(jug, sent):
    jug.write("""
        import time
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            open("begun", "w").close()
            # A signal just before a system call does not end it.
            for _ in range(600):
                time.sleep(0.1)

        for i in range(3):
            work(i)
    """)
    running = jug.start("execute")
    deadline = time.monotonic() + 60
    while not (jug.folder / "begun").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(sent)
    _, err = running.communicate(timeout=60)
    said = f"jug: interrupted by {sent.name}; what was finished is stored\n"
    assert (running.returncode, err) == (1, said)
    assert "(none active)" in jug("status", "--short").stdout
    assert jug("cleanup", "--locks-only").stdout == "Removed 0 locks\n"


def test_what_tests_start_heeds_signals_that_the_tests_inherited_as_ignored():
    """Otherwise tests that send SIGHUP wait for ever where all of them run under nohup."""
    script = """
        import os, signal, subprocess, sys
        from tests.support.command import heed_signals

        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        heed_signals()
        os.kill(os.getpid(), signal.SIGHUP)
        for number in (signal.SIGINT, signal.SIGHUP):
            child = subprocess.Popen(["sleep", "100"])
            child.send_signal(number)
            assert child.wait() == -number
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=True, timeout=60)


def test_under_nohup_a_worker_goes_on_when_its_terminal_is_closed(jug):
    jug.write("""
        import os, signal
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            os.kill(os.getpid(), signal.SIGHUP)
            return i

        work(1)
    """)
    done = jug.python("""
        import os, signal, sys
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.execv(sys.executable, [sys.executable, "-m", "jug", "execute", "--will-cite", "--short"])
    """)
    assert (done.returncode, done.stderr) == (0, "")
