"""A cluster of dask that goes on after a command, and that others use as well."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from jug.executors import dask_worker as worker
from jug.executors.dask_losses import DaskLosses
from jug.executors.pools import ChunkLost
from tests.support.command import Jug
from tests.support.dask_cluster import COUNTED, DaskCluster, ended, on, ran, said
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

distributed = pytest.importorskip("distributed")


class Counter:
    """Passes bytes on to a scheduler, and counts those that go there."""

    def __init__(self, address: str) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._there = host, int(port)
        self.nr_bytes = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            threading.Thread(target=self._pass_on, args=(here, there, True), daemon=True).start()
            threading.Thread(target=self._pass_on, args=(there, here, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, to: socket.socket, is_counted: bool) -> None:
        try:
            while data := source.recv(1 << 16):
                self.nr_bytes += len(data) if is_counted else 0
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        """Takes no more connections."""
        self._listening.close()


@pytest.fixture
def counter(cluster: DaskCluster) -> Iterator[Counter]:
    """Between a command and a cluster."""
    counter = Counter(cluster.address)
    yield counter
    counter.close()


def kept(cluster: DaskCluster) -> list[str]:
    """What clients that are gone have left on a cluster."""
    with distributed.Client(cluster.address, set_as_default=False) as client:
        here = client.id
        found: list[str] = client.run_on_scheduler(
            lambda dask_scheduler: [
                f"{name} {task.key}"
                for name, its in dask_scheduler.clients.items()
                for task in its.wants_what
                if name != here
            ]
        )
    return found


def topics(cluster: DaskCluster) -> set[str]:
    """Under which names a scheduler remembers what was said."""
    with distributed.Client(cluster.address, set_as_default=False) as client:
        found: set[str] = set(
            client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler._broker._topics])
        )
    return found


LARGE_AND_SLOW = """
    @TaskGenerator
    def large(i):
        note(i)
        wait_for_file('opened')
        return bytes([i]) * 1_000_000

    @TaskGenerator
    def use(data):
        return len(data)

    used = [use(large(i)) for i in range(4)]
"""


def test_what_runs_for_a_command_that_was_killed_leaves_nothing_on_the_cluster(
    jug: Jug, own_cluster: DaskCluster
) -> None:
    """Its results would be kept for a client that never comes back."""
    jug.write(COUNTED.format(str(jug.folder)) + LARGE_AND_SLOW)
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) == 2, "tasks")
    process.kill()
    process.communicate()
    wait_for(lambda: not kept(own_cluster), "the end of the client")
    (jug.folder / "opened").touch()
    with distributed.Client(own_cluster.address, set_as_default=False) as client:
        wait_for(lambda: not any(client.processing().values()), "the ends of the tasks")
        # What runs afterwards begins when they have ended.
        assert client.gather(client.map(abs, range(20), pure=False)) == [*range(20)]
    assert kept(own_cluster) == []
    assert jug(*on(own_cluster)).returncode == 0
    assert kept(own_cluster) == []


BESIDE = """
    import beside
    from jug import Task
    values = [Task(beside.value, i) for i in range(4)]
"""


@pytest.mark.parametrize("changed", ["beside.py", "deeper.py"])
def test_workers_that_have_loaded_another_version_of_a_module_do_not_run_that(
    jug: Jug, tmp_path: Path, changed: str
) -> None:
    """Workers of a cluster go on when a command has ended, and a file may change before the next one."""
    jug.write(
        "import deeper\nVERSION = 1\n\ndef value(i):\n    return VERSION, deeper.value(i)\n", "beside.py"
    )
    jug.write("VERSION = 1\n\ndef value(i):\n    return VERSION\n", "deeper.py")
    jug.write(BESIDE)
    cluster = DaskCluster(tmp_path / "cluster", env={"PYTHONPATH": str(jug.folder)})
    try:
        for version in (1, 2):
            # Of another length: by that, and by seconds, Python knows that it has to compile a file again.
            jug.write(
                (jug.folder / changed).read_text().replace("= 1", "= 1" if version == 1 else "= +2"), changed
            )
            done = jug(*on(cluster), "--jugdir", f"jugdir{version}")
            assert (done.returncode, said(done.stderr)) == (0, [])
        # As others of the cluster's users expect it, all that they themselves load is as they have it.
        with distributed.Client(cluster.address, set_as_default=False) as client:
            assert {*client.run(lambda: __import__("deeper").VERSION).values()} == {1}
    finally:
        cluster.close()
    shown = jug.python(
        "from jug import *; _, s = init('jugfile.py', 'jugdir2'); print({*value(s['values'])})"
    ).stdout
    assert shown == {"beside.py": "{(2, 1)}\n", "deeper.py": "{(1, 2)}\n"}[changed]


def test_modules_that_all_workers_have_go_by_name(jug: Jug, tmp_path: Path) -> None:
    """What is in such a module is there once, whatever runs."""
    jug.write("runs = []\n\ndef value(i):\n    runs.append(i)\n    return len(runs)\n", "beside.py")
    jug.write(BESIDE)
    cluster = DaskCluster(tmp_path / "cluster", 1, env={"PYTHONPATH": str(jug.folder)})
    try:
        assert jug(*on(cluster)).returncode == 0
        with distributed.Client(cluster.address, set_as_default=False) as client:
            assert [*client.run(lambda: len(__import__("beside").runs)).values()] == [4]
    finally:
        cluster.close()


def test_what_a_module_of_a_script_uses_is_sent_with_it(jug: Jug, cluster: DaskCluster) -> None:
    jug.write("def value(i):\n    return -i\n", "beside.py")
    jug.write(
        f"""
        import beside, jug

        jug.set_jugdir("jugdir")

        @jug.TaskGenerator
        def negative(i):
            return beside.value(i)

        negatives = [negative(i) for i in range(4)]
        jug.execute(backend="dask:{cluster.address}")
        print(jug.value(negatives))
        """,
        "script.py",
    )
    done = jug.run_python("script.py")
    assert done.stdout.splitlines()[-1:] == ["[0, -1, -2, -3]"], done.stderr


def test_a_function_that_refers_to_much_data_goes_to_the_cluster_once(
    jug: Jug, cluster: DaskCluster, counter: Counter
) -> None:
    jug.write(
        """
        import os, time
        from jug import TaskGenerator

        DATA = os.urandom(3_000_000)

        @TaskGenerator
        def length(i):
            time.sleep(0.1)
            return len(DATA) + i

        lengths = [length(i) for i in range(40)]
        """
    )
    done = jug("execute", "--will-cite", "--backend", f"dask:{counter.address}")
    assert (done.returncode, said(done.stderr)) == (0, [])
    assert 3_000_000 < counter.nr_bytes < 5_000_000


def test_a_function_that_went_away_with_its_workers_is_sent_again(jug: Jug, own_cluster: DaskCluster) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    DATA = os.urandom(500_000)

    @TaskGenerator
    def length(i):
        note(i)
        time.sleep(0.1)
        return len(DATA) + i

    lengths = [length(i) for i in range(60)]
    """
    )
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) >= 10, "tasks")
    with distributed.Client(own_cluster.address, set_as_default=False) as client:
        client.restart(wait_for_workers=False)
    status, stderr = ended(process)
    assert status == 0, stderr
    assert set(ran(jug.folder)) == set(map(str, range(60)))


