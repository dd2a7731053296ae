"""What a holder knows of its lease, whatever else it does; and what becomes of the lease with it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jug.leases import open_lease
from jug.leases.native import FileLease, RedisLease
from tests.leases.conftest import Program
from tests.support.lease_servers import LeaseServer
from tests.support.missing import missing
from tests.support.mounts import bound
from tests.support.waiting import wait_for

Serve = Callable[[str], LeaseServer]

#: Holds the interpreter lock in C for three times to live, and says whether it has its lease after.
BUSY = """
import ctypes, sys
from jug.leases import open_lease
lease = open_lease(sys.argv[1], "nightly", ttl=float(sys.argv[2]))
assert lease.acquire()
print("held", flush=True)
for _ in range(30):
    ctypes.PyDLL(None).usleep(int(float(sys.argv[2]) * 100_000))
print(lease.is_held(), lease.release(), flush=True)
"""

#: Stops itself, and says first of all whether it has its lease.
PAUSED = """
import os, signal, sys
from jug.leases import open_lease
lease = open_lease(sys.argv[1], "nightly", ttl=float(sys.argv[2]))
assert lease.acquire()
print("held", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
print(lease.is_held(), lease.is_lost(), lease.release(), flush=True)
"""

#: Holds it until it is killed.
HELD = """
import sys, time
from jug.leases import open_lease
lease = open_lease(sys.argv[1], "nightly", ttl=float(sys.argv[2]))
assert lease.acquire()
print("held", flush=True)
time.sleep(600)
"""

#: Never comes back to Python, and says when it was to be killed after a loss.
STUCK = """
import ctypes, sys
from tests.support.missing import missing
from jug.leases import open_lease
lease = open_lease(sys.argv[1], "nightly", ttl=float(sys.argv[2]))
lease.kill_on_loss(0.3)
assert lease.acquire()
print("held", flush=True)
ctypes.PyDLL(None).sleep(600)
"""


@pytest.mark.parametrize("name", ["file", "shared-file", "redis"])
def test_a_task_that_holds_the_interpreter_keeps_its_lease(
    name: str, serve: Serve, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For three times to live nothing of Python runs there, and nobody else gets it."""
    server = serve(name)
    for variable in set(server.env) - set(os.environ):
        monkeypatch.setenv(variable, server.env[variable])
    holder = program(BUSY, server.url, server.ttl, server=server)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with open_lease(server.url, "nightly", ttl=server.ttl) as other:
        while holder.poll() is None:
            assert not other.acquire() or not other.is_held() or holder.wait(5) == 0
            time.sleep(0.05)
    assert holder.stdout.read() == "True True\n"


@pytest.mark.parametrize("name", ["file", "shared-file", "redis", "postgres", "etcd"])
def test_a_holder_that_was_paused_knows_at_once_whether_it_has_it(
    name: str, serve: Serve, program: Program
) -> None:
    """With a time to live it is lost; what the kernel or a connection holds is kept."""
    server = serve(name)
    holder = program(PAUSED, server.url, server.ttl, server=server)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    wait_for(lambda: Path(f"/proc/{holder.pid}/stat").read_text().split()[2] == "T", "the stop")
    time.sleep(server.ttl * 1.3)
    holder.send_signal(signal.SIGCONT)
    expected = "False True False" if server.forgets else "True False True"
    assert holder.communicate(timeout=60)[0].strip() == expected


def test_code_that_never_comes_back_is_killed_after_a_loss(serve: Serve, program: Program) -> None:
    """By a thread that needs no interpreter, and with a line that says why."""
    server = serve("redis")
    holder = program(STUCK, server.url, server.ttl)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    server.stop()
    output = holder.communicate(timeout=60)
    assert holder.returncode == -signal.SIGKILL
    assert output[1] == (
        'jug: error: the lease "nightly" was lost, and what needed it did not end within 0.3 s: killed\n'
    )


def test_a_process_that_tries_once_gets_what_a_dead_one_of_another_host_held(
    serve: Serve, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks as long as it takes to know that; a living holder is known as one at once."""
    monkeypatch.setenv("JUG_TEST_STRANGERS", "1")
    server = serve("shared-file")
    holder = program(HELD, server.url, server.ttl, server=server)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with open_lease(server.url, "nightly", ttl=server.ttl) as first:
        assert not first.acquire()
    holder.kill()
    holder.wait()
    with open_lease(server.url, "nightly", ttl=server.ttl) as second:
        assert second.acquire()


@pytest.mark.parametrize("name", ["file", "shared-file", "redis", "etcd"])
def test_without_a_heartbeat_it_ends_unless_it_is_refreshed(
    name: str, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the end of its time others can have it, and its holder knows."""
    server = serve(name)
    for variable in set(server.env) - set(os.environ):
        monkeypatch.setenv(variable, server.env[variable])
    with (
        open_lease(server.url, "nightly", ttl=server.ttl, heartbeat=False) as lease,
        open_lease(server.url, "nightly", ttl=server.ttl) as other,
    ):
        assert lease.acquire()
        began = time.monotonic()
        time.sleep(server.ttl * 0.7)
        assert lease.refresh()
        time.sleep(server.ttl * 0.6)
        assert lease.is_held()
        assert lease.wait_lost(60)
        assert time.monotonic() - began >= server.ttl * 1.6
        assert not lease.is_held()
        assert not lease.refresh()
        wait_for(other.acquire, "the lease")
        assert not lease.release()
        assert other.is_held()


def test_a_file_lease_whose_file_is_removed_is_lost(tmp_path: Path) -> None:
    """Others can lock a new file of that name: the holder is called, and says so."""
    lost: list[object] = []
    with FileLease(str(tmp_path / "leases"), "nightly") as lease:
        lease.on_loss(lost.append)
        assert lease.acquire()
        token = lease.token
        (tmp_path / "leases" / "nightly" / "lock").unlink()
        assert lease.wait_lost(60)
        wait_for(lambda: lost == [lease], "the call")
        assert not lease.is_held()
        assert lease.is_lost()
        assert lease.token == token
        assert not lease.release()
        assert lease.token is None


def test_each_loss_is_reported_also_while_the_report_of_the_last_one_goes_on(tmp_path: Path) -> None:
    """A thread that is about to end watches nobody: each time that it is got has one of its own."""
    lost: list[int | None] = []
    goes_on = threading.Event()
    with FileLease(str(tmp_path / "leases"), "nightly") as lease:
        lease.on_loss(lambda lease: (lost.append(lease.token), goes_on.wait(60)))
        for token in (1, 2):
            assert lease.acquire()
            (tmp_path / "leases" / "nightly" / "lock").unlink()
            wait_for(lambda token=token: lost[-1:] == [token], "the call")
            assert not lease.release()
        goes_on.set()
    assert lost == [1, 2]


def test_a_forked_child_holds_nothing_and_keeps_nothing(tmp_path: Path, serve: Serve) -> None:
    """It can neither use nor end its parent's leases, and one that outlives its parent does not keep them."""
    redis = serve("redis")
    made = [FileLease(str(tmp_path / "leases"), "nightly"), RedisLease(redis.url, "nightly")]
    for lease in made:
        assert lease.acquire()
    child = os.fork()
    if child == 0:
        is_right = not any(lease.is_held() or lease.release() or lease.refresh() for lease in made)
        for lease in made:
            lease.close()
        os._exit(0 if is_right else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert all(lease.is_held() for lease in made)
    # One that lives on.
    ends, begins = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(begins)
        os.read(ends, 1)
        os._exit(0)
    made[0].close()
    with FileLease(str(tmp_path / "leases"), "nightly") as other:
        assert other.acquire()
    os.close(begins)
    os.close(ends)
    os.waitpid(child, 0)
    made[1].close()


def test_a_child_of_a_killed_holder_does_not_keep_its_lease(tmp_path: Path, program: Program) -> None:
    """A fork that lives on has no lock."""
    source = HELD.replace("time.sleep(600)", "import os; os.fork(); time.sleep(600)")
    url = f"file://{tmp_path}/leases"
    holder = program(source, url, 20)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
    wait_for(lambda: children.read_text().strip(), "the fork")
    child = int(children.read_text())
    holder.kill()
    holder.wait()
    try:
        with open_lease(url, "nightly") as lease:
            assert lease.acquire()
    finally:
        os.kill(child, signal.SIGKILL)


def test_tokens_grow_although_the_server_lost_its_data(serve: Serve) -> None:
    """Without what it stored it gives a lease to a second holder, whose token is larger."""
    server = serve("redis")
    with (
        open_lease(server.url, "nightly", ttl=60) as first,
        open_lease(server.url, "nightly", ttl=60) as second,
    ):
        assert first.acquire()
        server.server.cli("FLUSHALL")  # type: ignore[attr-defined]
        assert second.acquire()
        assert first.token is not None
        assert second.token is not None
        assert second.token > first.token
        assert not first.refresh()
        assert not first.is_held()


@pytest.mark.parametrize("name", ["redis", "postgres", "etcd", "consul"])
def test_what_the_server_dropped_is_a_lost_lease(name: str, serve: Serve) -> None:
    """As by hand, or by a snapshot that was restored: its holder notices with the next heartbeat."""
    server = serve(name)
    with (
        open_lease(server.url, "nightly", ttl=server.ttl) as lease,
        open_lease(server.url, "nightly") as other,
    ):
        assert lease.acquire()
        token = lease.token
        assert token is not None
        server.drop()
        assert lease.wait_lost(60)
        assert not lease.is_held()
        wait_for(other.acquire, "the lease")
        assert other.token is not None
        assert other.token > token


@pytest.mark.parametrize("name", ["redis", "etcd"])
def test_the_time_counts_from_before_the_request(name: str, serve: Serve) -> None:
    """The server may have begun to count at any moment until its answer came, here after the request had
    waited."""
    server = serve(name)
    with open_lease(server.url, "nightly", ttl=20) as lease:
        server.signal(signal.SIGSTOP)
        threading.Timer(2, server.signal, [signal.SIGCONT]).start()
        assert lease.acquire()
        until = lease._tenure.until
        assert until is not None
        # Of the 20 s, those are gone for which the request waited.
        assert until - time.clock_gettime(time.CLOCK_BOOTTIME) < 19


@pytest.mark.parametrize("name", ["redis", "etcd", "consul"])
def test_a_holder_of_this_host_that_was_killed_is_not_waited_for(
    name: str, serve: Serve, program: Program
) -> None:
    """Who asks for the lease looks whether its process runs; the next one has it at once, and a living one
    keeps it."""
    server = serve(name)
    server.env.pop("JUG_TEST_STRANGERS")
    holder = program(HELD, server.url, 600, server=server)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with open_lease(server.url, "nightly", ttl=600) as lease:
        assert not lease.acquire()
        holder.kill()
        holder.wait()
        assert lease.acquire()
    assert server.left() == []


def test_a_directory_of_a_network_decides_by_itself_how_it_keeps_leases(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By links and heartbeats: two hosts, here two mounts by FUSE of one directory, exclude each other."""
    if shutil.which("bindfs") is None:
        missing("bindfs is not installed")
    monkeypatch.setenv("JUG_TEST_STRANGERS", "1")
    (tmp_path / "served").mkdir()
    with bound(tmp_path / "served", tmp_path / "one"), bound(tmp_path / "served", tmp_path / "other"):
        holder = program(HELD, f"file://{tmp_path}/one/leases", 2)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with FileLease(f"{tmp_path}/other/leases", "nightly", ttl=2) as lease:
            assert lease.ttl == 2
            assert not lease.acquire()
            owner = lease.owner()
            assert owner is not None
            assert owner["pid"] == holder.pid
            holder.kill()
            holder.wait()
            wait_for(lease.acquire, "the lease of the dead")
            assert lease.token == 2
