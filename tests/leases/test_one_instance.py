"""`jug execute --one-instance KEY`: one computation of a kind at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.redis_server import RedisServer
from tests.support.waiting import wait_for

JUGFILE = """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def step(i):
        with open("ran", "a") as file:
            file.write(f"{i}\\n")
        while not os.path.exists("go"):
            time.sleep(0.01)
        return i

    done = [step(i) for i in range(3)]
"""
EXECUTE = ("execute", "--will-cite")


def ran(folder: Path) -> list[str]:
    """The tasks that began."""
    return (folder / "ran").read_text().split() if (folder / "ran").exists() else []


@pytest.mark.parametrize(
    "options", [(), ("-n", "2"), ("-n", "2", "--backend", "threads"), ("--lease", "file:elsewhere")]
)
def test_a_second_computation_of_a_kind_is_refused_in_one_line(jug: Jug, options: tuple[str, ...]) -> None:
    """It names the holder. One of another kind goes on, and one after the first has ended."""
    jug.write(JUGFILE)
    lease = options if options[:1] == ("--lease",) else ()
    first = jug.start(*EXECUTE, "--one-instance", "nightly", *options)
    wait_for(lambda: ran(jug.folder), "the first task")
    second = jug(*EXECUTE, "--one-instance", "nightly", *lease)
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith("jug: error: the lease 'nightly' at ")
    assert f"busy: process {first.pid} on " in second.stderr
    assert second.stderr.count("\n") == 1
    (jug.folder / "go").write_text("")
    assert jug(*EXECUTE, "--one-instance", "other", *lease).returncode == 0
    assert first.communicate(timeout=60)[1] == ""
    assert first.returncode == 0
    assert jug(*EXECUTE, "--one-instance", "nightly", *lease).returncode == 0
    assert sorted(ran(jug.folder)) == ["0", "1", "2"]


def test_a_jugdir_with_leases_is_a_jugdir(jug: Jug) -> None:
    """Whether it was there before the first lease or not, no command minds them."""
    jug.write(JUGFILE)
    (jug.folder / "go").write_text("")
    assert jug(*EXECUTE, "--one-instance", "nightly").returncode == 0
    for command in (["status"], ["cleanup"], ["fsck"], ["pack"], ["check"]):
        done = jug(*command)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert (jug.folder / "jugfile.jugdata" / "leases" / "nightly").is_dir()


def test_a_store_in_redis_keeps_the_lease_itself(jug: Jug, tmp_path: Path) -> None:
    """Nothing of it is left there."""
    redis = RedisServer(tmp_path / "redis")
    redis.start()
    try:
        jug.write(JUGFILE)
        first = jug.start(*EXECUTE, "--jugdir", redis.url, "--one-instance", "nightly")
        wait_for(lambda: ran(jug.folder), "the first task")
        assert "was busy" in jug(*EXECUTE, "--jugdir", redis.url, "--one-instance", "nightly").stderr
        (jug.folder / "go").write_text("")
        assert first.communicate(timeout=60)[1] == ""
        assert "jug-rs:1:lease:nightly" not in redis.cli("KEYS", "*").split()
    finally:
        redis.stop()


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_computation_that_loses_its_lease_ends(jug: Jug, options: tuple[str, ...]) -> None:
    """With status 1, and what it finished is stored. Workers that a supervisor started finish their tasks."""
    jug.write(JUGFILE)
    first = jug.start(*EXECUTE, "--one-instance", "nightly", "--lease", "file:elsewhere", *options)
    wait_for(lambda: ran(jug.folder), "the first task")
    shutil.rmtree(jug.folder / "elsewhere")
    assert first.stderr is not None
    errors = first.stderr.readline()
    assert "SIGTERM" in errors or "was lost" in errors
    if options:
        (jug.folder / "go").write_text("")
    errors += first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert "jug: error: the lease 'nightly' at " in errors
    assert "was lost, so that another computation may have begun" in errors
    (jug.folder / "go").write_text("")
    assert jug(*EXECUTE).returncode == 0


def test_what_cannot_be_is_one_line(jug: Jug) -> None:
    """Wrong usage is status 2, a server that is not there 1; nothing runs."""
    jug.write(JUGFILE)
    for words, status, text in [
        (("--lease", "dummy:"), 2, "--lease is for --one-instance KEY, which is missing"),
        (("--one-instance", "x", "--jugdir", "dict_store"), 2, "needs --lease URL"),
        (("--one-instance", "x", "--lease", "redis://:geheim@127.0.0.1:1"), 1, "cannot be reached"),
        (("--one-instance", "x", "--lease", "x://u:geheim@h"), 1, "nothing keeps leases at 'x://h'"),
    ]:
        done = jug(*EXECUTE, *words)
        assert (done.returncode, done.stdout) == (status, "")
        assert text in done.stderr
        assert done.stderr.count("\n") == 1
        assert "geheim" not in done.stderr
    assert ran(jug.folder) == []