@pytest.mark.parametrize("error", [KeyError("tcp://127.0.0.1:1"), OSError("it was closed"), CancelledError()])
def test_what_a_scheduler_says_of_workers_that_have_just_gone_costs_no_task(error: BaseException) -> None:
    """A task's own error is an answer of its worker, and none of these."""
    losses = DaskLosses()
    assert isinstance(losses.of_chunk(error), ChunkLost)
    assert losses.of_chunk(ValueError("it cannot be run")).args == ("it cannot be run",)


def test_a_second_interrupt_ends_what_runs_at_the_next_line_of_python(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        try:
            wait_for_file('opened')
        finally:
            note(f'{x}-ended')
        return x

    steps = [step(i) for i in range(20)]
    """
    )
    process = jug.start(*on(cluster))
    wait_for(lambda: len(ran(jug.folder)) == 2, "tasks")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("2 that run may finish" in line for line in process.stderr)
    assert len(ran(jug.folder)) == 2
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    wait_for(lambda: len(ran(jug.folder)) == 4, "their ends")
    (jug.folder / "opened").touch()
    # Workers are as they were.
    assert jug(*on(cluster)).returncode == 0
    assert kept(cluster) == []


def test_what_takes_a_connection_and_says_nothing_is_no_scheduler(jug: Jug) -> None:
    """Such as the end of a tunnel of which nothing is at the other end."""
    jug.write("from jug import Task\nTask(abs, -1)\n")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = jug("execute", "--will-cite", "--backend", f"dask:{address}")
    assert done.returncode == 1
    assert re.fullmatch(
        f"jug: error: the dask scheduler at {address} does not answer [^\n]+\n", done.stderr
    ), done.stderr


def test_a_scheduler_that_says_nothing_for_a_while_is_waited_for(jug: Jug, own_cluster: DaskCluster) -> None:
    """It is busy, or its host sleeps."""
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        time.sleep(0.1)
        return x

    steps = [step(i) for i in range(40)]
    """
    )
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) >= 6, "tasks")
    own_cluster.scheduler.send_signal(signal.SIGSTOP)
    assert process.stderr is not None
    line = next(line for line in process.stderr if "tasks done" not in line)
    assert line == f"jug: the dask scheduler at {own_cluster.address} has said nothing for 10 s; waiting\n"
    own_cluster.scheduler.send_signal(signal.SIGCONT)
    status, stderr = ended(process)
    assert (status, said(stderr)) == (0, [])
    assert {what: len(pids) for what, pids in ran(jug.folder).items()} == {str(i): 1 for i in range(40)}


def test_ending_a_worker_takes_as_long_as_that_takes(own_cluster: DaskCluster) -> None:
    """On a busy host what was killed is not gone at once, and dask waits no longer than before that."""

    async def end(dask_worker: Any) -> tuple[int, int]:
        before = dask_worker.pid
        worker._GRACE = 0.0
        await worker.end_worker(dask_worker)
        return before, dask_worker.pid

    with distributed.Client(own_cluster.address, set_as_default=False) as client:
        [address, _] = client.scheduler_info(n_workers=-1)["workers"]
        [(before, after)] = client.run(end, workers=[address], nanny=True).values()
        assert not is_alive(before)
        assert after != before


def test_what_tasks_with_limits_say_is_remembered_under_the_name_of_their_client(
    jug: Jug, own_cluster: DaskCluster
) -> None:
    """It is what a scheduler forgets when the client has been gone for an hour."""
    jug.write("from jug import Task\nfor i in range(20):\n    Task(abs, -i)\n")
    before = topics(own_cluster)
    done = jug(*on(own_cluster), "--timeout", "50")
    assert (done.returncode, said(done.stderr)) == (0, [])
    ours = {name for name in topics(own_cluster) - before if "jug" in name}
    assert ours
    assert all(name.startswith("Client-jug-") for name in ours)
