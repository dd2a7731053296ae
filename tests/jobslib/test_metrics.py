"""Metrics in real servers, and a task that waits for none of them."""

import json
import logging
import os
import re
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from jug.jobslib.metrics.influxdb import InfluxDBMetrics
from jug.jobslib.outbox import Outbox
from tests.jobslib.servers import Influx, Pushgateway, get
from tests.support.redis_server import free_port
from tests.support.waiting import wait_for

LOCK = "ONE_INSTANCE = {'backend': 'jobslib.oneinstance.dummy.DummyLock'}\n"

#: A task that pushes numbers of its own.
PUSHES = """
from app import Counted
class Pushes(Counted):
    name = "my task, a=b"
    def task(self):
        super().task()
        self.context.metrics.push({"my rows": {"value": 7, "tags": {"place": "a b,c=d", "none": ""}}})
        raise ValueError
class Taken(Pushes):
    def task(self):
        self.context.metrics.push({"rows": {"value": 7, "tags": {"task": "mine"}}})
"""


def influx_settings(port: int, **options: object) -> str:
    options = {"port": port, "host": "127.0.0.1", "database": "jobs", **options}
    return (
        f"{LOCK}METRICS = {{'backend': 'jobslib.metrics.influxdb.InfluxDBMetrics', 'options': {options!r}}}\n"
    )


@pytest.fixture
def influx(tmp_path):
    server = Influx(tmp_path / "influx")
    server.start()
    server.create()
    yield server
    server.stop()


def test_numbers_are_in_influxdb_when_a_single_run_has_ended(launcher, influx):
    (launcher.folder / "pushes.py").write_text(PUSHES)
    launcher.settings(influx_settings(influx.port, username="me", password="se+cret"))
    assert launcher("--run-once", "app.Hello").returncode == 0
    (series,) = influx.query("SELECT * FROM job_duration_seconds")
    assert series["columns"] == ["time", "status", "task", "type", "value"]
    ((_, *tags, value),) = series["values"]
    assert tags == ["succeeded", "hello", "task"]
    assert 0 <= value < 60
    (series,) = influx.query("SELECT * FROM last_successful_run_timestamp")
    assert abs(series["values"][0][2] - time.time()) < 60
    assert launcher("--run-once", "pushes.Pushes").returncode == 1
    (series,) = influx.query('SELECT * FROM "my rows"')
    assert series["columns"] == ["time", "place", "task", "value"]
    assert series["values"][0][1:] == ["a b,c=d", "my task, a=b", 7]


def test_what_influxdb_refuses_is_logged_without_the_password_and_changes_no_status(launcher, influx):
    launcher.settings(influx_settings(influx.port, username="me", password="wrong-one"))
    done = launcher("--run-once", "app.Hello")
    assert done.returncode == 0
    assert "ERROR Push monitoring metrics into InfluxDb failed: status 401: " in done.stderr
    assert "wrong-one" not in done.stderr


def test_the_options_of_influxdb_by_the_environment(launcher, influx):
    extra = {
        f"JOBSLIB_METRICS_INFLUXDB_{name}": value
        for name, value in {
            "HOST": "127.0.0.1",
            "PORT": str(influx.port),
            "USERNAME": "me",
            "PASSWORD": "se+cret",
            "DBNAME": "jobs",
            "RETRY_MAX_ATTEMPTS": "3",
            "RETRY_WAIT_MULTIPLIER": "10",
        }.items()
    }
    extra["JOBSLIB_METRICS_BACKEND"] = "jobslib.metrics.influxdb.InfluxDBMetrics"
    assert launcher("--run-once", "app.Hello", **extra).returncode == 0
    assert influx.query("SELECT * FROM job_duration_seconds")


def test_a_tag_that_is_reserved_is_logged(launcher, influx):
    (launcher.folder / "pushes.py").write_text(PUSHES)
    launcher.settings(influx_settings(influx.port, username="me", password="se+cret"))
    done = launcher("--run-once", "pushes.Taken")
    assert done.returncode == 0
    assert "ERROR Push monitoring metrics into InfluxDb failed: Tag 'task' is reserved" in done.stderr
    assert not influx.query("SELECT * FROM rows")


def test_a_server_that_is_away_costs_nothing_and_gets_all_when_it_is_back(launcher, influx):
    influx.stop()
    launcher.settings(influx_settings(influx.port, username="me", password="se+cret"))
    (launcher.folder / "many.py").write_text(
        "from app import Counted\nclass Many(Counted):\n    name = 'many'\n    runs = 1000\n"
    )
    process = launcher.start("--sleep-interval", "0.1", "many.Many")
    try:
        for _ in range(12):
            process.stdout.readline()
        influx.start()
        wait_for(lambda: count(influx) >= 12, "what was pushed before")
    finally:
        process.send_signal(signal.SIGKILL)
        _, err = process.communicate(timeout=60)
    assert err.count("Push monitoring metrics into InfluxDb failed: ") == 1


def count(influx):
    """How many runs it knows of. Under jobslib 3.2.1 those that end within one second are one."""
    found = influx.query("SELECT count(value) FROM job_duration_seconds")
    return found[0]["values"][0][1] if found else 0


