"""What keeps leases, as real servers on loopback and directories: one class each, with the same methods."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import weakref
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.consul_package import consul_binary
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import wait_for


class LeaseServer:
    """What keeps leases.

    Attributes
    ----------
    ttl : float
        The time to live that tests ask for, in seconds.
    freed_after : float
        Within how many seconds after a kill of its holder somebody else has a lease, if the machine has the
        time.
    forgets : bool
        Whether a holder that is paused longer than `ttl` loses the lease.
    """

    ttl = 1.0
    freed_after = 1.0
    forgets = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Each process is as if on a host of its own, where heartbeats tell whether it lives.
        self.env = {**os.environ, **({"JUG_TEST_STRANGERS": "1"} if self.forgets else {})}
        self.url = ""

    def start(self) -> None:
        """Starts it with what it had stored; returns when it answers."""

    def stop(self) -> None:
        """Ends it; it keeps what it stored."""

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        raise NotImplementedError

    def drop(self) -> None:
        """Takes the lease `nightly` from its holder, as an administrator would."""
        raise NotImplementedError

    def left(self) -> list[str]:
        """What leases left there that is not to be there while nobody holds or asks for one."""
        raise NotImplementedError


class Directory(LeaseServer):
    """A directory that one host uses: the lock of a file."""

    forgets = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.url = f"file://{folder}"

    def left(self) -> list[str]:
        """Workers and claims."""
        names = [path for path in self.folder.rglob("*") if {"workers", "claims"} & set(path.parts[:-1])]
        # Workers that were killed leave a mark of that, empty and for all of them.
        return [str(path) for path in names if path.is_file() and path.name != "lost"]


class SharedDirectory(Directory):
    """A directory as several hosts use it: links and heartbeats, each process as if on a host of its own."""

    ttl = 2.0
    freed_after = 3.0
    forgets = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        make = (
            "import sys; from jug.leases.native import FileLease\n"
            "with FileLease(sys.argv[1], 'nightly', ttl=float(sys.argv[2]), claims='link') as lease:\n"
            "    assert lease.acquire()"
        )
        subprocess.run([sys.executable, "-c", make, folder, str(self.ttl)], check=True)


class Redis(LeaseServer):
    """A redis-server that stores each change."""

    ttl = 1.5
    freed_after = 2.5

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.server = RedisServer(folder, "--appendonly", "yes", "--appendfsync", "always")
        self.url = self.server.url

    def start(self) -> None:
        """As above."""
        self.server.start()

    def stop(self) -> None:
        """As above."""
        self.server.stop()

    def signal(self, number: int) -> None:
        """As above."""
        assert self.server.process is not None
        self.server.process.send_signal(number)

    def drop(self) -> None:
        """As above."""
        self.server.cli("DEL", "jug-rs:1:lease:nightly")

    def left(self) -> list[str]:
        """All keys but the last token, which has to stay."""
        return [key for key in self.server.cli("KEYS", "*").split() if key != "jug-rs:1:lease-token"]


class Program(LeaseServer):
    """A program that listens on a port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str | Path]:
        """What is run."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Whether it answers."""
        raise NotImplementedError

    def start(self) -> None:
        """As above."""
        with open(self.folder / "log.txt", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/"
            )
        wait_for(self._answers, f"an answer of {self.command()[0]}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log.txt").read_text()
        with contextlib.suppress(OSError, psycopg.Error):
            return self.is_ready()
        return False

    def stop(self) -> None:
        """As above."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None

    def signal(self, number: int) -> None:
        """As above."""
        assert self.process is not None
        self.process.send_signal(number)


class Postgres(Program):
    """A cluster of PostgreSQL, run as another user where this is root."""

    # A machine that is busy may take a third of that for an answer.
    ttl = 3.0
    forgets = False

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.programs = _postgres_programs()
        # Where another user can come to; pytest closes its own folders to others again and again.
        home = Path(tempfile.mkdtemp(prefix="jug-postgres-"))
        weakref.finalize(self, shutil.rmtree, home, ignore_errors=True)
        self.data = home / "data"
        self.url = f"postgresql://jug:secret@127.0.0.1:{self.port}/postgres"
        secret = home / "password"
        secret.write_text("secret")
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
            shutil.chown(secret, "postgres", "postgres")
        self.run("initdb", "-D", self.data, "-U", "jug", "-A", "scram-sha-256", f"--pwfile={secret}", "-N")

    def run(self, name: str, *options: str | Path) -> None:
        """Runs a program of PostgreSQL."""
        subprocess.run(
            [*self.as_user(), self.programs / name, *options], check=True, stdout=subprocess.DEVNULL
        )

    def as_user(self) -> list[str]:
        """What makes a command one of the user of the server."""
        if os.geteuid() != 0:
            return []
        user = pwd.getpwnam("postgres")
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def command(self) -> list[str | Path]:
        """As above."""
        options = [
            "-c",
            "unix_socket_directories=",
            "-c",
            "fsync=off",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return [*self.as_user(), self.programs / "postgres", "-D", self.data, *options]

    def is_ready(self) -> bool:
        """As above."""
        psycopg.connect(self.url, connect_timeout=5).close()
        return True

    def drop(self) -> None:
        """As above."""
        query = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        with psycopg.connect(self.url) as connection:
            connection.execute(query)

    def left(self) -> list[str]:
        """Locks and connections of leases."""
        query = (
            "SELECT locktype FROM pg_locks WHERE locktype = 'advisory' UNION ALL "
            "SELECT query FROM pg_stat_activity WHERE application_name = 'jug-lease'"
        )
        # In one transaction it would be one and the same look.
        with psycopg.connect(self.url, autocommit=True) as connection:
            # A backend ends a moment after its client.
            for _ in range(200):
                found = [str(row[0]) for row in connection.execute(query)]
                if not found:
                    break
                connection.execute("SELECT pg_sleep(0.01)")
        return found


class Etcd(Program):
    """A cluster of one etcd."""

    ttl = 2.0
    freed_after = 3.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        if shutil.which("etcd") is None:
            pytest.skip("there is no etcd")
        self.url = f"etcd://127.0.0.1:{self.port}"
        self.peer = f"http://127.0.0.1:{free_port()}"

    def command(self) -> list[str | Path]:
        """As above."""
        here = f"http://127.0.0.1:{self.port}"
        options = ["--data-dir", str(self.folder / "data"), "--listen-client-urls", here]
        options += ["--advertise-client-urls", here, "--listen-peer-urls", self.peer]
        options += ["--initial-advertise-peer-urls", self.peer, "--initial-cluster", f"default={self.peer}"]
        return ["etcd", *options, "--unsafe-no-fsync"] if _has_no_fsync() else ["etcd", *options]

    def post(self, path: str, **question: object) -> dict[str, Any]:
        """Asks it."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v3/{path}", json.dumps(question).encode()
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return dict(json.load(answer))

    def is_ready(self) -> bool:
        """As above."""
        return "header" in self.post("kv/range", key="AA==")

    def drop(self) -> None:
        """As above: the key, and not the lease of the server."""
        self.post("kv/deleterange", key=base64.b64encode(b"jug-lease/nightly").decode())

    def left(self) -> list[str]:
        """Keys and leases."""
        keys = self.post("kv/range", key="AA==", range_end="AA==").get("kvs", [])
        return [*map(str, keys), *map(str, self.post("lease/leases").get("leases", []))]


