"""Commands and scripts that are started without stdin, stdout or stderr, as by ``>&-`` in a shell."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Each task writes to the descriptor 1 past Python, and starts a program that prints.
JUGFILE = """
    import os, subprocess
    from jug import TaskGenerator

    @TaskGenerator
    def work(i):
        os.write(1, b"written past Python\\n")
        subprocess.run(["echo", "printed"], check=True)
        return i

    out = [work(i) for i in range(3)]
"""

CLOSED = ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]


def shell(jug, command, closed):
    """Runs Python without some streams: its status, and what it printed to the others."""
    return subprocess.run(
        f"{sys.executable} {command} {closed}",
        shell=True,
        cwd=jug.folder,
        env=jug.env(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def is_untouched(jugdir):
    """Whether nothing that was printed stands in a file of the jugdir."""
    files = [path for path in jugdir.rglob("*") if path.is_file()]
    assert files
    return not any(b"written past Python" in path.read_bytes() for path in files)


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("options", ["", "-n 2"])
def test_execute_without_streams_does_its_work(jug, closed, options):
    jug.write(JUGFILE)
    done = shell(jug, f"-m jug execute --will-cite {options}", closed)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert jug("execute", "--will-cite", "--short").stdout.splitlines()[:2] == [
        "Executed:  0 tasks",
        "Loaded:  3 tasks",
    ]
    assert is_untouched(jug.folder / "jugfile.jugdata")


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("status", 0),
        ("status --cache", 0),
        ("status --watch", 0),
        ("check", 0),
        ("count", 0),
        ("failures", 0),
        ("graph", 0),
        ("invalidate --name work", 0),
        ("retry", 0),
        ("pack", 0),
        ("cleanup", 0),
        ("fsck", 0),
        ("shell", 0),
        ("--help", 0),
        ("nonsense", 2),
    ],
)
def test_no_command_minds_that_streams_are_closed(jug, command, status, closed):
    jug.write(JUGFILE)
    assert jug("execute", "--will-cite").returncode == 0
    done = shell(jug, f"-m jug {command}", closed)
    assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("n_workers", [None, 2])
def test_a_script_without_streams_does_its_work(jug, closed, n_workers):
    jug.write(
        JUGFILE
        + f"""
    import jug
    if __name__ == "__main__":
        jug.set_jugdir("jugdata")
        summary = jug.execute(n_workers={n_workers})
        open("shown", "w").write(repr(summary))
    """
    )
    done = shell(jug, "jugfile.py", closed)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert (jug.folder / "shown").read_text() == "ExecutionSummary(executed=3, loaded=0, failed=0)"
    assert is_untouched(jug.folder / "jugdata")
