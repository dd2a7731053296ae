"""``jug.execute`` in a script that has a terminal: the same tables as those of ``jug execute -n``."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

pytest.importorskip("rich")

SCRIPT = """
    import os, time
    import jug
    from jug import TaskGenerator

    jug.set_jugdir("jugdata")

    @TaskGenerator
    def load(n):
        print("loaded", n)
        return n

    @TaskGenerator
    def wait(n):
        while not os.path.exists("go"):
            time.sleep(0.01)
        return n

    out = [load(n) for n in range(10)] + [wait(n) for n in range(4)]
    print(jug.execute(n_workers=2))
"""


@pytest.fixture
def started(jug):
    """Runs the script in a terminal."""
    jug.write(SCRIPT, "script.py")
    with Terminal(jug, script="script.py", lines=40) as terminal:
        yield terminal


def go(jug):
    """Lets the tasks that wait go on."""
    (jug.folder / "go").touch()


def test_a_terminal_shows_tasks_and_workers_below_what_they_print(jug, started, left):
    shown = started.wait_for(
        r"^__main__\.wait +━* +0/4 +2 +0[^$]*^[12] +__main__.wait +([2-9]|\d\d+) s +\d+\.\d MB"
    )
    lines = shown.split("\n")
    top = lines.index(next(line for line in lines if line.startswith("Task ")))
    assert re.match(r"10 of 14 tasks done, 2 running, ", lines[-1])
    above = "\n".join(lines[:top])
    assert sorted(re.findall(r"^\[[12] __main__\.load\] loaded (\d+)$", above, re.M)) == sorted(
        map(str, range(10))
    )
    assert not started.is_cursor_shown()
    go(jug)
    assert started.wait() == 0
    assert "Worker" not in started.text()
    assert started.lines()[-1] == "ExecutionSummary(executed=14, loaded=0, failed=0)"
    assert started.is_cursor_shown()
    assert left() == []


def test_ctrl_c_leaves_a_clean_terminal(jug, started, left):
    started.wait_for(r"^__main__\.wait +━* +0/4 +2 ")
    started.press(b"\x03")
    started.wait_for("no other task starts, 2 that run may finish")
    started.press(b"\x03")
    assert started.wait() == -signal.SIGINT
    shown = started.text()
    assert "Worker" not in shown
    assert shown.split("\n")[-1] == "KeyboardInterrupt"
    assert started.is_cursor_shown()
    wait_for(lambda: left() == [], "nothing to be left", 2)


def states(pid):
    """The states of a process and all below it, each a letter: T for one that is stopped."""
    pids = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return [Path(f"/proc/{it}/stat").read_text().rpartition(")")[2].split()[0] for it in pids]


def test_ctrl_z_stops_the_workers_and_fg_shows_them_again(jug, started):
    started.wait_for(r"^__main__\.wait +━* +0/4 +2 ")
    started.press(b"\x1a")
    wait_for(started.is_cursor_shown, "a clean terminal")
    assert "Worker" not in started.text()
    wait_for(lambda: states(started.process.pid) == ["T"] * 4, "script, supervisor and workers to stop")
    started.process.send_signal(signal.SIGCONT)
    started.wait_for(r"^Worker ")
    assert not started.is_cursor_shown()
    go(jug)
    assert started.wait() == 0
    assert started.is_cursor_shown()
