"""What goes away while a cluster of dask runs tasks: workers, its scheduler, tasks that are ended."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from jug.errors import UserError
from jug.executors import dask_workers
from jug.executors.dask_pool import dask_pool
from jug.executors.pools import ChunkLost, Pool
from tests.support.command import Jug
from tests.support.dask_cluster import COUNTED, DaskCluster, ended, on, ran, said
from tests.support.jugfiles import PIPELINE
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

MANY = """
    @TaskGenerator
    def step(x):
        note(x)
        time.sleep(0.01)
        return x

    steps = [step(i) for i in range(200)]
"""


def kill_one_after(folder: Path, n_runs: int) -> int:
    """Kills the process of a worker after so many tasks began; its id."""
    wait_for(lambda: sum(map(len, ran(folder).values())) >= n_runs, "tasks")
    pid = list(ran(folder).values())[-1][-1]
    os.kill(pid, signal.SIGKILL)
    return pid


@pytest.mark.parametrize("is_own", [True, False], ids=["its own", "one that is there"])
def test_a_worker_that_dies_costs_what_it_ran(jug: Jug, tmp_path: Path, is_own: bool) -> None:
    jug.write(COUNTED.format(str(jug.folder)) + MANY)
    cluster = None if is_own else DaskCluster(tmp_path / "cluster")
    words = ("--backend", "dask", "-n", "2") if cluster is None else ("--backend", f"dask:{cluster.file}")
    process = jug.start("execute", "--will-cite", *words)
    killed = kill_one_after(jug.folder, 60)
    status, stderr = ended(process)
    if cluster is not None:
        cluster.close()
    assert status == 0, stderr
    found = ran(jug.folder)
    assert set(found) == set(map(str, range(200)))
    repeated = [pids for pids in found.values() if len(pids) > 1]
    # What ran twice was in the worker that died.
    assert all(len(pids) == 2 and pids[0] == killed for pids in repeated), repeated


def test_results_that_a_dead_worker_kept_are_not_computed_again(jug: Jug, own_cluster: DaskCluster) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def gate(xs):
        note('gate')
        wait_for_file('opened')
        return 1

    @TaskGenerator
    def large(i):
        note(f'large-{i}')
        time.sleep(0.05)
        return bytes([i]) * 500_000

    @TaskGenerator
    def use(data, other, opened):
        note(f'use-{data[0]}')
        return len(data) + len(other) + opened

    larges = [large(i) for i in range(10)]
    opened = gate([0 * len(larges)])
    sizes = [use(larges[i], larges[i - 1], opened) for i in range(10)]
    """
    )
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) == 11, "all that is before the gate")
    wait_for(lambda: "        10           0  jugfile.large" in jug("status").stdout, "the large results")
    found = ran(jug.folder)
    other = next(pids[0] for what, pids in found.items() if pids != found["gate"])
    os.kill(other, signal.SIGKILL)
    wait_for(lambda: not is_alive(other), "its end")
    (jug.folder / "opened").touch()
    status, stderr = ended(process)
    assert status == 0, stderr
    found = ran(jug.folder)
    assert len(found) == 21
    assert all(len(pids) == 1 for pids in found.values()), found


def test_a_task_that_ends_its_worker_fails_alone(jug: Jug) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        if x == 3:
            os._exit(7)
        return x

    steps = [step(i) for i in range(40)]
    """
    )
    done = jug("execute", "--will-cite", "--backend", "dask", "-n", "2", "--keep-going")
    assert done.returncode == 1
    assert "ended its process with status 7" in done.stderr
    assert re.search(r" 39 +0 +Total| 39 +\d+ +\d+ +Total", done.stdout), done.stdout


def test_a_scheduler_that_goes_away_ends_the_run_and_costs_nothing_that_arrived(
    jug: Jug, own_cluster: DaskCluster, cluster: DaskCluster
) -> None:
    jug.write(COUNTED.format(str(jug.folder)) + MANY)
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) >= 80, "tasks")
    own_cluster.scheduler.kill()
    status, stderr = ended(process)
    assert status == 1
    lines = said(stderr)
    assert lines[0] == (
        f"jug: the dask scheduler at {own_cluster.address} does not answer any more; trying again"
    )
    assert lines[1:] == [
        f"jug: error: the dask scheduler at {own_cluster.address} went away; what was finished is stored: "
        "run jug again"
    ]
    before = {what: len(pids) for what, pids in ran(jug.folder).items()}
    again = jug(*on(cluster))
    assert again.returncode == 0, again.stderr
    loaded = re.search(r"(\d+) +(\d+) +Total", again.stdout)
    assert loaded is not None
    assert int(loaded[2]) >= 40
    assert int(loaded[1]) + int(loaded[2]) == 200
    repeated = [what for what, pids in ran(jug.folder).items() if len(pids) > before.get(what, 0) > 0]
    assert len(repeated) <= 80


@pytest.mark.parametrize("is_own", [True, False], ids=["its own", "one that is there"])
def test_a_task_that_takes_too_long_is_ended_and_others_go_on(jug: Jug, tmp_path: Path, is_own: bool) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        time.sleep(1000 if x == 5 else 0.01)
        return x

    steps = [step(i) for i in range(40)]
    """
    )
    cluster = None if is_own else DaskCluster(tmp_path / "cluster")
    words = ("--backend", "dask", "-n", "2") if cluster is None else ("--backend", f"dask:{cluster.file}")
    done = jug("execute", "--will-cite", *words, "--timeout", "1", "--keep-going")
    if cluster is not None:
        cluster.close()
    assert done.returncode == 1
    assert "ran longer than" in done.stderr
    assert set(ran(jug.folder)) == set(map(str, range(40)))
    assert re.search(r" 39 +0 +Total| 39 +\d+ +\d+ +Total", done.stdout), done.stdout


