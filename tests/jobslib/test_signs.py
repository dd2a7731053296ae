"""What others see of a launcher: probes by HTTP, and systemd."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess

import pytest

from jug.jobslib.schedule import Due, boot_time
from jug.jobslib.state import LauncherState
from tests.jobslib.deeds import DEEDS
from tests.support.permission import NotPermitted
from tests.support.waiting import wait_for

SETTINGS = "ONE_INSTANCE = {'backend': 'deeds.Lock'}\nMETRICS = {'backend': 'deeds.Metrics'}\n"


@pytest.fixture
def deeds(launcher):
    (launcher.folder / "deeds.py").write_text(DEEDS)
    launcher.settings(SETTINGS)
    return launcher


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def ask(port, path):
    """The status and what was answered; 0 as long as nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except ConnectionRefusedError:
        return 0, {}
    finally:
        connection.close()


@contextlib.contextmanager
def running(launcher, *words, **extra):
    process = launcher.start(*words, **extra)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_probes_see_what_the_launcher_does(deeds):
    port = free_port()
    with running(deeds, "--health", str(port), "--sleep-interval", "60", "deeds.Deeds") as process:
        wait_for(lambda: ask(port, "/stamp")[0] == 200, "the first run")
        wait_for(lambda: ask(port, "/healthz")[1].get("phase") == "sleeping", "the sleep")
        status, facts = ask(port, "/healthz")
        assert (status, facts["task"], facts["lock"], facts["status"]) == (200, "deeds", "held", "succeeded")
        assert sorted(facts["last_success"]) == ["fqdn", "time_local", "time_utc", "timestamp"]
        assert ask(port, "/readyz")[0] == 200
        assert ask(port, "/other")[0] == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == -signal.SIGTERM


def test_a_launcher_is_not_ready_while_its_lock_does_not_answer(launcher):
    port = free_port()
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Away'}\n")
    with running(launcher, "--health", str(port), "--sleep-interval", "60", "app.Hello"):
        wait_for(lambda: ask(port, "/healthz")[1].get("status"), "a run")
        assert ask(port, "/healthz")[0] == 200
        assert ask(port, "/readyz")[0] == 503
        assert ask(port, "/stamp")[0] == 404
    launcher.settings("ONE_INSTANCE = {'backend': 'app.Busy'}\n")
    with running(launcher, "--health", f"127.0.0.1:{port}", "--sleep-interval", "60", "app.Hello"):
        wait_for(lambda: ask(port, "/readyz")[0] == 200, "a lock that another instance has")
        assert ask(port, "/readyz")[1]["lock"] == "elsewhere"


def test_probes_are_answered_while_the_task_holds_the_interpreter_in_its_own_process(deeds):
    port = free_port()
    with running(deeds, "--health", str(port), "--isolate", "deeds.Deeds", "--do", "hang_in_c") as process:
        while process.stdout.readline() != "hangs\n":
            pass
        assert ask(port, "/healthz")[1]["phase"] == "running"


def test_what_is_late_is_not_alive():
    state = LauncherState("late", task_timeout=0.001)
    now = boot_time()
    assert state.is_alive()
    state.sleeps(Due(now - 1, boot_time, 0))
    assert state.is_alive()
    state.sleeps(Due(now - 100, boot_time, 0))
    assert not state.is_alive()
    state.runs()
    assert state.is_alive()
    assert LauncherState("any").is_alive()
    state.asked_for_lock("held")
    assert state.is_ready()
    state.stops()
    assert not state.is_ready()


def test_a_port_that_is_taken_is_a_line(launcher):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = launcher("--health", str(port), "--run-once", "app.Hello")
    assert (done.returncode, done.stderr) == (
        1,
        f"jug: error: cannot serve health at 127.0.0.1:{port}: Address already in use\n",
    )
    done = launcher("--health", "here", "app.Hello")
    assert (done.returncode, done.stderr) == (
        1,
        "jug: error: Launcher.health: must be a port, or HOST:PORT, not 'here' "
        "(set by --health on the command line)\n",
    )


@pytest.fixture
def manager(tmp_path):
    """What a launcher sends to its service manager."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(path)
        receiver.settimeout(60)
        yield path, lambda: receiver.recv(4096).decode()


def test_systemd_is_told_when_it_is_ready_lives_and_stops(deeds, manager):
    path, message = manager
    extra = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"}
    with running(deeds, "--sleep-interval", "60", "deeds.Deeds", **extra) as process:
        found = [message() for _ in range(12)]
        assert f"READY=1\nMAINPID={process.pid}" in found
        assert "STATUS=the task runs" in found
        assert "STATUS=the next run is in 60 s" in found
        assert found.count("WATCHDOG=1") >= 3
        process.send_signal(signal.SIGTERM)
        while (last := message()) != "STOPPING=1":
            assert last == "WATCHDOG=1"
        assert process.wait(30) == -signal.SIGTERM


def test_the_watchdog_is_fed_while_the_task_sleeps_in_the_launcher_itself(deeds, manager):
    path, message = manager
    extra = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "50000"}
    with running(deeds, "deeds.Deeds", "--do", "stubborn", **extra):
        while message() != "STATUS=the task runs":
            pass
        assert {message() for _ in range(5)} == {"WATCHDOG=1"}


def test_a_task_is_no_service_and_its_manager_is_not_asked_for(deeds, manager):
    path, _ = manager
    (deeds.folder / "shows.py").write_text(
        "import os\nfrom jobslib import BaseTask\n"
        "class Shows(BaseTask):\n    def task(self):\n        print(os.environ.get('NOTIFY_SOCKET'))\n"
    )
    assert "None\n" in deeds("--run-once", "shows.Shows", NOTIFY_SOCKET=path).stdout
    # A manager that is not there is nobody's concern.
    assert deeds("--run-once", "deeds.Deeds", NOTIFY_SOCKET="/nowhere").returncode == 0


def test_the_first_process_of_a_container_ends_between_two_runs(deeds):
    """As process 1, to which the kernel delivers no signal that would just end it."""
    command = " ".join(deeds.command("--sleep-interval", "60", "deeds.Deeds"))
    inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "sh", "-c", f"exec {command}"]
    if subprocess.run([*inside[:-2], "-c", "true"], capture_output=True, check=False).returncode:
        raise NotPermitted("no namespaces can be made here")
    process = subprocess.Popen(
        inside, cwd=deeds.folder, env=deeds.environment({}), stderr=subprocess.PIPE, text=True
    )
    while "Sleep for 60 seconds" not in process.stderr.readline():
        pass
    (child,) = subprocess.run(
        ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
    ).stdout.split()
    os.kill(int(child), signal.SIGTERM)
    process.stderr.read()
    assert process.wait(30) == 128 + signal.SIGTERM
