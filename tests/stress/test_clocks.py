"""A host whose clock is two hours off takes part like any other."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from benches import common
from benches.common import OURS

JUGFILE = """\
import os, select
from jug import TaskGenerator


@TaskGenerator
def step(i):
    with open("runs", "a") as runs:
        runs.write(f"{i} {os.getpid()}\\n")
    select.select([], [], [], 0.02)  # A sleep until a time would be until a wrong one.
    return i


@TaskGenerator
def all_of(steps):
    return sum(steps)


total = all_of([step(i) for i in range(100)])
"""
FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/faketime/libfaketime.so.1")


def faketime() -> str:
    """The library that makes a process see another time."""
    found = [path for path in FAKETIME if Path(path).exists()]
    found += [str(path) for path in Path("/usr/lib").glob("*/faketime/libfaketime.so.1")]
    if not found:
        pytest.skip("libfaketime is not installed")
    return found[0]


def start(directory: Path, claims: str, shift: str | None) -> subprocess.Popen[str]:
    """A worker whose clock is off by `shift`."""
    shifted = (
        {"LD_PRELOAD": faketime(), "FAKETIME": shift, "FAKETIME_DONT_FAKE_MONOTONIC": "1"} if shift else {}
    )
    hosts = {"JUG_TEST_LEASE": "1.5", "JUG_TEST_STRANGERS": "1"} if claims == "link" else {}
    return subprocess.Popen(
        [
            OURS.parent / "jug",
            "execute",
            "--will-cite",
            "--claims",
            claims,
            "--jugdir",
            "results",
            "steps.py",
        ],
        cwd=directory,
        env={**common.environment(), **shifted, **hosts},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("claims", "shift"), [("posix", "+2h"), ("link", "-2h")])
def test_a_clock_two_hours_off_makes_nothing_run_twice_and_nobody_dead(
    tmp_path: Path, claims: str, shift: str
) -> None:
    """C3: no clock is ever compared with a time of a file."""
    (tmp_path / "steps.py").write_text(JUGFILE)
    workers = [start(tmp_path, claims, None), start(tmp_path, claims, shift)]
    for worker in workers:
        _, err = worker.communicate(timeout=100)
        assert (worker.returncode, "Traceback" in err) == (0, False), err
    runs = [line.split() for line in (tmp_path / "runs").read_text().splitlines()]
    assert set(Counter(task for task, _ in runs).values()) == {1}
    assert len(runs) == 100


def test_a_killed_worker_with_a_clock_two_hours_ahead_is_taken_over_all_the_same(tmp_path: Path) -> None:
    """Its heartbeat lies in the future and yet stops changing."""
    (tmp_path / "steps.py").write_text(JUGFILE)
    ahead = start(tmp_path, "link", "+2h")
    while not (tmp_path / "runs").exists():
        assert ahead.poll() is None
        time.sleep(0.01)
    other = start(tmp_path, "link", None)
    ahead.send_signal(signal.SIGKILL)
    ahead.communicate()
    _, err = other.communicate(timeout=100)
    assert other.returncode == 0, err
    assert common.succeed(
        common.run([OURS.parent / "jug", "check", "--jugdir", "results", "steps.py"], tmp_path)
    )
