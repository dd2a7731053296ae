"""The command `jug` in a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path


def heed_signals() -> None:
    """Lets processes that this one starts end by Ctrl-C, and by SIGHUP.

    A shell that runs a command in the background ignores SIGINT, nohup ignores SIGHUP, and every process
    below inherits that. It does not inherit handlers: under nohup this process goes on as before.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


class Jug:
    """Runs the ``jug`` command in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, source: str, name: str = "jugfile.py") -> Path:
        """Writes a jugfile."""
        path = self.folder / name
        path.write_text(textwrap.dedent(source))
        return path

    def env(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """An environment without anything of the user's."""
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("JUG_") and k != "COLUMNS"},
            "HOME": str(self.folder),
            **(extra or {}),
        }

    def __call__(
        self, *args: str, env: dict[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Runs ``jug ARGS`` to its end."""
        return subprocess.run(
            [sys.executable, "-m", "jug", *args],
            cwd=self.folder,
            env=self.env(env),
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def start(self, *args: str, env: dict[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts ``jug ARGS`` and returns at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "jug", *args],
            cwd=self.folder,
            env=self.env(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def python(self, source: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a piece of Python in the directory."""
        return self.run_python("-c", textwrap.dedent(source), timeout=timeout)

    def run_python(self, *args: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs ``python ARGS`` in the directory."""
        return subprocess.run(
            [sys.executable, *args],
            cwd=self.folder,
            env=self.env(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
