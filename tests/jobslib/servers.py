"""Servers for metrics, as real programs on loopback."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.missing import missing
from tests.support.redis_server import free_port
from tests.support.waiting import wait_for

__all__ = ["Influx", "Pushgateway", "get"]


def get(url: str) -> bytes:
    """What is answered there."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return bytes(answer.read())


class Server:
    """A program that listens on a port, and can be stopped and started again with what it has stored."""

    program = ""
    probe = ""

    def __init__(self, folder: Path) -> None:
        if shutil.which(self.program) is None:
            missing(f"there is no {self.program}")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What is run."""
        raise NotImplementedError

    def start(self) -> None:
        """Starts it; returns when it answers."""
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(self._answers, f"an answer of {self.program}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        with contextlib.suppress(OSError):
            get(f"http://127.0.0.1:{self.port}{self.probe}")
            return True
        return False

    def stop(self) -> None:
        """Ends it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()
            self.process = None


class Influx(Server):
    """InfluxDB 1 with a user and a database."""

    program = "influxd"
    probe = "/ping"

    def command(self) -> list[str]:
        """As above."""
        other = free_port()
        config = self.folder / "influx.conf"
        config.write_text(
            f"""
reporting-disabled = true
bind-address = "127.0.0.1:{other}"
[meta]
  dir = "{self.folder}/meta"
[data]
  dir = "{self.folder}/data"
  wal-dir = "{self.folder}/wal"
[http]
  bind-address = "127.0.0.1:{self.port}"
  auth-enabled = true
"""
        )
        return ["influxd", "-config", str(config)]

    def query(self, text: str, login: str = "u=me&p=se%2Bcret") -> Any:
        """The series that a query finds."""
        words = urllib.parse.urlencode({"q": text, "db": "jobs"})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/query?{login}&{words}", data=b"")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["results"][0].get("series", [])

    def create(self) -> None:
        """Makes the user ``me`` with the password ``se+cret``, and the database ``jobs``."""
        self.query("CREATE USER me WITH PASSWORD 'se+cret' WITH ALL PRIVILEGES", login="")
        self.query("CREATE DATABASE jobs")


class Pushgateway(Server):
    """A Pushgateway of Prometheus."""

    program = "prometheus-pushgateway"
    probe = "/-/ready"

    def command(self) -> list[str]:
        """As above."""
        return ["prometheus-pushgateway", f"--web.listen-address=127.0.0.1:{self.port}"]
