"""Several workers on one jugfile, over every kind of store: they share it, wait, die and are replaced."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.command import Jug
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for


@pytest.fixture(params=["posix", "link", "redis"])
def jug(jug: Jug, request: pytest.FixtureRequest) -> Jug:
    """``jug`` in a directory whose jugrc chooses where results and claims are."""
    if request.param == "redis":
        chosen = f"jugdir = {request.getfixturevalue('redis_server').url}"
    else:
        chosen = f"claims = {request.param}"
    (jug.folder / "jugrc").write_text(f"[main]\n{chosen}\n")
    return jug


def finish(*workers):
    """Waits for workers to end well; what each printed."""
    outs = []
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, out + err
        outs.append(out)
    return outs


def test_four_workers_run_every_task_once(jug):
    jug.write(COUNTED + "    total([step(i, 0.002) for i in range(400)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(4)]
    finish(*workers)
    assert ran(jug.folder) == {**{str(i): 1 for i in range(400)}, "total": 1}


def test_a_killed_workers_task_is_run_by_another_without_cleanup(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def hang_once(x):
        note('hang')
        if not os.path.exists('killed'):
            time.sleep(600)
        return x

    hang_once(1)
"""
    )
    victim = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["hang"], "the task to start")
    other = jug.start("execute", "--wait-cycle-time", "600", "--will-cite", "--verbose=info")
    (jug.folder / "killed").touch()
    assert any("waiting for other workers" in line for line in other.stderr)
    time.sleep(0.3)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    # With a wait cycle of ten minutes, only a worker that notices the death by itself comes to an end here.
    assert "1           0  jugfile.hang_once" in finish(other)[0]


def test_a_waiting_worker_wakes_when_work_appears_and_not_after_a_wait_cycle(jug):
    jug.write(COUNTED + "    total([step(1, 1.0)])\n")
    workers = [jug.start("execute", "--wait-cycle-time", "600", "--will-cite") for _ in range(2)]
    finish(*workers)
    assert ran(jug.folder) == {"1": 1, "total": 1}


def test_what_another_worker_finished_is_counted_once(jug):
    jug.write(COUNTED + "    total([step(i, 0.5) for i in range(4)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(3)]
    for out in finish(*workers):
        executed, loaded = (int(word) for word in out.splitlines()[-2].split()[:2])
        assert executed + loaded == 5, out


def test_wait_cycles_bound_how_long_a_worker_waits(jug):
    jug.write(COUNTED + "    total([step(1, 600)])\n")
    busy = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["1"], "the task to start")
    idle = jug("execute", "--wait-cycle-time", "0.1", "--nr-wait-cycles", "2", "--will-cite")
    assert idle.returncode == 0
    busy.kill()
    busy.communicate()


def test_a_long_task_gives_back_what_was_claimed_behind_it(jug):
    jug.write(
        COUNTED
        + """
    for i in range(200):
        step(i)
    step('long', 6)
    for i in range(200, 400):
        step(i)
"""
    )
    first = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["long"], "the long task to start")
    second = jug("execute", "--wait-cycle-time", "0.5", "--nr-wait-cycles", "5")
    assert second.returncode == 0
    # The first worker still sleeps: whatever it had claimed behind the long task was run by the second.
    assert first.poll() is None
    assert len(ran(jug.folder)) == 401
    finish(first)
    assert set(ran(jug.folder).values()) == {1}


def test_what_is_invalidated_beside_a_long_task_can_be_run_by_another(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def quick():
        note('quick')

    quick()
    step('long', 600)
"""
    )
    first = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["long"], "the long task to start")
    assert jug("invalidate", "--name", "quick").returncode == 0
    second = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["quick"] == 2, "another worker to run what was invalidated")
    assert first.poll() is None
    for worker in (first, second):
        worker.kill()
        worker.communicate()


def test_results_behind_a_barrier(jug):
    jug.write(
        COUNTED
        + """
    from jug import barrier, bvalue, value
    xs = [step(i) for i in range(5)]
    barrier()
    assert value(xs) == [0, 1, 2, 3, 4]
    n = bvalue(total(xs))
    ys = [step(100 + i) for i in range(n)]
    last = total(ys)
    with open('n.txt', 'w') as f:
        f.write(str(n))
"""
    )
    workers = [jug.start("execute", "--will-cite") for _ in range(3)]
    finish(*workers)
    assert (jug.folder / "n.txt").read_text() == "10"
    # The two calls of `total` have different arguments; every other task is its own.
    assert ran(jug.folder) == {**{str(i): 1 for i in [*range(5), *range(100, 110)]}, "total": 2}
    assert jug("check").returncode == 0


def test_ctrl_c_keeps_what_was_finished(jug):
    jug.write(COUNTED + "    for i in range(20):\n        step(i)\n    step('long', 600)\n")
    worker = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["long"], "the long task to start")
    worker.send_signal(signal.SIGINT)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 130
    assert err.strip().splitlines()[-1] == "jug: interrupted; what was finished is stored"
    assert "Traceback" not in err
    left = jug("status", "--short").stdout
    assert left.startswith("1 tasks waiting to be run, 0 failed, 20 complete, (none active)")


def test_nothing_finished_is_lost_to_kill_9(jug):
    jug.write(COUNTED + "    for i in range(500):\n        step(i)\n    step('long', 600)\n")
    worker = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["long"], "the long task to start")
    time.sleep(0.1)  # Written 5 ms after they were finished.
    worker.kill()
    worker.communicate()
    jug.write(COUNTED + "    for i in range(500):\n        step(i)\n    step('long', 0)\n")
    assert jug("execute").returncode == 0
    assert {key: n for key, n in ran(jug.folder).items() if n != 1} in ({}, {"long": 2})


def test_a_result_invalidated_while_its_task_ran_does_not_count(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def slow(x):
        note(f'slow{x}')
        while not os.path.exists('go'):
            time.sleep(0.01)
        return x
    a = step(1)
    b = slow(a)
"""
    )
    worker = jug.start("execute", "--will-cite")
    wait_for(lambda: ran(jug.folder)["slow1"], "the slow task to start")
    assert "1  Total" in jug("invalidate", "--name", "step").stdout
    (jug.folder / "go").touch()
    finish(worker)
    assert jug("check").returncode == 0
    assert ran(jug.folder) == {"1": 2, "slow1": 2}
