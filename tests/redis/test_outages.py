"""A redis server that goes away, comes back, is full, refuses, or is not what it should be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.redis_jug import RedisJug, finish
from tests.support.redis_server import RedisServer, free_port
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for

Start = Callable[..., RedisServer]

#: Tasks that a test lets go one by one.
STEPS = """
    @TaskGenerator
    def gated(x):
        note(f'begin{x}')
        while not os.path.exists(f'go{x}'):
            time.sleep(0.01)
        return x
"""


def one_line(process: subprocess.CompletedProcess[str]) -> str:
    """The single line that a command complained with, after which it ended with status 1."""
    assert process.returncode == 1, process.stderr
    lines = process.stderr.strip().splitlines()
    assert len(lines) == 1, process.stderr
    return lines[0]


def last_line(text: str) -> str:
    """The line with which a command ended."""
    assert "Traceback" not in text, text
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["shutdown", "kill -9"])
def test_what_was_computed_while_the_server_was_away_is_stored_when_it_is_back(
    jug: Jug, own_redis: Start, how: int
) -> None:
    server = own_redis("--appendonly", "yes")
    jug = RedisJug(jug, server)
    jug.write(COUNTED + STEPS + "    total([gated(i) for i in range(3)])\n")
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["begin0"], "the first task")
    (jug.folder / "go0").touch()
    wait_for(lambda: ran(jug.folder)["begin1"], "the second task")
    before = server.cli("HLEN", "jug-rs:1:results")
    server.stop(how)
    (jug.folder / "go1").touch()
    (jug.folder / "go2").touch()
    time.sleep(0.5)
    server.start()
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    warnings = err.strip().splitlines()
    assert "cannot be reached" in warnings[0]
    assert "trying again for 60 s" in warnings[0]
    assert "answers again" in warnings[1]
    assert "Traceback" not in err
    assert before == "1"
    assert ran(jug.folder) == {"begin0": 1, "begin1": 1, "begin2": 1, "total": 1}
    assert jug.short() == "All tasks complete (4 tasks)."


def test_a_server_that_forgets_everything_has_everything_computed_again(jug: Jug, own_redis: Start) -> None:
    server = own_redis()
    jug = RedisJug(jug, server)
    jug.write(COUNTED + STEPS + "    total([step(1), step(2), gated(0)])\n")
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["begin0"], "the gated task")
    server.stop(signal.SIGKILL)
    server.start()
    (jug.folder / "go0").touch()
    finish(worker)
    assert jug.short() == "All tasks complete (4 tasks)."
    # The claim was forgotten too; what ran under it is stored all the same.
    assert ran(jug.folder) == {"1": 2, "2": 2, "begin0": 1, "total": 1}


def test_a_server_that_stays_away_ends_the_worker_with_one_line(jug: Jug, own_redis: Start) -> None:
    server = own_redis()
    jug = RedisJug(jug, server)
    jug.options = "?retry=1"
    jug.write(COUNTED + STEPS + "    gated(0)\n")
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["begin0"], "the task")
    server.stop(signal.SIGKILL)
    (jug.folder / "go0").touch()
    _, err = worker.communicate(timeout=30)
    assert worker.returncode == 1
    assert "cannot be reached" in last_line(err)
    assert "what was stored before is safe" in last_line(err)


def test_a_waiting_worker_outlasts_a_restart_and_wakes(jug: Jug, own_redis: Start) -> None:
    server = own_redis("--appendonly", "yes")
    jug = RedisJug(jug, server)
    jug.write(COUNTED + STEPS + "    total([gated(0)])\n")
    workers = [jug.start("execute", "--will-cite", "--wait-cycle-time", "600") for _ in range(2)]
    wait_for(lambda: ran(jug.folder)["begin0"], "the task")
    time.sleep(0.5)
    server.stop(signal.SIGKILL)
    server.start()
    time.sleep(0.5)
    (jug.folder / "go0").touch()
    finish(*workers)
    assert ran(jug.folder) == {"begin0": 1, "total": 1}


def test_workers_outlast_a_server_that_is_killed_again_and_again(jug: Jug, own_redis: Start) -> None:
    server = own_redis("--appendonly", "yes")
    jug = RedisJug(jug, server)
    jug.write(COUNTED + "    total([step(i, 0.02) for i in range(200)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(2)]
    # A server that is not there when a command begins ends the command at once.
    wait_for(lambda: len(server.cli("KEYS", "jug-rs:1:alive:*").split()) == 2, "both workers")
    for _ in range(3):
        time.sleep(0.4)
        server.stop(signal.SIGKILL)
        server.start()
    finish(*workers)
    assert jug.short() == "All tasks complete (201 tasks)."
    assert set(ran(jug.folder).values()) == {1}


def test_connections_that_are_cut_are_made_again_without_a_word(jug: Jug, own_redis: Start) -> None:
    server = own_redis()
    jug = RedisJug(jug, server)
    jug.write(COUNTED + "    total([step(i, 0.01) for i in range(150)])\n")
    worker = jug.start("execute", "--will-cite")
    for _ in range(10):
        time.sleep(0.1)
        server.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert err == ""
    assert set(ran(jug.folder).values()) == {1}


def test_ctrl_c_ends_the_waiting_for_a_server(jug: Jug, own_redis: Start) -> None:
    server = own_redis()
    jug = RedisJug(jug, server)
    jug.write(COUNTED + STEPS + "    gated(0)\n")
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["begin0"], "the task")
    server.stop(signal.SIGKILL)
    (jug.folder / "go0").touch()
    time.sleep(0.5)
    worker.send_signal(signal.SIGINT)
    _, err = worker.communicate(timeout=30)
    assert worker.returncode == 1
    assert "cannot be reached" in last_line(err)


def test_no_server(jug: Jug) -> None:
    jug.write(COUNTED + "    step(1)\n")
    line = one_line(jug("execute", "--jugdir", f"redis://127.0.0.1:{free_port()}"))
    assert "cannot be reached (Connection refused)" in line
    assert "redis://127.0.0.1" in line


def test_a_server_of_another_kind(jug: Jug) -> None:
    jug.write(COUNTED + "    step(1)\n")
    port = free_port()
    other = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: _listens(port), "the server")
        line = one_line(jug("status", "--jugdir", f"redis://127.0.0.1:{port}"))
    finally:
        other.kill()
        other.wait()
    assert "no redis server" in line or "cannot be reached" in line


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_passwords_and_users(jug: Jug, own_redis: Start) -> None:
    server = own_redis()
    server.cli("ACL", "SETUSER", "ann", "on", ">p%w", "~*", "&*", "+@all")
    server.cli("CONFIG", "SET", "requirepass", "se:cr@t")
    jug.write(COUNTED + "    step(1)\n")
    place = f"127.0.0.1:{server.port}"
    assert jug("execute", "--jugdir", f"redis://:se%%3Acr%%40t@{place}").returncode == 0
    assert jug("check", "--jugdir", f"redis://ann:p%%25w@{place}").returncode == 0
    assert "requires a password" in one_line(jug("status", "--jugdir", f"redis://{place}"))
    for wrong in ("redis://:no@", "redis://ann:no@", "redis://bob:no@"):
        line = one_line(jug("status", "--jugdir", wrong + place))
        assert "does not accept the user or password" in line
        assert ":no@" not in line


def test_a_database_that_does_not_exist(jug: Jug, redis_server: RedisServer) -> None:
    jug.write(COUNTED + "    step(1)\n")
    line = one_line(jug("execute", "--jugdir", redis_server.url + "/999"))
    assert "/999 has no database of that number" in line


def test_keys_of_another_program_under_our_names(jug: Jug, redis_server: RedisServer) -> None:
    redis_server.cli("SET", "jug-rs:1:results", "a text")
    jug.write(COUNTED + "    step(1)\n")
    assert "use another database" in one_line(jug("execute", "--jugdir", redis_server.url))
    assert redis_server.cli("GET", "jug-rs:1:results") == "a text"


def test_a_server_without_memory_is_reported_and_tried_again(jug: Jug, own_redis: Start) -> None:
    server = own_redis("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    jug = RedisJug(jug, server)
    jug.options = "?retry=1"
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def large(x):
        note(x)
        return os.urandom(4_000_000)
    step(1)
    large('large')
"""
    )
    once = jug("execute", "--will-cite")
    assert once.returncode == 1
    assert "has no memory left (maxmemory)" in last_line(once.stderr)
    server.cli("CONFIG", "SET", "maxmemory", "100mb")
    assert jug("execute", "--will-cite").returncode == 0
    assert ran(jug.folder)["1"] == 1


