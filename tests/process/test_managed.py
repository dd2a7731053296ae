"""Children that are watched, from their start to their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jug import _native
from jug.process.managed import Child, End, fork, spawn
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

#: Starts one process in its group, one that leaves it, and one that also has no parent; says their ids.
SCATTER = """
    sleep 100 & echo $! >> pids
    setsid sh -c 'echo $$ >> pids; exec sleep 100' &
    (setsid sh -c 'echo $$ >> pids; exec sleep 100' &)
    while [ $(wc -l < pids) != 3 ]; do sleep 0.01; done; echo > ready
"""


def sh(script: str, *, keep: tuple[int, ...] = (), cwd: Path | None = None) -> Child:
    """A shell."""
    return spawn(["sh", "-c", script], keep=keep, cwd=None if cwd is None else str(cwd))


def pids(folder: Path) -> list[str]:
    """What `SCATTER` said, when it is done."""
    wait_for((folder / "ready").exists, "the shell to start its children")
    return (folder / "pids").read_text().split()


@pytest.fixture(params=["spawn", "fork"])
def scattering(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Starts a child of either kind that runs `SCATTER` and then something else, in `tmp_path`."""
    (tmp_path / "pids").touch()

    def start(then: str) -> Child:
        if request.param == "spawn":
            # A shell is no subreaper: what has no parent would not be below it.
            program = (
                "import subprocess, sys; from jug import _native; _native.become_subreaper(); "
                "sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))"
            )
            return spawn([sys.executable, "-c", program, SCATTER + then], keep=(), cwd=str(tmp_path))
        return fork(lambda: subprocess.call(["sh", "-c", SCATTER + then], cwd=tmp_path))

    yield start
    for pid in (tmp_path / "pids").read_text().split():
        if is_alive(pid):
            os.kill(int(pid), signal.SIGKILL)


@pytest.mark.parametrize(
    ("script", "end", "text"),
    [
        ("exit 0", End("exit", 0), "ended its process with status 0"),
        ("exit 3", End("exit", 3), "ended its process with status 3"),
        ("kill -SEGV $$", End("signal", signal.SIGSEGV), "killed by SIGSEGV"),
        ("kill -KILL $$", End("signal", 9), "killed by SIGKILL, perhaps for want of memory"),
        ("kill -40 $$", End("signal", 40), "killed by signal 40"),
    ],
)
def test_the_end_of_a_child_has_a_reason(script: str, end: End, text: str) -> None:
    child = sh(script)
    assert child.end() == end
    assert child.end() == end
    assert end.text == text
    child.kill()
    assert child.leave(1) == end


def test_a_program_that_is_not_there_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        spawn(["/no/such/program"], keep=())


def test_a_child_has_what_it_was_given_and_an_empty_stdin(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    other = os.dup(writing)
    os.set_inheritable(other, True)
    child = sh(f"cat; echo $PWD >/dev/fd/{writing}; test ! -e /dev/fd/{other}", keep=(writing,), cwd=tmp_path)
    os.close(writing)
    os.close(other)
    assert child.wait_for(reading)
    with os.fdopen(reading) as lines:
        assert lines.read() == f"{tmp_path}\n"
    assert child.end() == End("exit", 0), "what it was not given is closed in it"


def test_waiting_ends_with_the_child_or_with_what_it_says() -> None:
    reading, writing = os.pipe()
    silent = sh("exit 0")
    assert not silent.wait_for(reading)
    talking = sh(f"echo >/dev/fd/{writing}; sleep 100", keep=(writing,))
    assert talking.wait_for(reading)
    for child in (silent, talking):
        child.kill()
    os.close(reading)
    os.close(writing)


def test_a_child_that_does_not_end_in_time_is_killed() -> None:
    start = time.monotonic()
    assert sh("sleep 100").leave(0.2) == End("signal", signal.SIGKILL)
    assert sh("sleep 0.2; exit 4").leave(100) == End("exit", 4)
    assert time.monotonic() - start < 10


def test_everything_below_a_child_is_killed_with_it(
    scattering: Callable[[str], Child], tmp_path: Path
) -> None:
    child = scattering("sleep 100")
    below = pids(tmp_path)
    assert all(map(is_alive, below))
    child.kill()
    assert not any(map(is_alive, below))
    assert not is_alive(child.pid)
    assert child.end() == End("signal", signal.SIGKILL)


def test_what_is_left_of_its_group_is_killed_when_a_child_has_ended(tmp_path: Path) -> None:
    child = sh("sleep 100 & echo $! > pids; echo > ready; exit 4", cwd=tmp_path)
    (left,) = pids(tmp_path)
    assert child.end() == End("exit", 4)
    assert not is_alive(left)


def test_a_signal_to_this_process_ends_the_wait_for_a_child() -> None:
    class Rung(Exception):
        pass

    def ring(*_: object) -> None:
        raise Rung

    child = sh("sleep 100")
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(Rung):
            child.end()
    finally:
        signal.signal(signal.SIGALRM, before)
        child.kill()


def test_a_child_whose_status_somebody_else_took_is_lost() -> None:
    child = sh("exit 3")
    os.waitpid(child.pid, 0)
    assert child.end() == End("lost", 0)
    assert child.end().text == "ended its process, and its status is not known"


def test_a_copy_of_this_process_calls_a_function_and_ends() -> None:
    reading, writing = os.pipe()
    child = fork(lambda: os.write(writing, f"{os.getpid()} {os.getpgrp()} {os.getppid()}".encode()))
    assert child.end() == End("exit", 0)
    assert os.read(reading, 100).decode() == f"{child.pid} {child.pid} {os.getpid()}"
    assert fork(lambda: 1 / 0).end() == End("exit", 70)
    os.close(reading)
    os.close(writing)


def test_copies_draw_random_numbers_of_their_own() -> None:
    numpy_random = pytest.importorskip("numpy.random")
    reading, writing = os.pipe()
    for _ in range(3):
        fork(lambda: os.write(writing, f"{numpy_random.random()}\n".encode())).end()
    os.close(writing)
    with open(reading) as file:
        assert len({*file.read().split(), str(numpy_random.random())}) == 4


def test_a_copy_ends_with_the_process_that_made_it_and_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "pids").touch()
    program = (
        "import subprocess, sys; from jug.process.managed import fork; "
        "fork(lambda: subprocess.call(['sh', '-c', sys.argv[1]])).end()"
    )
    with subprocess.Popen([sys.executable, "-c", program, SCATTER + "sleep 100"], cwd=tmp_path) as parent:
        below = pids(tmp_path)
        assert all(map(is_alive, below))
        parent.kill()
    wait_for(lambda: not any(map(is_alive, below)), "all processes to end", 2)


def test_a_copy_that_has_ended_already_is_taken_over() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(6)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    child = _native.Child.adopt(pid)
    assert child.pid == pid
    assert child.reap() == 6


def test_no_other_process_is_taken_over() -> None:
    for stranger in (1, os.getpid()):
        with pytest.raises(ChildProcessError):
            _native.Child.adopt(stranger)
