"""Fixtures that many tests share: a clean jug, and jugfiles run by real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support.command import Jug, heed_signals
from tests.support.permission import NotPermitted
from tests.support.redis_server import RedisServer


@pytest.fixture(scope="session", autouse=True)
def signals() -> None:
    """What tests start ends by the signals that they send it, however the tests were started."""
    heed_signals()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI everything that a test needs is installed: a test that is skipped there failed.

    Only what the machine forbids cannot be installed.
    """
    report = yield
    forbidden = call.excinfo is not None and isinstance(call.excinfo.value, NotPermitted)
    if report.skipped and os.environ.get("CI") and not forbidden:
        report.outcome = "failed"
        report.longrepr = f"skipped, although CI is set: {report.longrepr}"
    return report


@pytest.fixture
def jug_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh working directory, and jug without tasks, hooks or an open store."""
    from jug import hooks, task

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    before, alltasks = task.Task.store, task.alltasks
    del alltasks[:]
    hooks.reset_all_hooks()
    yield tmp_path
    # A test may have put another list in its place.
    task.alltasks = alltasks
    del alltasks[:]
    hooks.reset_all_hooks()
    if task.Task.store is not None and task.Task.store is not before:
        task.Task.store.close()
    task.Task.store = before


@pytest.fixture
def jug(tmp_path: Path) -> Jug:
    """The ``jug`` command in a fresh directory."""
    return Jug(tmp_path)


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server that all tests share which do it no harm."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """An empty redis-server."""
    shared_redis.cli("FLUSHALL")
    return shared_redis


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts redis-servers that a test may stop, with options of its own."""
    started = []

    def start(*options: str) -> RedisServer:
        server = RedisServer(tmp_path / f"redis-{len(started)}", *options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop(signal.SIGKILL)
