"""A supervisor that is killed again and again: its workers go with it, and what they stored is right."""

from __future__ import annotations

import json
import random
import signal
import subprocess

import pytest

from tests.supervisor.conftest import processes_below
from tests.support.waiting import wait_for

TASKS = 2000
KILLS = 50

JUGFILE = f"""
import os, subprocess, time
from jug import TaskGenerator

@TaskGenerator
def work(i):
    if i % 50 == 0:
        subprocess.Popen(["setsid", "sleep", "1000"])
    time.sleep(0.002)
    return i * i

@TaskGenerator
def check(numbers):
    assert numbers == [i * i for i in range({TASKS})]
    return sum(numbers)

total = check([work(i) for i in range({TASKS})])
"""


@pytest.mark.timeout(600)
def test_a_supervisor_that_is_killed_at_any_moment_leaves_no_process_and_loses_nothing(jug):
    """Neither has anybody to do anything by hand; what was running runs again."""
    jug.write(JUGFILE)
    chance = random.Random(1)
    kills = 0
    for _ in range(KILLS):
        supervisor = jug.start("execute", "--will-cite", "-n", "2")
        try:
            supervisor.wait(chance.uniform(0.05, 1.2))
        except subprocess.TimeoutExpired:
            supervisor.send_signal(signal.SIGKILL)
            kills += 1
        supervisor.communicate()
        wait_for(lambda: not processes_below(jug.folder), "the end of what a killed supervisor had started")
    assert kills >= 10
    done = jug("execute", "--will-cite", "-n", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"All tasks complete ({TASKS + 1} tasks)" in jug("status", "--short").stdout
    assert json.loads(jug("failures", "--json").stdout)["failures"] == []
    assert jug("fsck").returncode == 0
