"""The locks of every server and of a directory, with launchers that are stopped, killed and paused."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from jug.jobslib.oneinstance.consul import ConsulLock
from tests.jobslib.locked import LOCKS, holding, options_of, settings_of
from tests.support.peers import peers_python
from tests.support.waiting import wait_for

#: What is logged where another instance has the lock.
OWNED = r"INFO Can't acquire lock \(lock owner is \S+, locked at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)\n"


@pytest.mark.parametrize("name", LOCKS)
def test_one_instance_runs_and_the_other_says_who_does(name, here, serve):
    server = serve(name)
    here.settings(settings_of(name, options_of(server)))
    first, _ = holding(here)
    try:
        done = here("--run-once", "holds.Holds")
        assert (done.returncode, done.stdout) == (0, "")
        assert re.search(OWNED, done.stderr)
        assert here("--run-once", "--lock-busy-exit", "75", "holds.Holds").returncode == 75
    finally:
        first.send_signal(signal.SIGTERM)
        out, err = first.communicate(timeout=60)
    assert (first.returncode, out) == (1, "raised Terminate\n")
    assert "ERROR" not in err
    for _ in range(3):
        done = here("--run-once", "holds.Holds")
        assert (done.returncode, "task 1" in done.stdout) == (0, True)
    # jobslib 3.2.1 leaves a session with each run.
    assert server.left() == []


@pytest.mark.parametrize("name", LOCKS)
def test_after_a_kill_another_instance_runs_as_soon_as_the_lock_allows(name, here, serve):
    """Under jobslib 3.2.1 after 20 seconds with ttl 10, and after up to two days with its default."""
    server = serve(name)
    here.settings(settings_of(name, options_of(server)))
    first, _ = holding(here)
    second = here.start("--sleep-interval", "0.2", "holds.Holds", "--do", "hold")
    try:
        assert "acquire lock" in second.stderr.readline()
        first.kill()
        killed = time.monotonic()
        first.communicate(timeout=60)
        while not second.stdout.readline().startswith("holds"):
            assert second.poll() is None
        took = time.monotonic() - killed
    finally:
        second.kill()
        second.communicate(timeout=60)
    # Not an absolute time: what the lock promises, and a machine that is busy with other tests.
    assert took < server.freed_after + 20


@pytest.mark.parametrize("name", ["redis", "etcd"])
def test_a_launcher_that_was_paused_for_too_long_learns_that_it_lost_the_lock(name, here, serve):
    server = serve(name)
    here.settings(settings_of(name, options_of(server)))
    first, _ = holding(here, "--run-once")
    first.send_signal(signal.SIGSTOP)
    second, _ = holding(here, "--sleep-interval", "0.2")
    first.send_signal(signal.SIGCONT)
    out, err = first.communicate(timeout=60)
    second.kill()
    second.communicate(timeout=60)
    assert (first.returncode, out) == (1, "raised OneInstanceWatchdogError\n")
    assert "ERROR The lock jobs/lock is lost\n" in err
    assert re.search(r"ERROR Lock has expired after \d+ seconds\n", err)


def lose(server):
    """Has the holder of a lock in redis lose it."""
    assert server.server.cli("DEL", "jug-rs:1:lease:jobs/lock") == "1"


def test_a_loop_goes_on_after_the_lock_was_lost(here, serve):
    server = serve("redis")
    here.settings(settings_of("redis", options_of(server)))
    process, _ = holding(here, "--sleep-interval", "0.1")
    lose(server)
    assert process.stdout.readline() == "raised OneInstanceWatchdogError\n"
    assert process.stdout.readline().startswith("task 2")
    process.kill()
    process.communicate(timeout=60)


def test_code_that_never_comes_back_to_python_is_killed_when_its_lock_is_lost(here, serve):
    """Under jobslib 3.2.1 it runs on, beside the instance that gets the lock."""
    server = serve("redis")
    here.settings(settings_of("redis", options_of(server)))
    process, _ = holding(here, "--kill-on-lock-loss", "0.5", deed="hold_in_c")
    lose(server)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def test_in_a_process_of_its_own_it_costs_one_run(here, serve):
    server = serve("redis")
    here.settings(f"{settings_of('redis', options_of(server))}METRICS = {{'backend': 'deeds.Metrics'}}\n")
    words = ("--isolate", "--kill-on-lock-loss", "0.5", "--sleep-interval", "0.1")
    process, _ = holding(here, *words, deed="hold_in_c")
    lose(server)
    while process.stdout.readline() != "status interrupted\n":
        assert process.poll() is None
    assert process.stdout.readline().startswith("task 1")
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert "Task did not end within 0.5 seconds, and is killed" in err
    assert server.left() == []


def test_the_task_in_a_process_of_its_own_learns_that_the_lock_is_lost(here, serve):
    server = serve("redis")
    here.settings(settings_of("redis", options_of(server)))
    process, _ = holding(here, "--isolate", "--run-once")
    lose(server)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "raised OneInstanceWatchdogError\n")
    assert re.search(r"ERROR Lock has expired after \d+ seconds\n", err)


@pytest.mark.parametrize("name", ["file", "redis"])
def test_a_task_that_holds_the_interpreter_keeps_its_lock(name, here, serve):
    server = serve(name)
    here.settings(settings_of(name, {**options_of(server), "ttl": 1.0}))
    process, _ = holding(here, "--run-once", deed="hold_in_c_for_a_while")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "held True\n")


def test_a_task_that_does_not_extend_its_lock_in_consul_ends_after_its_time(here, serve):
    """As under jobslib 3.2.1: ttl 10 ends a task after 10 seconds, unless that extends the lock."""
    server = serve("consul")
    here.settings(settings_of("consul", options_of(server, ttl=10)))
    began = time.monotonic()
    process, _ = holding(here, "--run-once")
    other = here.start("--run-once", "holds.Holds", "--do", "extend", JOBSLIB_ONE_INSTANCE_CONSUL_KEY="other")
    out, err = process.communicate(timeout=60)
    assert time.monotonic() - began >= 10
    assert (process.returncode, out) == (1, "raised OneInstanceWatchdogError\n")
    assert re.search(r"ERROR Lock has expired after 1\d seconds\n", err)
    out, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    assert server.left() == []


def test_liveness_in_consul(launcher, serve):
    server = serve("consul")
    options = {"host": "127.0.0.1", "port": server.port, "key": "jobs/stamp", "timeout": 5}
    launcher.settings(
        "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"
        f"LIVENESS = {{'backend': 'jobslib.liveness.consul.ConsulLiveness', 'options': {options!r}}}\n"
    )
    done = launcher("check-liveness", "--max-age", "60")
    assert (done.returncode, done.stderr) == (
        1,
        f"jug: error: there is no liveness state in http://127.0.0.1:{server.port}, jobs/stamp: "
        "no run has succeeded yet\n",
    )
    assert launcher("--run-once", "app.Hello").returncode == 0
    assert launcher("check-liveness", "--max-age", "60").stdout == "PASS\n"
    server.stop()
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")
    assert "ERROR Can't write liveness state: Consul does not answer (ConnectionError)\n" in done.stderr


# --- bad input ---


def test_a_server_that_is_away_is_a_failed_run(here, serve):
    server = serve("redis")
    here.settings(settings_of("redis", options_of(server)))
    server.stop()
    done = here("--run-once", "holds.Holds")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 2, lines
    assert lines[0].endswith("ERROR holds task failed")
    assert lines[1].startswith(
        "jug.jobslib.exceptions.LockAway: the lock was not to be had: the redis server "
    )


def test_a_time_to_live_that_the_server_does_not_grant_is_a_line(here, serve):
    server = serve("etcd")
    here.settings(settings_of("etcd", options_of(server, ttl=1)))
    done = here("--run-once", "holds.Holds")
    assert done.returncode == 1
    assert done.stderr.endswith(
        "grants leases of 2 s at least, and 1 s were asked for "
        "(set by ONE_INSTANCE['options']['ttl'] in the settings module)\n"
    )
    assert "Traceback" not in done.stderr


def test_wrong_options_are_a_line(launcher, tmp_path):
    def error_of(name: str, words: tuple[str, ...] = (), extra: dict[str, str] | None = None, **options):
        launcher.settings(settings_of(name, options))
        done = launcher("--run-once", *words, "app.Hello", **(extra or {}))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        return done.stderr.strip()

    assert error_of("consul", key="a", ttl=5) == (
        "jug: error: Config.one_instance: OneInstanceConfig.options: ConsulLock.OptionsConfig.ttl: must be "
        "between 10 and 86400 seconds, not 5 (set by ONE_INSTANCE['options']['ttl'] in the settings module)"
    )
    assert "is not set: neither by ONE_INSTANCE['options']['key'] in the settings module nor by " in error_of(
        "consul"
    )
    line = error_of("postgres", url="postgresql://me:secret@h/d", key="a", ttl=0.5)
    assert "the least is 1 s (set by ONE_INSTANCE['options']['ttl'] in the settings module)" in line
    # Two locks in one, and a slip of the pen.
    for name, options in (
        ("redis", {"url": "redis://h", "directory": "/d"}),
        ("file", {"directory": "/d", "url": "redis://h"}),
        ("etcd", {"url": "etcd://h", "tll": 5}),
        ("consul", {"url": "consul://h"}),
    ):
        line = error_of(name, key="a", **options)
        assert (
            f"a lock of the kind {name} has no option '{list(options)[1 if name != 'consul' else 0]}'" in line
        )
    for url in ("postgresql://me:secret@[h/d", "postgresql://me:secret@h:many/d", "mysql://me:secret@h"):
        line = error_of("postgres", url=url, key="a")
        assert "secret" not in line
        assert line.endswith("(set by ONE_INSTANCE['options']['url'] in the settings module)")
    extra = {"JOBSLIB_ONE_INSTANCE_ETCD_URL": "redis://:secret@h"}
    assert error_of("etcd", key="a", extra=extra) == (
        "jug: error: EtcdLock: the URL of its server begins with etcd:// or etcds:// "
        "(set by the environment variable JOBSLIB_ONE_INSTANCE_ETCD_URL)"
    )
    extra = {"JOBSLIB_ONE_INSTANCE_CONSUL_KEY": "a"}
    assert "two locks are configured: the backend is for redis, and the environment variable " in error_of(
        "redis", url="redis://h", key="a", extra=extra
    )


def test_a_directory_that_cannot_be_written_is_a_line(launcher):
    place = "/proc/locks-of-jobs"
    launcher.settings(settings_of("file", {"directory": place, "key": "a"}))
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"jug: error: no lease can be kept in {place}: ")
    assert "Traceback" not in done.stderr
    launcher.settings(settings_of("file", {"directory": "settings.py", "key": "a"}))
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_the_older_names_of_variables_count(monkeypatch):
    options = ConsulLock.OptionsConfig
    assert (options({"key": "a"}, None).ttl, options({"key": "a"}, None).lock_delay) == (86400, 1)
    monkeypatch.setenv("JOBSLIB_ONE_INSTANCE_OPTIONS_KEY", "b")
    monkeypatch.setenv("JOBSLIB_ONE_INSTANCE_OPTIONS_TTL", "60")
    monkeypatch.setenv("JOBSLIB_ONE_INSTANCE_LOCK_DELAY", "7")
    older = options({"key": "a", "ttl": 30.0}, None)
    assert (older.key, older.ttl, older.lock_delay) == ("b", 60, 7)
    for name, value in {"KEY": "c", "TTL": "70", "LOCK_DELAY": "15"}.items():
        monkeypatch.setenv(f"JOBSLIB_ONE_INSTANCE_CONSUL_{name}", value)
    newer = options({}, None)
    assert (newer.key, newer.ttl, newer.lock_delay) == ("c", 70, 15)
    assert newer.as_kwargs["host"] == "127.0.0.1"


def test_options_by_the_environment_without_settings(launcher):
    (Path(launcher.folder) / "settings.py").unlink()
    extra = {
        "JOBSLIB_ONE_INSTANCE_BACKEND": "jobslib.oneinstance.file.FileLock",
        "JOBSLIB_ONE_INSTANCE_FILE_DIRECTORY": "locks",
        "JOBSLIB_ONE_INSTANCE_FILE_KEY": "a",
    }
    assert launcher("--run-once", "app.Hello", **extra).stdout == "Hello World\n"
    wait_for(lambda: (launcher.folder / "locks").is_dir(), "the directory")


def test_launchers_of_jobslib_and_these_respect_each_other_in_consul(here, serve):
    server = serve("consul")
    here.settings(settings_of("consul", options_of(server, ttl=60)))
    theirs = [peers_python(), "-W", "ignore", "-m", "jobslib.main", "-s", "settings", "--run-once"]
    first, _ = holding(here)
    try:
        done = here.run([*theirs, "holds.Holds"])
        assert (done.returncode, done.stdout) == (0, "")
        assert re.search(
            r"INFO Can't acquire lock \(lock owner is \S+, locked at \d{4}-.* UTC\)\n", done.stderr
        )
    finally:
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=60)
    assert "task 1" in here.run([*theirs, "holds.Holds"]).stdout
    second = subprocess.Popen(
        [*theirs, "holds.Holds", "--do", "hold"],
        cwd=here.folder,
        env=here.environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    while not second.stdout.readline().startswith("holds"):
        assert second.poll() is None
    try:
        done = here("--run-once", "holds.Holds")
        assert (done.returncode, done.stdout) == (0, "")
        assert re.search(
            r"INFO Can't acquire lock \(lock owner is \S+, locked at \d{4}-.* UTC\)\n", done.stderr
        )
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=60)
    assert "task 1" in here("--run-once", "holds.Holds").stdout