class Consul(Program):
    """A Consul agent that stores what it has."""

    ttl = 10.0
    freed_after = 21.0

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.binary = consul_binary()
        self.url = f"consul://127.0.0.1:{self.port}"
        ports = {"http": self.port, "dns": -1, "grpc": -1, "server": free_port()}
        ports |= {"serf_lan": free_port(), "serf_wan": -1}
        options = {"ports": ports, "performance": {"raft_multiplier": 1}, "disable_update_check": True}
        (folder / "options.json").write_text(json.dumps(options))

    def command(self) -> list[str | Path]:
        """As above."""
        options = ["-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-client=127.0.0.1"]
        options += [f"-data-dir={self.folder / 'data'}", f"-config-file={self.folder / 'options.json'}"]
        return [self.binary, "agent", *options]

    def get(self, path: str) -> Any:
        """Asks it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/{path}", timeout=5) as answer:
            return json.load(answer)

    def is_ready(self) -> bool:
        """As above."""
        # Sessions hang on its check of itself, which comes after it has a leader.
        return any(check["CheckID"] == "serfHealth" for check in self.get("health/state/passing"))

    def drop(self) -> None:
        """As above."""
        session = self.get("session/list")[0]["ID"]
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/session/destroy/{session}", method="PUT"
        )
        urllib.request.urlopen(request, timeout=5).close()

    def left(self) -> list[str]:
        """Sessions and keys."""
        with contextlib.suppress(urllib.error.HTTPError):
            return [*map(str, self.get("session/list")), *map(str, self.get("kv/?keys"))]
        return [str(session) for session in self.get("session/list")]


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("there is no PostgreSQL")
    return found[-1].parent


@functools.cache
def _has_no_fsync() -> bool:
    done = subprocess.run(["etcd", "--help"], capture_output=True, text=True, check=False)
    return "--unsafe-no-fsync" in done.stdout + done.stderr


SERVERS: dict[str, type[LeaseServer]] = {
    "file": Directory,
    "shared-file": SharedDirectory,
    "redis": Redis,
    "postgres": Postgres,
    "etcd": Etcd,
    "consul": Consul,
}
