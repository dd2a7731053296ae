"""What cannot be: one line that says what is wrong and what can be, and never a password."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.leases import open_lease
from jug.leases.native import FileLease
from tests.support.lease_servers import LeaseServer, Postgres
from tests.support.missing import missing
from tests.support.mounts import mounted
from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import wait_for

Serve = Callable[[str], LeaseServer]


def refusal(url: str, name: str = "nightly", ttl: float | None = None) -> str:
    """What is said of a lease that cannot be asked for."""
    with pytest.raises((UserError, ConnectionError)) as caught, open_lease(url, name, ttl=ttl) as lease:
        lease.acquire()
    message = str(caught.value)
    assert "\n" not in message
    assert "geheim" not in message
    assert "geheim" not in repr(caught.value)
    return message


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "nothing keeps leases at 'nonsense'"),
        ("mysql://u:geheim@h/db", "nothing keeps leases at 'mysql://h/db'"),
        ("redis://u:geheim@h:port", "does not name a redis server"),
        ("redis://u:geh@eim@h:0", "does not name a redis server"),
        ("postgresql://u:geheim@h:x/db", "names no server"),
        ("postgresql://u:geheim@h/db?nosuch=geheim", "names no database"),
        ("etcd://u:geheim@h:99999", "names no server"),
        ("etcd://u:geheim@[::1", "names no server"),
        ("consul://:geheim@h:x", "names no server"),
        # Where the host was forgotten, or it is no URL at all.
        ("postgresql://u:geheim", "'postgresql://u:***' names no server"),
        ("postgresql://u:geheim/db", "'postgresql://u:***/db' names no server"),
        ("etcd://root:geheim", "names no server"),
        ("consul://:geheim", "names no server"),
        ("redis://:geheim", "redis://:*** does not name a redis server"),
        ("redis://u:geheim/0?retry=1", "does not name a redis server"),
        ("redis:geheim@h", "names no server: write redis://HOST"),
        ("postgresql:host=h password=geheim", "names no server: write postgresql://HOST"),
        ("host=h password=geheim", "nothing keeps leases at '***'"),
        ("u:geheim@h", "nothing keeps leases at '***'"),
        ("password=geheim://h", "nothing keeps leases at '***'"),
        ("file://u:geheim@h/dir", "file://h/dir names a directory of another host"),
        ("file:", "names no directory"),
        ("file://elsewhere/dir", "names a directory of the host 'elsewhere'"),
    ],
)
def test_a_url_that_names_nothing_is_refused_without_its_password(url: str, words: str) -> None:
    """The message shows what is left of it."""
    assert words in refusal(url)


@pytest.mark.parametrize(
    ("url", "ttl", "words"),
    [
        ("file:///nowhere", 0, "cannot live for 0 s"),
        ("dummy:", -1, "cannot live for -1 s"),
        ("file:///nowhere", 0.05, "the least is 0.1 s"),
        ("redis://h", float("nan"), "cannot live for nan s"),
        ("redis://h", 0.0001, "the least is 0.001 s"),
        ("postgresql://h/db", 0.5, "the least is 1 s"),
        ("consul://h", 5, "Consul grants leases of 10 to 86400 s, and 5 s were asked for"),
    ],
)
def test_a_time_to_live_that_is_not_granted_is_refused(url: str, ttl: float, words: str) -> None:
    """The message says what is granted."""
    assert words in refusal(url, ttl=ttl)


def test_an_agent_of_consul_says_what_it_grants(serve: Serve) -> None:
    """Its administrator may have set more than the least that Consul knows."""
    server = serve("consul")
    server.stop()
    path = server.folder / "options.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "session_ttl_min": "15s"}))
    server.start()
    assert "grants leases of 15s to 24h0m0s, and 10 s were asked for" in refusal(server.url, ttl=10)
    with open_lease(server.url, "nightly", ttl=15) as lease:
        assert lease.acquire()


def test_etcd_says_what_it_grants(serve: Serve) -> None:
    """And keeps nothing of it."""
    server = serve("etcd")
    assert "grants leases of 2 s at least, and 1 s were asked for" in refusal(server.url, ttl=1)
    assert server.left() == []


def test_all_holders_of_a_shared_directory_have_one_time_to_live(serve: Serve) -> None:
    """Else one would take another for dead that is alive to itself."""
    message = refusal(serve("shared-file").url, ttl=7)
    assert "lives for 2 s without a heartbeat, as it was created, and not for 7 s" in message


def test_a_lease_needs_a_name() -> None:
    """Whatever keeps it."""
    for url in ("dummy:", "file:///nowhere", "redis://h", "etcd://h"):
        assert refusal(url, "") == "a lease needs a name"


@pytest.mark.parametrize(
    "form",
    ["redis://u:geheim@{}", "postgresql://u:geheim@{}/db", "etcd://u:geheim@{}", "consul://:geheim@{}"],
)
def test_a_server_that_is_not_there_is_said_to_be_so(form: str) -> None:
    """With its address."""
    place = f"127.0.0.1:{free_port()}"
    message = refusal(form.format(place))
    assert place in message
    assert "cannot be" in message or "does not answer" in message


def test_a_password_that_is_wrong_is_not_shown(serve: Serve) -> None:
    """Nor one that is right, by any text that is made of a lease."""
    server = serve("postgres")
    message = refusal(server.url.replace("secret", "geheim"))
    assert "password authentication failed" in message
    with open_lease(server.url, "nightly") as lease:
        assert lease.acquire()
        assert "secret" not in f"{lease!r} {lease} {lease.place} {lease.owner()}"


def test_a_password_can_be_in_the_environment_or_a_file(
    tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For servers whose URL has none."""
    redis = RedisServer(tmp_path / "redis-secret", "--requirepass", "s3cr@t")
    redis.start()
    try:
        assert "requires a password" in refusal(redis.url)
        monkeypatch.setenv("JUG_LEASE_PASSWORD", "s3cr@t")
        with open_lease(redis.url, "nightly") as lease:
            assert lease.acquire()
            assert "s3cr" not in repr(lease)
    finally:
        redis.stop()
    postgres = serve("postgres")
    url = postgres.url.replace(":secret", "")
    file = tmp_path / "password"
    file.write_text("secret\n")
    monkeypatch.setenv("JUG_LEASE_PASSWORD_FILE", str(file))
    with open_lease(url, "nightly") as lease:
        assert lease.acquire()
    monkeypatch.setenv("JUG_LEASE_PASSWORD_FILE", str(tmp_path / "nothing"))
    assert "No such file or directory" in refusal(url)


