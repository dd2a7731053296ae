"""Stamps of successful runs, kept in every place, and their age."""

import json
import os
import signal
import time

import pytest

from tests.support.redis_server import RedisServer, free_port
from tests.support.waiting import wait_for

LOCK = "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"


def settings(kind, **options):
    return f"{LOCK}LIVENESS = {{'backend': 'jobslib.liveness.{kind}', 'options': {options!r}}}\n"


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis", "--requirepass", "secret")
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=["file", "redis"])
def kept(request, launcher):
    """A place for stamps that outlives the launcher, and what says that it is away."""
    if request.param == "file":
        launcher.settings(settings("file.FileLiveness", path="stamp.json"))
        return "stamp.json"
    server = request.getfixturevalue("redis")
    url = f"redis://:secret@127.0.0.1:{server.port}"
    launcher.settings(settings("redis.RedisLiveness", url=url, key="jobs/stamp"))
    return f"redis://127.0.0.1:{server.port}/0, jobs/stamp"


def test_a_stamp_is_kept_and_its_age_is_checked(kept, launcher):
    done = launcher("check-liveness", "--max-age", "60")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (f"jug: error: there is no liveness state in {kept}: no run has succeeded yet\n")
    assert launcher("--run-once", "app.Hello").returncode == 0
    done = launcher("check-liveness", "--max-age", "60")
    assert (done.returncode, done.stdout, done.stderr) == (0, "PASS\n", "")
    time.sleep(2.1)
    assert launcher("check-liveness", "--max-age", "1").stdout == "FAIL\n"


def test_a_run_that_fails_leaves_the_stamp_as_it_was(launcher):
    launcher.settings(settings("file.FileLiveness", path="stamp.json"))
    launcher("--run-once", "app.Hello")
    before = (launcher.folder / "stamp.json").read_bytes()
    assert sorted(json.loads(before)) == ["fqdn", "time_local", "time_utc", "timestamp"]
    assert launcher("--run-once", "app.Fails").returncode == 1
    assert (launcher.folder / "stamp.json").read_bytes() == before


def test_a_place_that_is_away_costs_the_task_nothing(launcher, redis):
    redis.stop()
    url = f"redis://:secret@127.0.0.1:{redis.port}"
    launcher.settings(settings("redis.RedisLiveness", url=url, key="stamp"))
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")
    assert done.stderr.count("ERROR Can't write liveness state: ") == 1
    done = launcher("check-liveness", "--max-age", "60")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "secret" not in done.stderr
    launcher.settings(settings("file.FileLiveness", path="missing/stamp.json"))
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")
    assert "ERROR Can't write liveness state: [Errno 2] No such file or directory" in done.stderr


def test_what_is_no_stamp_is_a_line(launcher):
    launcher.settings(settings("file.FileLiveness", path="stamp.json"))
    for text in ("", "{}", "[]", '{"timestamp": "soon"}'):
        (launcher.folder / "stamp.json").write_text(text)
        done = launcher("check-liveness", "--max-age", "60")
        assert (done.returncode, done.stderr) == (
            1,
            "jug: error: what is in stamp.json is no liveness state\n",
        )


def test_a_launcher_serves_its_stamp_itself(launcher):
    port = free_port()
    launcher.settings(settings("http.HttpLiveness", port=port))
    done = launcher("check-liveness", "--max-age", "60")
    assert done.returncode == 1
    assert done.stderr.startswith(f"jug: error: http://127.0.0.1:{port}/stamp does not answer: ")
    process = launcher.start("--sleep-interval", "60", "app.Hello")
    try:
        wait_for(lambda: launcher("check-liveness", "--max-age", "60").returncode == 0, "a stamp")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert launcher("check-liveness", "--max-age", "60").returncode == 1


def test_options_by_the_environment(launcher, redis):
    path = str(launcher.folder / "elsewhere.json")
    extra = {
        "JOBSLIB_LIVENESS_BACKEND": "jobslib.liveness.file.FileLiveness",
        "JOBSLIB_LIVENESS_FILE_PATH": path,
    }
    assert launcher("--run-once", "app.Hello", **extra).returncode == 0
    assert os.path.exists(path)
    extra = {
        "JOBSLIB_LIVENESS_BACKEND": "jobslib.liveness.redis.RedisLiveness",
        "JOBSLIB_LIVENESS_REDIS_URL": f"redis://:secret@127.0.0.1:{redis.port}",
        "JOBSLIB_LIVENESS_REDIS_KEY": "here",
    }
    assert launcher("--run-once", "app.Hello", **extra).returncode == 0
    assert launcher("check-liveness", "--max-age", "60", **extra).returncode == 0
    extra["JOBSLIB_LIVENESS_REDIS_URL"] = "redis://:secret@127.0.0.1:many"
    done = launcher("check-liveness", "--max-age", "60", **extra)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "secret" not in done.stderr
    assert "(set by the environment variable JOBSLIB_LIVENESS_REDIS_URL)" in done.stderr
    done = launcher("check-liveness", "--max-age", "0")
    assert (done.returncode, done.stderr) == (1, "jug: error: Invalid max_age: 0\n")
