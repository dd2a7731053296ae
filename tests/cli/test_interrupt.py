"""Ctrl-C: each command says what it leaves behind, and nothing that is not so."""

import os
import signal
import subprocess
import sys
import sysconfig
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


#: The command as it is installed.
SCRIPT = os.path.join(sysconfig.get_path("scripts"), "jug")

#: Run by Python before anything else: Ctrl-C comes while a module is imported.
SITE = """
    import os, signal, sys

    class Interrupt:
        @staticmethod
        def find_spec(name, path=None, target=None):
            if name == os.environ["AT"]:
                os.kill(os.getpid(), signal.SIGINT)

    sys.meta_path.insert(0, Interrupt)
"""


@pytest.fixture
def interrupted(jug):
    """Runs Python, which gets SIGINT when it imports a module."""
    (jug.folder / "site").mkdir()
    jug.write(SITE, "site/sitecustomize.py")
    jug.write("import jug\n")

    def run(at, *command):
        env = jug.env() | {"AT": at}
        env["PYTHONPATH"] = os.pathsep.join([str(jug.folder / "site"), *env.get("PYTHONPATH", "").split()])
        command = [sys.executable, *command]
        return subprocess.run(command, cwd=jug.folder, env=env, capture_output=True, text=True, timeout=60)

    return run


@pytest.mark.parametrize(
    "at", ["jug._native", "jug.task", "jug.jug", "jug.cli", "jug.cli.main", "jug.cli.parser"]
)
@pytest.mark.parametrize("start", [["-m", "jug"], [SCRIPT]], ids=["module", "script"])
def test_ctrl_c_while_the_command_is_imported_is_one_line(interrupted, start, at):
    done = interrupted(at, *start, "status")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "jug: interrupted\n")


def test_ctrl_c_while_a_script_imports_jug_is_an_exception_as_ever(interrupted):
    done = interrupted("jug.task", "-c", "try: import jug\nexcept KeyboardInterrupt: print('interrupted')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")
