"""Fixtures of these tests: servers, each for one test, and programs that hold leases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.lease_servers import SERVERS, LeaseServer

Program = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], LeaseServer]]:
    """Starts what keeps leases, by its name."""
    started = []

    def start(name: str) -> LeaseServer:
        server = SERVERS[name](tmp_path / name)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    """Starts a program; it is killed when the test ends."""
    started = []

    def start(source: str, *words: object, server: LeaseServer | None = None) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", source, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=server.env if server else None,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
