"""What tasks do to the process that runs them, and what ends a run in the middle."""

from __future__ import annotations

import signal

import pytest

from tests.executors.test_backends import HEAD, ran, reports, value_of
from tests.support.processes import is_alive
from tests.support.waiting import wait_for

BACKENDS = ["threads", "processes", "supervised", "loky"]


def on(backend, *options):
    return ["execute", "--will-cite", "-n", "2", "--backend", backend, *options]


def complete(jug):
    line = jug("status", "--short").stdout
    return int(line.split(" complete")[0].split()[-1]) if " complete" in line else None


#: Chunks of short tasks, of which some take long: they come back before their end.
UNEVEN = (
    HEAD
    + """
    @TaskGenerator
    def work(i):
        note(i)
        if i >= 1000 and i % 40 == 0:
            time.sleep(0.6)
        if i == STOP:
            ACT
        return i

    all = [work(i) for i in range(3000)]
    """
)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failure_beside_a_chunk_that_comes_back_short_ends_the_run(jug, backend):
    jug.write(UNEVEN.replace("STOP", "1200").replace("ACT", "raise ValueError(i)"))
    done = jug(*on(backend), timeout=60)
    assert done.returncode == 1
    assert "ValueError: 1200" in done.stderr
    assert complete(jug) == len(ran(jug)) - 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_beside_a_chunk_that_comes_back_short_ends_the_run(jug, backend):
    jug.write(UNEVEN.replace("STOP", "1200").replace("ACT", "open('now', 'w').close()"))
    running = jug.start(*on(backend, "--progress=none"))
    wait_for((jug.folder / "now").exists, "the task")
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert complete(jug) == len(ran(jug))


@pytest.mark.parametrize("backend", ["processes", "supervised", "loky"])
def test_a_crash_while_it_ends_ends_it(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        if i == 1:
            while not os.path.exists("interrupted"):
                time.sleep(0.01)
            os._exit(3)
        if i == 2:
            open("now", "w").close()
            while not os.path.exists("interrupted"):
                time.sleep(0.01)
            time.sleep(1)
        return i

    all = [work(i) for i in range(6)]
    """
    )
    running = jug.start(*on(backend, "--progress=none"))
    wait_for((jug.folder / "now").exists, "the task")
    running.send_signal(signal.SIGINT)
    assert "no other task starts" in running.stderr.readline()
    (jug.folder / "interrupted").touch()
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert jug(*on(backend, "--keep-going")).returncode == 1
    assert complete(jug) == 5


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_limit_on_the_number_of_tasks_ends_it_and_what_ran_is_stored(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.02)
        return i

    all = [work(i) for i in range(300)]
    """
    )
    done = jug(*on(backend), env={"JUG_MAX_TASKS": "10"})
    assert done.returncode == 0, done.stderr
    assert 10 <= complete(jug) == len(ran(jug)) < 300
    assert (done.stdout + done.stderr).count("stopped") == 1


@pytest.mark.parametrize("backend", [*BACKENDS, "concurrent.futures:ProcessPoolExecutor"])
def test_a_process_that_a_task_forks_and_that_returns_ends_alone(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        pid = os.fork()
        if pid == 0 and i == 1:
            os._exit(0)
        with open("pids", "a") as pids:
            pids.write(f"{os.getpid()}\\n")
        return i, pid == 0

    all = [work(i) for i in range(5)]
    """
    )
    done = jug(*on(backend), timeout=60)
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "all") == [(i, False) for i in range(5)]
    pids = set((jug.folder / "pids").read_text().split())
    wait_for(lambda: not any(map(is_alive, pids)), "the end of all processes")


@pytest.mark.parametrize("backend", BACKENDS)
def test_whatever_a_task_raises_or_returns_is_its_own_failure(jug, backend):
    jug.write(
        HEAD
        + """
    class Leaves:
        def __init__(self, when):
            self.when = when

        def __reduce__(self):
            if self.when == "pickled":
                sys.exit(3)
            return sys.exit, (4,)

    @TaskGenerator
    def work(i):
        if i == 1:
            raise KeyboardInterrupt
        if i == 2:
            return Leaves("pickled")
        if i == 3:
            return Leaves("loaded")
        if i == 4:
            raise GeneratorExit
        return i

    all = [work(i) for i in range(8)]
    """
    )
    done = jug(*on(backend, "--keep-going"))
    assert done.returncode == 1
    found = {name: it["kind"] for name, it in reports(jug).items()}
    assert found == {"1": "exception", "2": "unstorable", "3": "unstorable", "4": "exception"}


def test_a_function_of_no_module_goes_by_value(jug):
    jug.write(
        """
        from jug import TaskGenerator
        made = {"__name__": "nowhere"}
        exec("def double(x): return 2 * x", made)
        double = TaskGenerator(made["double"])
        all = [double(i) for i in range(5)]
        """
    )
    done = jug(*on("processes"))
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "all") == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_task_may_use_a_pool_of_its_own(jug, context):
    jug.write(
        HEAD
        + f"""
    import multiprocessing

    @TaskGenerator
    def work(i):
        with multiprocessing.get_context({context!r}).Pool(2) as pool:
            return pool.map(abs, range(-i, i))

    all = [work(i) for i in range(4)]
    """
    )
    for backend in ("threads", "processes"):
        done = jug(*on(backend), "--jugdir", backend, timeout=60)
        assert done.returncode == 0, done.stderr