def test_a_pool_of_connections_is_refused(tmp_path: Path, serve: Serve) -> None:
    """In transaction mode two clients of pgbouncer would have one lock."""
    server = serve("postgres")
    assert isinstance(server, Postgres)
    port = free_port()
    home = server.data.parent
    users = home / "users.txt"
    users.write_text('"jug" "secret"\n')
    settings = home / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nauth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
        "unix_socket_dir =\n"
    )
    try:
        pool = subprocess.Popen(
            [*server.as_user(), "/usr/sbin/pgbouncer", settings], cwd="/", stderr=subprocess.PIPE, text=True
        )
    except FileNotFoundError:
        missing("there is no pgbouncer")
    try:
        url = f"postgresql://jug:secret@127.0.0.1:{port}/postgres"
        wait_for(lambda: "cannot be used" not in refusal(url), "the pool")
        assert "is a pool of connections" in refusal(url)
    finally:
        pool.terminate()
        pool.communicate()


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """One on a filesystem that is read-only; one whose name a file has; one that has something else."""
    with mounted("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", where=tmp_path / "ro"):
        message = refusal(f"file://{tmp_path}/ro/leases")
    assert message.startswith(f"no lease can be kept in {tmp_path}/ro/leases: Read-only file system")
    (tmp_path / "file").write_text("x")
    assert "Not a directory" in refusal(f"file://{tmp_path}/file")
    (tmp_path / "leases" / "nightly").mkdir(parents=True)
    (tmp_path / "leases" / "nightly" / "mine").write_text("x")
    assert "holds other files; it was left untouched" in refusal(f"file://{tmp_path}/leases")


@pytest.mark.parametrize(
    ("package", "url", "extra"),
    [("psycopg", "postgresql://h/db", "lease-postgres"), ("consul", "consul://h", "lease-consul")],
)
def test_a_package_that_is_missing_is_named_with_its_extra(
    package: str, url: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line."""
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install 'jug-rs[{extra}]'" in refusal(url)


def test_no_package_of_a_server_is_imported_before_it_is_needed() -> None:
    """Not with the module, and not with a lease of another kind."""
    source = (
        "import sys; from jug.leases import open_lease\n"
        "open_lease('etcd://h', 'a'), open_lease('redis://h', 'a')\n"
        "print([name for name in ('psycopg', 'consul', 'requests', 'urllib3') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_directory_of_leases_may_have_any_name(tmp_path: Path) -> None:
    """And so may a lease: none leads out of its directory."""
    folder = tmp_path / "a directory, 100 % ä"
    names = ["../../up", "a/b", ".", "ä" * 200, "x" * 400, "a b"]
    made = [FileLease(os.fspath(folder), name) for name in names]
    assert all(lease.acquire() for lease in made)
    for lease in made:
        lease.close()
    assert len(os.listdir(folder)) == len(names)
    assert os.listdir(tmp_path) == [folder.name]