def test_a_server_that_may_throw_results_away_is_reported(jug: Jug, own_redis: Start) -> None:
    server = own_redis("--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru")
    jug.write(COUNTED + "    step(1)\n")
    assert "maxmemory-policy allkeys-lru" in jug("status", "--jugdir", server.url).stderr


def test_a_replica_can_be_read_and_not_written(jug: Jug, own_redis: Start) -> None:
    primary = own_redis()
    replica = own_redis("--replicaof", f"127.0.0.1 {primary.port}")
    jug.write(COUNTED + "    step(1)\n    step(2)\n")
    assert jug("execute", "--jugdir", primary.url).returncode == 0
    wait_for(lambda: replica.cli("HLEN", "jug-rs:1:results") == "2", "the replica")
    assert jug("check", "--jugdir", replica.url).returncode == 0
    assert jug("status", "--short", "--jugdir", replica.url).stdout.startswith("All tasks complete")
    jug.write(COUNTED + "    step(1)\n    step(3)\n")
    refused = jug("execute", "--jugdir", replica.url + "?retry=0.5")
    assert refused.returncode == 1
    assert "read-only replica: name the primary" in last_line(refused.stderr)


def test_a_server_that_still_loads_its_data_is_waited_for(jug: Jug, own_redis: Start) -> None:
    server = own_redis("--appendonly", "yes", "--enable-debug-command", "yes")
    jug = RedisJug(jug, server)
    jug.write(COUNTED + "    for i in range(300):\n        step(i)\n")
    assert jug("execute", "--will-cite").returncode == 0
    server.cli("CONFIG", "SET", "key-load-delay", "3000")
    server.cli("CONFIG", "SET", "loading-process-events-interval-bytes", "1024")
    loading = subprocess.Popen(["redis-cli", "-p", str(server.port), "DEBUG", "LOADAOF"])
    time.sleep(0.2)
    checked = jug("check")
    loading.wait()
    assert checked.returncode == 0, checked.stderr


def test_with_tls_the_certificate_is_checked(jug: Jug, own_redis: Start, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    port = free_port()
    tls = ("--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key))
    server = own_redis(*tls, "--tls-auth-clients", "no")
    jug.write(COUNTED + "    total([step(i) for i in range(50)])\n")
    place = f"rediss://localhost:{port}"
    trusting = {"SSL_CERT_FILE": str(certificate)}
    done = jug("execute", "--will-cite", "--jugdir", place, env=trusting)
    assert done.returncode == 0, done.stderr
    assert jug("check", "--jugdir", server.url).returncode == 0
    line = one_line(jug("check", "--jugdir", place, env={"SSL_CERT_FILE": os.devnull}))
    assert "certificate" in line
