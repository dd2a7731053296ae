"""The lock of a launcher, as the task knows it that runs in a process of its own."""

import re
import signal

import pytest

from tests.jobslib.locked import options_of, settings_of
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

DUMMY = "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"


def noted(here):
    path = here.folder / "noted"
    return path.read_text() if path.exists() else ""


def paused(here, serve, deed, *words):
    """A launcher that was stopped while its task runs with a lock of redis."""
    server = serve("redis")
    here.settings(settings_of("redis", options_of(server)))
    process = here.start("--isolate", "--run-once", *words, "holds.Holds", "--do", deed)
    wait_for(lambda: noted(here).endswith("\n"), "the task")
    process.send_signal(signal.SIGSTOP)
    return process


def test_a_task_whose_launcher_is_paused_ends_when_the_lock_does(here, serve):
    """By its own clock: the launcher can neither renew the lock nor say so, and others get it."""
    process = paused(here, serve, "note")
    try:
        wait_for(lambda: "raised OneInstanceWatchdogError" in noted(here), "the end of the task")
    finally:
        process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "ERROR Lock has expired after" in err


def test_a_task_that_never_comes_back_is_killed_although_its_launcher_is_paused(here, serve):
    process = paused(here, serve, "note_in_c", "--kill-on-lock-loss", "0.3")
    try:
        pid = int(re.findall(r"begins (\d+)", noted(here))[0])
        # Its status is taken by the launcher.
        wait_for(lambda: state_of(pid) == "Z", "the end of the task")
    finally:
        process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert not is_alive(pid)


def state_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


@pytest.mark.parametrize("words", [["--isolate"], []])
@pytest.mark.parametrize("name", ["file", "redis", "dummy"])
def test_the_token_is_known_to_the_task(name, words, here, serve):
    if name == "dummy":
        here.settings(DUMMY)
    else:
        here.settings(settings_of(name, options_of(serve(name))))
    done = here(*words, "--run-once", "holds.Holds", "--do", "token")
    assert done.returncode == 0, done.stderr
    token, lines = re.findall(r"^token (\d+) (.*\n.*)$", done.stdout, re.MULTILINE)[0]
    more = re.fullmatch(rf"True {bool(words)}\nTrue None False True (\d+) True", lines)
    assert more, lines
    assert int(more[1]) > int(token)


def test_a_task_that_raises_what_a_lost_lock_raises_has_ended(here):
    """The launcher does not wait for it to end once more."""
    here.settings(DUMMY)
    (here.folder / "expires.py").write_text(
        "from jobslib import BaseTask, OneInstanceWatchdogError\n"
        "class Expires(BaseTask):\n"
        "    def task(self):\n"
        "        raise OneInstanceWatchdogError\n"
    )
    assert here("--isolate", "--run-once", "expires.Expires").returncode == 1


#: Tasks that fork, and whose child comes back as if it was the launcher.
FORKS = """
import os, sys
from jobslib import BaseTask
class Forks(BaseTask):
    name = "forks"
    def task(self):
        child = os.fork()
        if child == 0:
            self.returns()
        else:
            print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    def returns(self):
        pass
class Raises(Forks):
    def returns(self):
        raise ValueError("in the child")
class Exits(Forks):
    def returns(self):
        sys.exit(7)
class Closes(BaseTask):
    def task(self):
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
"""


@pytest.mark.parametrize("words", [["--isolate"], []])
@pytest.mark.parametrize(("name", "status"), [("Forks", 0), ("Raises", 1), ("Exits", 7)])
def test_a_child_that_the_task_forked_ends_with_the_task_and_is_no_launcher(name, status, words, here):
    """Under jobslib 3.2.1 it goes on as a second one, and gives up the lock of the first."""
    here.settings(DUMMY)
    (here.folder / "forks.py").write_text(FORKS)
    done = here(*words, "--run-once", f"forks.{name}")
    assert done.returncode == 0
    assert done.stdout.endswith(f"status {status}\n")
    assert done.stderr.count("Task done") == 1
    assert ("ValueError: in the child" in done.stderr) == (name == "Raises")


def test_a_task_that_closes_what_it_has_not_opened_has_failed(here):
    here.settings(DUMMY)
    (here.folder / "forks.py").write_text(FORKS)
    done = here("--isolate", "--run-once", "forks.Closes")
    assert done.returncode == 1
    assert "the task closed files that it had not opened" in done.stderr
    assert "TaskDied: the task ended its process with status 1" in done.stderr
