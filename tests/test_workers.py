"""Several workers on one jugfile: they share it, wait for each other, die and are replaced."""

from __future__ import annotations

import signal
import time

from tests.counted import COUNTED, ran, wait_for


def test_four_workers_run_every_task_once(jug):
    jug.write(COUNTED + "    total([step(i, 0.002) for i in range(400)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(4)]
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, out + err
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
    other = jug.start("execute", "--wait-cycle-time", "600", "--will-cite")
    (jug.folder / "killed").touch()
    time.sleep(0.3)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    # With a wait cycle of ten minutes, only a worker that notices the death by itself comes to an end here.
    out, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    assert "1           0  jugfile.hang_once" in out


def test_a_waiting_worker_wakes_when_work_appears_and_not_after_a_wait_cycle(jug):
    jug.write(COUNTED + "    total([step(1, 1.0)])\n")
    workers = [jug.start("execute", "--wait-cycle-time", "600", "--will-cite") for _ in range(2)]
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
    assert ran(jug.folder) == {"1": 1, "total": 1}


def test_what_another_worker_finished_is_counted_once(jug):
    jug.write(COUNTED + "    total([step(i, 0.5) for i in range(4)])\n")
    workers = [jug.start("execute", "--will-cite") for _ in range(3)]
    for worker in workers:
        out, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
        executed, loaded = (int(word) for word in out.splitlines()[-2].split()[:2])
        assert executed + loaded == 5, out


def test_a_worker_that_stored_nothing_leaves_nothing(jug):
    jug.write(COUNTED + "    total([step(1, 1.0)])\n")
    first = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["1"], "the task to start")
    idle = jug("execute", "--wait-cycle-time", "0.1", "--nr-wait-cycles", "1")
    assert idle.returncode == 0
    first.communicate(timeout=60)
    assert len(list((jug.folder / "jugfile.jugdata" / "workers").iterdir())) == 1


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
    step('long', 3)
    for i in range(200, 400):
        step(i)
"""
    )
    first = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["long"], "the long task to start")
    second = jug("execute", "--wait-cycle-time", "0.2", "--nr-wait-cycles", "3")
    assert second.returncode == 0
    # The first worker still sleeps: whatever it had claimed behind the long task was run by the second.
    assert first.poll() is None
    assert len(ran(jug.folder)) == 401
    first.communicate(timeout=60)
    assert set(ran(jug.folder).values()) == {1}


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
    for worker in workers:
        out, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, out + err
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
    assert jug("status", "--short").stdout.startswith("1 task")


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


def test_a_backend_of_the_user_works(jug):
    jug.write(
        """
        import pickle, os
        from jug import TaskGenerator, set_jugdir, value
        from jug.backends.base import base_store, base_lock

        class Lock(base_lock):
            def __init__(self, path): self.path = path
            def get(self):
                try:
                    os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
                    return True
                except FileExistsError:
                    return False
            def release(self): os.unlink(self.path)
            def is_locked(self): return os.path.exists(self.path)
            def fail(self): return False
            def is_failed(self): return False

        class Folder(base_store):
            def __init__(self): os.makedirs('mine', exist_ok=True)
            def path(self, name): return os.path.join('mine', name.decode())
            def dump(self, object, name):
                with open(self.path(name) + '.new', 'wb') as f: pickle.dump(object, f)
                os.replace(self.path(name) + '.new', self.path(name))
            def load(self, name):
                with open(self.path(name), 'rb') as f: return pickle.load(f)
            def can_load(self, name): return os.path.exists(self.path(name))
            def list(self): return [n.encode() for n in os.listdir('mine') if not n.endswith('.lock')]
            def listlocks(self): return [n[:-5].encode() for n in os.listdir('mine') if n.endswith('.lock')]
            def getlock(self, name): return Lock(self.path(name) + '.lock')
            def remove(self, name):
                if not self.can_load(name): return False
                os.unlink(self.path(name)); return True
            def cleanup(self, active, keeplocks=False):
                keep = {t.hash() for t in active}
                return len([self.remove(n) for n in self.list() if n not in keep])
            def remove_locks(self): return 0
            def close(self): pass

        set_jugdir(Folder())
        @TaskGenerator
        def inc(x): return x + 1
        t = inc(inc(1))
        """
    )
    workers = [jug.start("execute", "--will-cite") for _ in range(2)]
    for worker in workers:
        _, err = worker.communicate(timeout=60)
        assert worker.returncode == 0, err
    assert jug("check").returncode == 0
    assert len(list((jug.folder / "mine").iterdir())) == 2
    assert "2  Total" in jug("invalidate", "--name", "inc").stdout
    assert jug("check").returncode == 1


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
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert jug("check").returncode == 0
    assert ran(jug.folder) == {"1": 2, "slow1": 2}
