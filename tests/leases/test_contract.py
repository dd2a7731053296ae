"""What every lease promises, on each of its real servers: three processes on one name, kills, pauses,
outages."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from jug.leases import Lease, open_lease
from tests.support.lease_rounds import Report, overlaps, run_outage, run_rounds
from tests.support.lease_servers import SERVERS, LeaseServer

#: How many rounds there are, and how many where each takes long. By hand: JUG_TEST_LEASE_ROUNDS=200.
ROUNDS = int(os.environ.get("JUG_TEST_LEASE_ROUNDS", "30"))
FEW = {"consul": 5}


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LeaseServer]:
    """A server that runs for the tests of this module."""
    server = SERVERS[request.param](tmp_path_factory.mktemp(request.param))
    server.start()
    yield server
    server.stop()


def leases(server: LeaseServer, monkeypatch: pytest.MonkeyPatch, count: int = 2) -> list[Lease]:
    """Several objects for one name, as other processes would have them."""
    if "JUG_TEST_STRANGERS" in server.env:
        monkeypatch.setenv("JUG_TEST_STRANGERS", "1")
    return [open_lease(server.url, "nightly", ttl=server.ttl) for _ in range(count)]


#: What runs on one server, by the names of the server and of what runs.
Reports = dict[tuple[str, str], Future[Report]]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reports]:
    """What takes long, on all servers at the same time: most of it is waiting."""
    with ThreadPoolExecutor(2 * len(SERVERS)) as pool:
        yield {
            (name, act.__name__): pool.submit(on_server, name, act, tmp_path_factory.mktemp(name))
            for name in SERVERS
            for act in (rounds, outage)
            if act is rounds or not name.endswith("file")
        }


def on_server(name: str, act: Callable[[LeaseServer, Path, int], Report], folder: Path) -> Report:
    """What becomes of an act on a server of its own."""
    server = SERVERS[name](folder / "server")
    server.start()
    try:
        return act(server, folder, min(FEW.get(name, ROUNDS), ROUNDS))
    finally:
        server.stop()


def rounds(server: LeaseServer, folder: Path, count: int) -> Report:
    """Kills and pauses."""
    return run_rounds(server, folder, count, seed=7)


def outage(server: LeaseServer, folder: Path, count: int) -> Report:
    """The server is away for 5 s."""
    return run_outage(server, folder, 5)


@pytest.mark.parametrize("name", SERVERS)
def test_never_two_have_it_and_a_killed_holder_makes_room(name: str, reports: Reports) -> None:
    """Each token is that of one process, and nobody uses it after a larger one came, but for the very moment
    of a
    pause. Nothing is left on the server."""
    report = reports[name, "rounds"].result()
    shared, stale = overlaps(report.uses)
    assert shared == {}
    assert len(stale) <= report.paused, (stale, report.log)
    assert min(report.took) <= SERVERS[name].freed_after, report.log
    assert ("lost" in report.log) == SERVERS[name].forgets, report.log
    assert report.left == []


def test_one_of_two_has_it_and_says_who_it_is(server: LeaseServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its owner can be read by others, and the next token is larger."""
    first, second = leases(server, monkeypatch)
    with first, second:
        assert first.owner() is None
        assert first.acquire()
        token = first.token
        assert not second.acquire()
        assert not first.acquire()
        assert first.is_held()
        assert not second.is_held()
        assert second.token is None
        owner = second.owner()
        assert owner is not None
        assert owner["pid"] == os.getpid()
        assert set(owner) == {"fqdn", "pid", "timestamp", "time_utc", "time_local"}
        assert first.refresh()
        assert not second.refresh()
        assert not second.release()
        assert first.release()
        assert not first.release()
        assert second.acquire()
        assert token is not None
        assert second.token is not None
        assert second.token > token
        assert second.release()
        assert first.owner() is None
    assert server.left() == []


def test_it_is_kept_longer_than_its_time_to_live(
    server: LeaseServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread renews it."""
    first, second = leases(server, monkeypatch)
    with first, second:
        assert first.acquire()
        end = time.monotonic() + server.ttl * 1.3
        while time.monotonic() < end:
            assert not second.acquire()
            time.sleep(0.1)
        assert first.is_held()
        assert not first.is_lost()


@pytest.mark.parametrize("name", [name for name in SERVERS if not name.endswith("file")])
def test_nobody_has_it_at_the_same_time_while_the_server_is_away(name: str, reports: Reports) -> None:
    """Who has it keeps it until its time is over, or loses it; afterwards it goes on."""
    report = reports[name, "outage"].result()
    assert overlaps(report.uses) == ({}, [])
    assert report.left == []