def test_limits_need_a_nanny(jug: Jug, tmp_path: Path) -> None:
    cluster = DaskCluster(tmp_path / "cluster", 1, "--no-nanny", "--nthreads", "2")
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def meet(mine, other):
        open(mine, 'w').close()
        wait_for_file(other)

    meet(os.path.abspath('a'), 'b'), meet(os.path.abspath('b'), 'a')
    """
    )
    refused = jug(*on(cluster), "--timeout", "5")
    assert refused.returncode == 2
    assert "cannot end a task that takes too long" in refused.stderr
    # Each thread of a worker runs a task.
    done = jug(*on(cluster))
    cluster.close()
    assert (done.returncode, said(done.stderr)) == (0, [])


def test_a_task_that_takes_too_much_memory_is_ended(jug: Jug) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        data = b'x' * (800_000_000 if x == 5 else 1000)
        time.sleep(1000 if x == 5 else 0)
        return len(data)

    steps = [step(i) for i in range(20)]
    """
    )
    words = ("--backend", "dask", "-n", "2", "--memory-limit", "500M", "--keep-going")
    done = jug("execute", "--will-cite", *words)
    assert done.returncode == 1
    assert "of memory, and was killed" in done.stderr
    assert "19           0  Total" in done.stdout


def test_what_workers_of_other_hosts_say_of_their_memory_counts(cluster: DaskCluster) -> None:
    pool = dask_pool(cluster.address, 1)
    try:
        worker = pool.ask_importable([]).result(10) and next(iter(pool._workers._threads))
        wait_for(lambda: pool.memory(worker) > 10_000_000, "what the worker says")
        assert not logging.getLogger("distributed.client").isEnabledFor(logging.CRITICAL)
    finally:
        pool.close()
    # Whatever else uses dask here has its logs again.
    assert logging.getLogger("distributed.client").isEnabledFor(logging.CRITICAL)


def test_a_worker_that_lacks_this_package_is_named_at_once(jug: Jug, tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    absent.mkdir()
    (absent / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'jug':\n"
        "            raise ModuleNotFoundError(\"No module named 'jug'\", name='jug')\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    cluster = DaskCluster(tmp_path / "cluster", 1, env={"PYTHONPATH": str(absent)})
    jug.write(PIPELINE)
    done = jug(*on(cluster))
    cluster.close()
    assert done.returncode == 1
    assert re.fullmatch(
        r"jug: error: the dask worker tcp://127.0.0.1:\d+ cannot import this package: install jug-rs \S+ "
        r"there, for the Python that runs it\n",
        done.stderr,
    ), done.stderr


def test_a_scheduler_that_comes_back_gets_what_was_under_way(jug: Jug, own_cluster: DaskCluster) -> None:
    jug.write(COUNTED.format(str(jug.folder)) + MANY)
    process = jug.start(*on(own_cluster))
    wait_for(lambda: len(ran(jug.folder)) >= 60, "tasks")
    own_cluster.scheduler.kill()
    own_cluster.scheduler.wait()
    own_cluster.start_scheduler(own_cluster.address.rpartition(":")[2])
    own_cluster.start_workers()
    status, stderr = ended(process)
    assert status == 0, stderr
    assert set(ran(jug.folder)) == set(map(str, range(200)))


@pytest.mark.parametrize("how", ["a signal that nothing survives", "two interrupts"])
def test_no_process_of_a_cluster_of_its_own_outlives_its_coordinator(jug: Jug, how: str) -> None:
    jug.write(COUNTED.format(str(jug.folder)) + MANY.replace("0.01", "1000"))
    process = jug.start("execute", "--will-cite", "--backend", "dask", "-n", "2")
    wait_for(lambda: len(ran(jug.folder)) == 2, "tasks")
    below = descendants(process.pid)
    assert len(below) >= 3
    if how == "two interrupts":
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert any("2 that run may finish" in line for line in process.stderr)
        process.send_signal(signal.SIGINT)
    else:
        process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not any(map(is_alive, below)), "their end", 30)


def descendants(pid: int) -> list[int]:
    """The processes below one."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def give_until_it_is_refused(pool: Pool) -> None:
    """What is lost with a connection is given again, as a coordinator does."""
    for _ in range(1000):
        with contextlib.suppress(ChunkLost):
            pool.submit(b"", ()).result(60)
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["stopped", "replaced"])
def test_a_scheduler_that_says_nothing_any_more_is_given_up(
    own_cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """It takes connections: its host does, or something else is there now."""
    monkeypatch.setattr(dask_workers, "_PATIENCE", 3.0)
    monkeypatch.setattr(dask_workers, "CONNECTING", 1.0)
    pool = dask_pool(own_cluster.address, 1)
    try:
        pool.ask_importable([]).result(10)
        if how == "stopped":
            own_cluster.scheduler.send_signal(signal.SIGSTOP)
        else:
            own_cluster.scheduler.kill()
            own_cluster.scheduler.wait()
            silent = socket.create_server(("127.0.0.1", int(own_cluster.address.rpartition(":")[2])))
        with pytest.raises(UserError, match="went away; what was finished is stored"):
            give_until_it_is_refused(pool)
        with pytest.raises(UserError, match="does not answer any more"):
            _ = pool.can_end_workers
    finally:
        pool.close()
        if how == "replaced":
            silent.close()
