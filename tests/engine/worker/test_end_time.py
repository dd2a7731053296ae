"""A worker whose time ends starts nothing that it could not finish, and ends by itself."""

from __future__ import annotations

import math
import re
import signal
import time
from collections.abc import Sequence
from typing import Any

import pytest

from jug.engine.worker.end_time import EndTime
from tests.support.command import Jug
from tests.support.waiting import wait_for

LONG_AND_SHORT = """
    from jug import TaskGenerator

    @TaskGenerator
    def long(i):
        raise AssertionError("this was not to start")

    @TaskGenerator
    def short(i):
        return i

    longs = [long(i) for i in range(3)]
    shorts = [short(i) for i in range(20)]
"""

#: Stores a result of `long(0)` that took an hour.
AN_HOUR = """
    import jug
    store, space = jug.init("jugfile.py", "jugfile.jugdata")
    task = space["longs"][0]
    store.native.save(bytes.fromhex(task.hash().decode()), 7, name=task.name, started=1e9, duration=3600.0)
    store.close()
"""

SLOW = """
    import os, subprocess, time
    from jug import TaskGenerator

    @TaskGenerator
    def slow(i):
        open("begun", "a").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
        return i

    tasks = [slow(i) for i in range(50)]
"""


class Finished:
    """Results of others, with the times that they took."""

    def __init__(self, durations: dict[bytes, float | None]) -> None:
        self.known = durations

    def present(self, keys: Sequence[bytes]) -> list[bool]:
        return [key in self.known for key in keys]

    def durations(self, keys: Sequence[bytes]) -> list[float | None]:
        return [self.known[key] for key in keys]


def end_in(seconds: float, *durations: float | None) -> EndTime:
    """The end of a worker whose tasks are of one name, of which others have finished some."""
    keys = [bytes([node]) * 32 for node in range(len(durations) + 1)]
    session: Any = Finished(dict(zip(keys, durations, strict=False)))
    end = EndTime(seconds, clock=lambda: 0.0)
    end.begin(["f"] * len(keys), keys, session)
    return end


