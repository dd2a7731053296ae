"""What tests of ``jug.execute`` share: scripts that are run as users run them."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from tests.supervisor.conftest import processes_below

BEGIN = """
    import ctypes, json, os, signal, subprocess, sys, time
    import jug
    from jug import TaskGenerator

    def note(i):
        with open(f"ran.{i}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")

    def show(**shown):
        with open("shown", "w") as file:
            json.dump(shown, file)

    def counted(summary):
        return {
            "executed": summary.executed.total(),
            "loaded": summary.loaded.total(),
            "failed": summary.failed.total(),
            "unfinished": summary.unfinished.total(),
        }
"""


class Script:
    """Runs Python in the directory of a `Jug`."""

    def __init__(self, jug):
        self.folder = jug.folder
        self._jug = jug

    def start(self, source, *, name="script.py", begin=BEGIN):
        """Starts a script, and returns at once."""
        self._jug.write(textwrap.dedent(begin) + textwrap.dedent(source), name)
        return subprocess.Popen(
            [sys.executable, name],
            cwd=self.folder,
            env=self._jug.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def __call__(self, source, *, status=0, **options):
        """Runs a script to its end: what it printed to stdout and stderr."""
        process = self.start(source, **options)
        out, err = process.communicate(timeout=120)
        assert process.returncode == status, err
        return out, err

    def shown(self):
        """What it showed last."""
        return json.loads((self.folder / "shown").read_text())

    def ran(self):
        """Which tasks were run, and in which processes."""
        return {path.suffix[1:]: path.read_text().split() for path in self.folder.glob("ran.*")}

    def times_run(self):
        """How often each task was run."""
        return {name: len(pids) for name, pids in self.ran().items()}


@pytest.fixture
def script(jug):
    """Runs scripts."""
    return Script(jug)


@pytest.fixture
def left(jug):
    """What processes are left in the directory of the script."""
    return lambda: processes_below(jug.folder)
