"""A launcher in a directory where the module `app` lies."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.jobslib.app import APP
from tests.jobslib.deeds import DEEDS
from tests.jobslib.locked import TASK
from tests.support.lease_servers import SERVERS, LeaseServer


class Launcher:
    """Runs ``python -m jug.jobslib.main`` with a settings module of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "app.py").write_text(APP)

    def settings(self, source: str) -> None:
        """Writes the settings module."""
        (self.folder / "settings.py").write_text(source)

    def environment(self, extra: dict[str, str]) -> dict[str, str]:
        """That of the tests, without what would be for a launcher."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("JOBSLIB_", "JUG_", "APP_"))}
        return {**kept, "COLUMNS": "100", **extra}

    def command(self, *words: str) -> list[str]:
        """The command line; with the settings module if there is one."""
        named = ["-s", "settings"] if (self.folder / "settings.py").exists() else []
        return [sys.executable, "-m", "jug.jobslib.main", *named, *words]

    def __call__(self, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Runs it to its end, with these variables in its environment."""
        return self.run(self.command(*words), **extra)

    def run(self, command: list[str], **extra: str) -> subprocess.CompletedProcess[str]:
        """Runs any command there."""
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(extra),
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def start(self, *words: str, **extra: str) -> subprocess.Popen[str]:
        """Starts it."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """One with a lock that is none."""
    made = Launcher(tmp_path)
    made.settings("ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n")
    return made


@pytest.fixture
def error_of(launcher: Launcher) -> Callable[..., tuple[int, str]]:
    """The exit status and the one line of an error, with the source of the settings module."""

    def run(settings: str, *words: str, **extra: str) -> tuple[int, str]:
        lock = "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"
        launcher.settings(f"{lock}{settings}")
        done = launcher(*words, **extra)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.returncode, done.stderr.strip()

    return run


@pytest.fixture
def here(launcher):
    """A launcher of tasks that hold the lock."""
    (launcher.folder / "deeds.py").write_text(DEEDS)
    (launcher.folder / "holds.py").write_text(TASK)
    return launcher


@pytest.fixture
def serve(tmp_path):
    """Starts what keeps leases."""
    started = []

    def start(name: str) -> LeaseServer:
        server = SERVERS[name](tmp_path / "server")
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
