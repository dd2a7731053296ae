"""Workers in several namespaces of process ids on one kernel, as in containers that share a directory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.support.command import Jug
from tests.support.missing import missing
from tests.support.waiting import wait_for

JUGFILE = """
    import os, time
    from pathlib import Path
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        Path("began-" + os.environ["WHO"]).touch()
        while os.environ["WHO"] == "first" and not Path("go").exists():
            time.sleep(0.05)
        return i

    results = [work(1)]
"""
CONTAINER = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]


@pytest.fixture
def containers() -> list[str]:
    """How a command is run in a namespace of its own."""
    if shutil.which("unshare") is None:
        missing("there is no unshare")
    tried = subprocess.run([*CONTAINER, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        missing(f"there can be no namespace of process ids: {tried.stderr}")
    return CONTAINER


def start(jug: Jug, within: list[str], who: str, **variables: str) -> subprocess.Popen[str]:
    """A worker, and what it is run in."""
    words = [sys.executable, "-m", "jug", "execute", "--will-cite", "--short", "--claims=link"]
    return subprocess.Popen(
        [*within, *words],
        cwd=jug.folder,
        env=jug.env({"WHO": who, **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def worker_of(container: subprocess.Popen[str]) -> psutil.Process:
    """The process that a container begins with; that of the worker itself where there is none."""
    found = psutil.Process(container.pid)
    return found.children()[0] if found.name() == "unshare" else found


def ids(jug: Jug) -> set[str]:
    """The workers that have a file."""
    workers: Path = jug.folder / "jugfile.jugdata" / "workers"
    return {path.name for path in workers.iterdir() if not set(path.name) & {"-"} and path.name[0] != "."}


def names(jug: Jug) -> set[str]:
    """What is in the directory of workers, by the part before the first hyphen."""
    workers: Path = jug.folder / "jugfile.jugdata" / "workers"
    return {path.name.partition("-")[0] for path in workers.iterdir() if "-" in path.name}


@pytest.mark.parametrize(
    ("is_first_inside", "is_second_inside"), [(True, True), (True, False), (False, True)]
)
def test_a_worker_that_is_killed_in_another_container_is_noticed_at_once(
    jug: Jug, containers, is_first_inside: bool, is_second_inside: bool
) -> None:
    """Its process id says nothing to others, and its heartbeat would have to stand still for 120 s."""
    jug.write(JUGFILE)
    first = start(jug, containers if is_first_inside else [], "first")
    wait_for(lambda: (jug.folder / "began-first").exists(), "the task to begin")
    second = start(jug, containers if is_second_inside else [], "second")
    wait_for(lambda: len(ids(jug)) == 2, "the second worker to register")
    # Who is outside of containers offers a lifeline within a second, and another one later it is held.
    time.sleep(4)
    assert not (jug.folder / "began-second").exists()
    worker_of(first).kill()
    killed = time.monotonic()
    wait_for(lambda: (jug.folder / "began-second").exists(), "the other worker to begin with the task")
    assert time.monotonic() - killed < 10, "a heartbeat tells after 120 s"
    out, err = second.communicate(timeout=200)
    assert (second.returncode, err) == (0, "")
    assert "Executed:  1 task" in out
    first.communicate()
    assert "line" not in names(jug), "nothing is left of it"


def test_a_worker_in_a_container_that_does_not_beat_lives_as_long_as_its_process(
    jug: Jug, containers
) -> None:
    jug.write(JUGFILE)
    first = start(jug, containers, "first", JUG_TEST_LEASE="2")
    wait_for(lambda: (jug.folder / "began-first").exists(), "the task to begin")
    worker = worker_of(first)
    worker.send_signal(signal.SIGSTOP)
    second = start(jug, containers, "second", JUG_TEST_LEASE="2")
    time.sleep(6)
    assert second.poll() is None
    assert not (jug.folder / "began-second").exists()
    (jug.folder / "go").touch()
    worker.send_signal(signal.SIGCONT)
    for container in (first, second):
        _, err = container.communicate(timeout=120)
        assert (container.returncode, err) == (0, "")


@pytest.mark.parametrize("is_first_inside", [True, False])
def test_a_task_runs_again_when_its_worker_goes_on_after_half_a_lease(
    jug: Jug, containers, is_first_inside: bool
) -> None:
    """It knows of nobody who took it for dead, nor that nobody did: so it gives up what it had claimed."""
    jug.write(JUGFILE)
    first = start(jug, containers if is_first_inside else [], "first", JUG_TEST_LEASE="4")
    wait_for(lambda: (jug.folder / "began-first").exists(), "the task to begin")
    second = start(jug, [], "second", JUG_TEST_LEASE="4")
    wait_for(lambda: len(ids(jug)) == 2, "the second worker to register")
    worker = worker_of(first)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(6)
    assert not (jug.folder / "began-second").exists(), "while it does not run nobody takes its task"
    worker.send_signal(signal.SIGCONT)
    wait_for(lambda: (jug.folder / "began-second").exists(), "the other one to begin with the task")
    _, err = second.communicate(timeout=120)
    assert (second.returncode, err) == (0, "")
    (jug.folder / "go").touch()
    _, err = first.communicate(timeout=120)
    assert (first.returncode, err) == (0, ""), "and nothing is wrong with what it computes"


def test_outside_of_containers_no_socket_is_made(jug: Jug) -> None:
    """Who copies a jugdir meets none, then."""
    if os.readlink("/proc/self/ns/pid") != "pid:[4026531836]":
        pytest.skip("this is a container")
    jug.write(JUGFILE)
    first = start(jug, [], "first")
    wait_for(lambda: (jug.folder / "began-first").exists(), "the task to begin")
    assert "line" not in names(jug)
    (jug.folder / "go").touch()
    assert first.wait(120) == 0


def test_who_waits_says_for_whom_and_for_how_long(jug: Jug) -> None:
    """Where nothing can be known of a worker but its heartbeat: once, in a line."""
    jug.write(JUGFILE)
    alone = {"JUG_TEST_LEASE": "12", "JUG_TEST_STRANGERS": "1"}
    first = start(jug, [], "first", **alone)
    wait_for(lambda: (jug.folder / "began-first").exists(), "the task to begin")
    second = start(jug, [], "second", **alone)
    time.sleep(3)
    first.kill()
    first.communicate()
    out, err = second.communicate(timeout=120)
    assert second.returncode == 0
    assert "Executed:  1 task" in out
    (line,) = err.splitlines()
    assert line.startswith("jug: warning: there has been no sign of worker ")
    assert f".{first.pid}." in line
    assert line.endswith(" s")
