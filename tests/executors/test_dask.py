"""``jug execute --backend dask``: clusters of its own, and real ones of other processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.dask_cluster import AdaptiveCluster, DaskCluster
from tests.support.jugfiles import PIPELINE
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

#: Tasks that write a line each time they begin: what, and in which process. `{0}` is where.
COUNTED = """
    import os, time
    from jug import TaskGenerator, barrier

    def note(what):
        with open({0!r} + '/ran.log', 'a') as log:
            log.write(f'{{what}} {{os.getpid()}}\\n')

    def wait_for_file(name):
        while not os.path.exists({0!r} + '/' + name):
            time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster of two workers that tests leave as it was."""
    cluster = DaskCluster(tmp_path_factory.mktemp("dask") / "cluster")
    yield cluster
    cluster.close()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A cluster of two workers that a test may break."""
    cluster = DaskCluster(tmp_path / "cluster")
    yield cluster
    cluster.close()


def ran(folder: Path) -> dict[str, list[int]]:
    """The processes in which each task ran, in their order."""
    log, found = folder / "ran.log", {}
    for line in log.read_text().splitlines() if log.exists() else ():
        what, pid = line.split()
        found.setdefault(what, []).append(int(pid))
    return found


def on(cluster: DaskCluster | AdaptiveCluster) -> tuple[str, ...]:
    """How a jugfile is run on a cluster."""
    return "execute", "--will-cite", "--backend", f"dask:{cluster.address}"


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The status of a command, and what it wrote to stderr."""
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def test_a_cluster_of_its_own_runs_tasks_and_is_gone_afterwards(jug: Jug) -> None:
    jug.write(
        PIPELINE + "\n    import os\n    pid = double(os.getpid)\n".replace("double(os.getpid)", "double(0)")
    )
    done = jug("execute", "--will-cite", "--backend", "dask", "-n", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        jug.python(
            "from jug import *; _, s = init('jugfile.py', 'jugfile.jugdata'); print(value(s['twice']))"
        ).stdout
        == "40\n"
    )


def test_tasks_in_stages_run_on_a_cluster_that_is_there(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(
        """
        from jug import TaskGenerator, barrier, value

        @TaskGenerator
        def double(x):
            return 2 * x

        @TaskGenerator
        def add(xs, start=0):
            return sum(xs, start)

        first = [double(i) for i in range(30)]
        second = [add(first[i:i + 10]) for i in range(0, 30, 10)]
        total = add(second, start=double(1))
        barrier()
        last = [double(i) for i in range(value(total) % 7)]
        """
    )
    done = jug(*on(cluster))
    assert (done.returncode, done.stderr) == (0, "")
    shown = jug("status")
    assert re.search(rf"0 +0 +0 +{30 + 1 + 3 + 1 + 872 % 7} +0 +Total", shown.stdout), shown.stdout
    again = jug(*on(cluster))
    assert re.search(r"0 +\d+ +Total", again.stdout), again.stdout


def test_a_scheduler_file_is_as_good_as_an_address(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(PIPELINE)
    done = jug("execute", "--will-cite", "--backend", f"dask:{cluster.file}")
    assert (done.returncode, done.stderr) == (0, "")


def test_large_results_are_passed_on_where_they_are(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    class Large:
        def __init__(self):
            self.data = os.urandom(100_000)

        def __getstate__(self):
            note('pickled')
            return self.__dict__

    @TaskGenerator
    def make(i):
        note('made')
        return Large()

    @TaskGenerator
    def use(large, i):
        return len(large.data)

    larges = [make(i) for i in range(3)]
    sizes = [use(large, i) for large in larges for i in range(5)]
    """
    )
    done = jug(*on(cluster))
    assert (done.returncode, done.stderr) == (0, "")
    found = ran(jug.folder)
    assert len(found["made"]) == 3
    # Outside of the workers once each, where they are stored; never to be sent.
    assert len([pid for pid in found["pickled"] if pid not in found["made"]]) == 3


def test_modules_beside_the_jugfile_are_sent_by_value(jug: Jug, cluster: DaskCluster) -> None:
    jug.write("import deeper\n\ndef shift(x):\n    return deeper.OFFSET + x\n", "beside.py")
    jug.write("OFFSET = 1000\n", "deeper.py")
    jug.write(
        """
        import beside
        from jug import Task, TaskGenerator

        @TaskGenerator
        def twice(x):
            return 2 * beside.shift(x)

        one = Task(beside.shift, 1)
        two = twice(one)
        """
    )
    done = jug(*on(cluster))
    assert (done.returncode, done.stderr) == (0, "")
    shown = jug.python(
        "from jug import *; _, s = init('jugfile.py', 'jugfile.jugdata'); print(value(s['two']))"
    )
    assert shown.stdout == "4002\n", shown.stderr


