"""A real redis-server for tests: on a free port, with its data in a directory of its own."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class RedisServer:
    """A server that can be stopped, killed and started again on the same port and with the same data.

    Parameters
    ----------
    folder : Path
        For its data and its log.
    *options : str
        For the command line of redis-server, such as ``"--requirepass", "secret"``.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        if shutil.which("redis-server") is None:
            pytest.skip("there is no redis-server")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Starts the server; returns when it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        command += ["--save", "", *self.options, *options]
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None, (self.folder / "log.txt").read_text()
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def answers(self) -> bool:
        """Whether something listens on the port."""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def stop(self, how: int = signal.SIGTERM) -> None:
        """Ends the server with a signal."""
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait()
            self.process = None

    def cli(self, *words: str, db: int = 0) -> str:
        """What the server answers to a command."""
        command = ["redis-cli", "-p", str(self.port), "-n", str(db), *words]
        done = subprocess.run(command, capture_output=True, timeout=30, check=True)
        return done.stdout.decode(errors="backslashreplace").strip()

    def calls(self) -> dict[str, int]:
        """How often each command was called since ``CONFIG RESETSTAT``; those inside scripts count too."""
        found = {}
        for line in self.cli("INFO", "commandstats").splitlines():
            name, _, rest = line.partition(":calls=")
            if rest:
                found[name.removeprefix("cmdstat_")] = int(rest.partition(",")[0])
        return found