def test_influxdb_2_gets_lines_with_a_token_by_its_own_client(launcher):
    """Of InfluxDB 2 there is no package: what its client sends is compared with what its pages ask for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            asked.append((self.path, self.headers["Authorization"], self.rfile.read(length).decode()))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        launcher.settings(influx_settings(server.server_port, token="t0ken", org="us", bucket="jobs"))
        assert launcher("--run-once", "app.Hello").returncode == 0
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    ((path, login, lines),) = asked
    assert path == "/api/v2/write?org=us&bucket=jobs&precision=ns"
    assert login == "Token t0ken"
    duration, stamp = lines.splitlines()
    assert re.fullmatch(
        r"job_duration_seconds,status=succeeded,task=hello,type=task value=\d\S* \d{19}", duration
    )
    assert re.fullmatch(r"last_successful_run_timestamp,task=hello value=\d+\.0 \d{19}", stamp)


def test_no_password_is_shown_with_options():
    class Args:
        pass

    settings = {"database": "x", "password": "secret", "token": None}
    options = InfluxDBMetrics.OptionsConfig(settings, Args())
    assert options.password == "secret"
    assert "secret" not in repr(options)


# --- Prometheus ---


def prometheus_settings(**options: object) -> str:
    return (
        f"{LOCK}METRICS = {{'backend': 'jobslib.metrics.prometheus.PrometheusMetrics', "
        f"'options': {options!r}}}\n"
    )


def samples(text: str) -> dict[str, float]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.parametrize("isolation", [[], ["--isolate"]])
def test_prometheus_can_fetch_numbers(isolation, launcher):
    port = free_port()
    (launcher.folder / "pushes.py").write_text(PUSHES)
    launcher.settings(prometheus_settings(port=port))
    process = launcher.start(*isolation, "--sleep-interval", "0.2", "pushes.Pushes")
    try:

        def found():
            try:
                return samples(get(f"http://127.0.0.1:{port}/metrics").decode())
            except OSError:
                return {}

        runs = 'job_runs_total{status="failed",task="my task, a=b"}'
        wait_for(lambda: found().get(runs, 0) == 2, "two runs")
        kept = found()
        assert kept['my_rows{none="",place="a b,c=d",task="my task, a=b"}'] == 7
        assert kept['job_duration_seconds{status="failed",task="my task, a=b",type="task"}'] >= 0
    finally:
        process.kill()
        process.communicate()


def test_a_single_run_leaves_numbers_in_a_text_file(launcher):
    path = launcher.folder / "job.prom"
    launcher.settings(prometheus_settings(textfile=str(path)))
    assert launcher("--run-once", "app.Hello").returncode == 0
    kept = samples(path.read_text())
    assert kept['job_runs_total{status="succeeded",task="hello"}'] == 1
    assert abs(kept['last_successful_run_timestamp{task="hello"}'] - time.time()) < 60


def test_a_single_run_pushes_numbers_to_a_pushgateway(launcher, tmp_path):
    gateway = Pushgateway(tmp_path / "gateway")
    gateway.start()
    try:
        launcher.settings(prometheus_settings(pushgateway=f"http://127.0.0.1:{gateway.port}"))
        assert launcher("--run-once", "app.Hello").returncode == 0
        (group,) = json.loads(get(f"http://127.0.0.1:{gateway.port}/api/v1/metrics"))["data"]
        assert group["labels"]["job"] == "hello"
        assert group["job_runs_total"]["metrics"][0]["value"] == "1"
    finally:
        gateway.stop()
    done = launcher("--run-once", "app.Hello")
    assert done.returncode == 0
    assert done.stderr.count("ERROR Push monitoring metrics failed: ") == 1


def test_prometheus_needs_a_way(error_of):
    status, line = error_of(
        "METRICS = {'backend': 'jobslib.metrics.prometheus.PrometheusMetrics'}\n", "app.Hello"
    )
    assert status == 1
    assert line == (
        "jug: error: Config.metrics: MetricsConfig.options: one of the options port, textfile and "
        "pushgateway is needed"
    )


# --- the outbox ---


def test_nothing_waits_for_what_does_not_answer(caplog):
    let_go = threading.Event()
    sent = []

    def send(item):
        let_go.wait(60)
        sent.append(item)

    box = Outbox(send, logging.getLogger("test"), "failed", most=3)
    for number in range(10):
        box.add(number)
    let_go.set()
    assert box.flush(60)
    # One may have been on its way: the first, or a later one where the thread began later.
    assert sent[-3:] == [7, 8, 9]
    assert len(sent) <= 4


def test_a_child_that_the_task_forked_waits_for_nothing():
    let_go = threading.Event()
    box = Outbox(lambda item: let_go.wait(60), logging.getLogger("test"), "failed")
    box.add(1)
    pid = os.fork()
    if pid == 0:
        began = time.monotonic()
        box.flush(30)
        os._exit(time.monotonic() - began > 20)
    assert os.waitpid(pid, 0)[1] == 0
    let_go.set()
    assert box.flush(60)


def test_trouble_is_logged_once(caplog):
    tried = []

    def send(item):
        tried.append(item)
        if len(tried) < 4:
            raise OSError("away")

    box = Outbox(send, logging.getLogger("test"), "failed")
    box.add("a")
    wait_for(lambda: len(tried) == 4, "four tries")
    assert box.flush(60)
    assert [record.getMessage() for record in caplog.records] == ["failed: away"]