def test_a_package_that_workers_lack_is_named_at_once(jug: Jug, cluster: DaskCluster) -> None:
    packages = jug.folder / "site-packages"
    packages.mkdir()
    (packages / "only_here.py").write_text("def f(x):\n    return x\n")
    jug.write("import only_here\nfrom jug import Task\nTask(only_here.f, 1)\n")
    # An installed package, as far as this process knows.
    (jug.folder / "sitecustomize.py").write_text(
        f"import sys, sysconfig\nhere = {str(packages)!r}\nsys.path.append(here)\n"
        "get = sysconfig.get_path\n"
        "sysconfig.get_path = lambda name, *rest: here if name == 'purelib' else get(name, *rest)\n"
    )
    done = jug(*on(cluster), env={"PYTHONPATH": str(jug.folder)})
    assert done.returncode == 1
    assert re.fullmatch(
        r"jug: error: a worker \([^)]+, process \d+\) cannot import the module only_here, which tasks need "
        r"\(ModuleNotFoundError: No module named 'only_here'\): install there [^\n]+\n",
        done.stderr,
    ), done.stderr


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp://127.0.0.1:9", "the dask scheduler at tcp://127.0.0.1:9 does not answer"),
        ("missing.json", "there is no scheduler file /"),
        ("jugfile.py", "is no scheduler file of dask"),
        ("nonsense://a", "the dask scheduler at nonsense://a does not answer"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(jug: Jug, address: str, said: str) -> None:
    jug.write(PIPELINE)
    done = jug("execute", "--will-cite", "--backend", f"dask:{address}")
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr


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
    lines = [line for line in stderr.splitlines() if "tasks done" not in line]
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


def test_a_cluster_may_have_no_workers_for_a_while(jug: Jug, tmp_path: Path) -> None:
    cluster = AdaptiveCluster(tmp_path / "cluster")
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        return x

    first = [step(i) for i in range(4)]
    barrier()
    pids = {int(line.split()[1]) for line in open('ran.log')}
    while any(os.path.exists(f'/proc/{pid}') for pid in pids):
        time.sleep(0.05)
    second = [step(i) for i in range(4, 8)]
    """
    )
    done = jug(*on(cluster))
    cluster.close()
    assert (done.returncode, done.stderr) == (0, "")
    assert {what: len(pids) for what, pids in ran(jug.folder).items()} == {str(i): 1 for i in range(8)}


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
    cluster = DaskCluster(tmp_path / "cluster", 1, "--no-nanny")
    jug.write(PIPELINE)
    done = jug(*on(cluster), "--timeout", "5")
    cluster.close()
    assert done.returncode == 2
    assert "cannot end a task that takes too long" in done.stderr


def test_an_interrupt_lets_what_runs_finish_and_starts_nothing_more(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    @TaskGenerator
    def step(x):
        note(x)
        wait_for_file('opened')
        return x

    steps = [step(i) for i in range(20)]
    """
    )
    process = jug.start(*on(cluster))
    wait_for(lambda: len(ran(jug.folder)) == 2, "tasks")
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert "2 that run may finish" in process.stderr.readline()
    (jug.folder / "opened").touch()
    status, _ = ended(process)
    assert status == 130
    assert len(ran(jug.folder)) == 2
    assert jug(*on(cluster)).returncode == 0
    assert {what: len(pids) for what, pids in ran(jug.folder).items()} == {str(i): 1 for i in range(20)}


def test_no_process_of_a_cluster_of_its_own_outlives_a_killed_coordinator(jug: Jug) -> None:
    jug.write(COUNTED.format(str(jug.folder)) + MANY.replace("0.01", "1000"))
    process = jug.start("execute", "--will-cite", "--backend", "dask", "-n", "2")
    wait_for(lambda: len(ran(jug.folder)) == 2, "tasks")
    below = descendants(process.pid)
    assert len(below) >= 3
    process.kill()
    process.communicate(timeout=30)
    deadline = time.monotonic() + 30
    wait_for(lambda: not any(map(is_alive, below)), "their end", deadline - time.monotonic())


def descendants(pid: int) -> list[int]:
    """The processes below one."""
    found = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += [int(child), *descendants(int(child))]
    return found