@pytest.fixture(
    params=[(), ("-n", "2"), ("-n", "2", "--backend", "processes")], ids=["alone", "supervised", "pooled"]
)
def how(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """What a worker is started with."""
    words: tuple[str, ...] = request.param
    return words


def test_tasks_that_take_too_long_do_not_start_and_others_do(jug: Jug, how: tuple[str, ...]) -> None:
    """What their name took before is what they will take. Ending so is no error."""
    jug.write(LONG_AND_SHORT)
    assert jug.python(AN_HOUR).returncode == 0
    done = jug("execute", *how, env={"JUG_END_TIME": str(time.time() + 900)})
    assert done.returncode == 0, done.stderr
    assert "before its end, as jugfile.long takes 60.0 min; 'jug execute' goes on" in done.stderr
    assert "2 tasks waiting to be run, 0 failed, 21 complete" in jug("status", "--short").stdout


@pytest.mark.parametrize("variable", ["JUG_END_TIME", "SLURM_JOB_END_TIME"])
def test_nothing_starts_when_the_time_is_over(jug: Jug, variable: str) -> None:
    jug.write(LONG_AND_SHORT)
    done = jug("execute", env={variable: str(int(time.time()))})
    assert (done.returncode, done.stderr) == (
        0,
        "jug: stopped because its time is over; 'jug execute' goes on\n",
    )


def test_the_environment_is_not_asked_where_it_shall_not_be(jug: Jug) -> None:
    jug.write(SLOW)
    (jug.folder / "go").touch()
    assert jug("execute", "--no-check-environment", env={"JUG_END_TIME": "1"}).returncode == 0
    assert jug("check").returncode == 0


def test_a_worker_that_waits_ends_with_its_time(jug: Jug) -> None:
    """It does not wait for what another one runs until it is killed."""
    jug.write(SLOW.replace("range(50)", "range(1)"))
    other = jug.start("execute")
    wait_for((jug.folder / "begun").exists, "a task")
    done = jug("execute", env={"JUG_END_TIME": str(time.time() + 6.5)})
    assert (done.returncode, other.poll()) == (0, None)
    assert "stopped because its time is over" in done.stderr
    (jug.folder / "go").touch()
    assert other.wait(60) == 0


def test_what_runs_is_finished_after_the_stop_signal_and_nothing_else_starts(
    jug: Jug, how: tuple[str, ...]
) -> None:
    name, number = ("SIGUSR2", signal.SIGUSR2) if how else ("USR1", signal.SIGUSR1)
    jug.write(SLOW)
    worker = jug.start("execute", *how, env={"JUG_STOP_SIGNAL": name})
    wait_for((jug.folder / "begun").exists, "a task")
    worker.send_signal(number)
    if how:  # Its workers learn of it; a single one has its handler called in any case.
        assert worker.stderr is not None
        while number.name not in (line := worker.stderr.readline()):
            assert line
    (jug.folder / "go").touch()
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, (out, err)
    assert how or f"stopped by {number.name}; 'jug execute' goes on" in err
    # Each of two workers may have begun a task by then, and a pool has some more that it does not give back.
    most = 1 if not how else 2 if "--backend" not in how else 6
    complete = re.search(r" (\d+) complete", jug("status", "--short").stdout)
    assert complete
    assert 1 <= int(complete[1]) <= most


def test_a_worker_that_waits_ends_at_once_at_the_stop_signal(jug: Jug) -> None:
    jug.write(SLOW.replace("range(50)", "range(1)"))
    other = jug.start("execute")
    wait_for((jug.folder / "begun").exists, "a task")
    worker = jug.start("execute", "--verbose=info", env={"JUG_STOP_SIGNAL": "USR1"})
    assert worker.stderr is not None
    while "waiting for other workers" not in (line := worker.stderr.readline()):
        assert line
    worker.send_signal(signal.SIGUSR1)
    _, err = worker.communicate(timeout=60)
    assert (worker.returncode, other.poll()) == (0, None), err
    assert "stopped by SIGUSR1" in err
    (jug.folder / "go").touch()
    assert other.wait(60) == 0


def test_a_task_whose_child_ended_by_the_stop_signal_has_not_failed(jug: Jug) -> None:
    """Some batch systems send it to all processes of a job."""
    jug.write("""
        import os, subprocess
        from jug import TaskGenerator

        @TaskGenerator
        def sent_to_all():
            if os.path.exists("again"):
                return 1
            open("again", "w").close()
            subprocess.run(["sh", "-c", "kill -USR1 $PPID; kill -USR1 $$; sleep 60"], check=True)

        sent_to_all()
    """)
    done = jug("execute", "--keep-failed", env={"JUG_STOP_SIGNAL": "USR1"})
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "stopped by SIGUSR1" in done.stderr
    assert "1 tasks waiting to be run, 0 failed" in jug("status", "--short").stdout
    assert jug("execute").returncode == 0


def test_the_signal_means_what_it_always_meant_where_nobody_says_otherwise(jug: Jug) -> None:
    """It ends a process that does not handle it."""
    jug.write(SLOW)
    worker = jug.start("execute")
    wait_for((jug.folder / "begun").exists, "a task")
    worker.send_signal(signal.SIGUSR1)
    assert worker.wait(60) == -signal.SIGUSR1


def test_a_jugfile_may_handle_the_signal_in_its_own_way(jug: Jug) -> None:
    jug.write(
        "import signal, sys\nsignal.signal(signal.SIGUSR1, lambda *_: open('own', 'w').close())\n"
        + "\n".join(line[4:] for line in SLOW.splitlines())
    )
    worker = jug.start("execute", env={"JUG_STOP_SIGNAL": "USR1"})
    wait_for((jug.folder / "begun").exists, "a task")
    worker.send_signal(signal.SIGUSR1)
    wait_for((jug.folder / "own").exists, "the handler")
    (jug.folder / "go").touch()
    assert worker.wait(60) == 0
    assert jug("check").returncode == 0


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("JUG_END_TIME", "soon", "JUG_END_TIME must be seconds since 1970, not 'soon'"),
        ("JUG_END_TIME", "inf", "JUG_END_TIME must be seconds since 1970, not 'inf'"),
        ("JUG_STOP_SIGNAL", "TERM", "JUG_STOP_SIGNAL must be USR1 or USR2, not 'TERM'"),
    ],
)
def test_a_wrong_variable_is_one_line(
    jug: Jug, how: tuple[str, ...], variable: str, value: str, message: str
) -> None:
    jug.write(SLOW)
    done = jug("execute", *how, env={variable: value})
    assert done.returncode == 1
    assert f"jug: error: the environment variable {message}\n" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_nobody_knows_starts_until_the_time_is_up() -> None:
    assert end_in(6.0).allows(0)
    assert end_in(6.0, None, None).allows(2)
    assert not end_in(5.0).allows(0)


def test_few_runs_that_took_longer_do_not_keep_others_from_starting() -> None:
    """One of twenty may be slow; with few runs the longest one counts."""
    assert end_in(20.0, *[10.0] * 39, 100.0).allows(40)
    assert not end_in(20.0, *[10.0] * 36, *[100.0] * 4).allows(40)
    assert not end_in(20.0, 10.0, 100.0).allows(2)
    assert end_in(106.0, 10.0, 100.0).allows(2)


def test_runs_here_count_as_those_of_others_do() -> None:
    end = end_in(20.0, None)
    assert end.allows(1)
    end.ran(1, 16.0)
    assert not end.allows(1)
    end = end_in(math.inf)
    end.ran(0, 1e9)
    assert end.allows(0)
