"""``jug execute --backend dask``: clusters of its own, and real ones of other processes."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.dask_cluster import COUNTED, AdaptiveCluster, DaskCluster, ended, on, ran, said
from tests.support.jugfiles import PIPELINE
from tests.support.waiting import wait_for


def test_a_cluster_of_its_own_runs_tasks_and_is_gone_afterwards(jug: Jug) -> None:
    jug.write(
        PIPELINE + "\n    import os\n    pid = double(os.getpid)\n".replace("double(os.getpid)", "double(0)")
    )
    done = jug("execute", "--will-cite", "--backend", "dask", "-n", "2")
    assert (done.returncode, said(done.stderr)) == (0, [])
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
    assert (done.returncode, said(done.stderr)) == (0, [])
    shown = jug("status")
    assert re.search(rf"0 +0 +0 +{30 + 1 + 3 + 1 + 872 % 7} +0 +Total", shown.stdout), shown.stdout
    again = jug(*on(cluster))
    assert re.search(r"0 +\d+ +Total", again.stdout), again.stdout


def test_a_scheduler_file_is_as_good_as_an_address(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(PIPELINE)
    done = jug("execute", "--will-cite", "--backend", f"dask:{cluster.file}")
    assert (done.returncode, said(done.stderr)) == (0, [])


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
    assert (done.returncode, said(done.stderr)) == (0, [])
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
    assert (done.returncode, said(done.stderr)) == (0, [])
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
    ("address", "line"),
    [
        ("tcp://127.0.0.1:9", "the dask scheduler at tcp://127.0.0.1:9 does not answer"),
        ("missing.json", "there is no scheduler file /"),
        ("jugfile.py", "is no scheduler file of dask"),
        ("nonsense://a", "the dask scheduler at nonsense://a does not answer"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(jug: Jug, address: str, line: str) -> None:
    jug.write(PIPELINE)
    done = jug("execute", "--will-cite", "--backend", f"dask:{address}")
    assert done.returncode == 1
    assert line in done.stderr
    assert len(said(done.stderr)) == 1, done.stderr


def test_a_cluster_may_have_no_workers_for_a_while(jug: Jug, tmp_path: Path) -> None:
    cluster = AdaptiveCluster(tmp_path / "cluster")
    jug.write(
        COUNTED.format(str(jug.folder))
        + """
    # A function that refers to much data stays on the cluster, and workers that keep something do not go.
    DATA = os.urandom(500_000)

    @TaskGenerator
    def step(x):
        note(x)
        return len(DATA) + x

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
    assert (done.returncode, said(done.stderr)) == (0, [])
    assert {what: len(pids) for what, pids in ran(jug.folder).items()} == {str(i): 1 for i in range(8)}


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
    assert any("2 that run may finish" in line for line in process.stderr)
    (jug.folder / "opened").touch()
    status, _ = ended(process)
    assert status == 130
    assert len(ran(jug.folder)) == 2
    assert jug(*on(cluster)).returncode == 0
    assert {what: len(pids) for what, pids in ran(jug.folder).items()} == {str(i): 1 for i in range(20)}


def test_large_arguments_go_to_workers_without_a_word(jug: Jug, cluster: DaskCluster) -> None:
    jug.write(
        """
        from jug import TaskGenerator

        @TaskGenerator
        def length(data):
            return len(data)

        lengths = [length(bytes([i]) * n) for i, n in enumerate([3_000_000, 20_000_000, 5])]
        """
    )
    done = jug(*on(cluster))
    assert (done.returncode, said(done.stderr)) == (0, [])
