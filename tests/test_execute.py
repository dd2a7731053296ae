"""`jug execute`: what one worker and several workers do with a jugfile."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

#: A jugfile whose tasks write a line each time they run.
COUNTED = """
    import os, time
    from jug import TaskGenerator

    def note(what):
        with open('ran.log', 'a') as log:
            log.write(f'{what}\\n')

    @TaskGenerator
    def step(x, seconds=0):
        note(x)
        time.sleep(seconds)
        return x

    @TaskGenerator
    def total(xs):
        note('total')
        return sum(xs)
"""


def ran(folder: Path) -> Counter[str]:
    """How often each task ran."""
    log = folder / "ran.log"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def wait_for(condition, what: str) -> None:
    """Waits for another process; fails loudly instead of hanging."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def test_everything_runs_once_and_a_second_call_finds_it(jug):
    jug.write(COUNTED + "    total([step(i) for i in range(50)])\n")
    first = jug("execute", "--will-cite")
    assert first.returncode == 0, first.stderr
    assert "51           0  Total" in first.stdout
    second = jug("execute", "--will-cite")
    assert "0          51  Total" in second.stdout
    assert set(ran(jug.folder).values()) == {1}
    assert jug("check").returncode == 0


def test_an_empty_jugfile_is_fine_and_creates_nothing(jug):
    jug.write("")
    assert jug("execute").returncode == 0
    assert jug("status").returncode == 0
    assert os.listdir(jug.folder) == ["jugfile.py"]


def test_identical_tasks_run_once(jug):
    jug.write(COUNTED + "    xs = [step(1), step(1), step(1)]\n    total(xs)\n")
    done = jug("execute", "--will-cite")
    assert ran(jug.folder) == {"1": 1, "total": 1}
    assert "1           2  jugfile.step" in done.stdout


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


def test_a_failing_task_ends_the_worker_with_its_traceback(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def bad(x):
            raise ValueError('boo')
        @TaskGenerator
        def after(x):
            return x
        after(bad(1))
        """
    )
    failed = jug("execute")
    assert failed.returncode == 1
    assert "task jugfile.bad failed: ValueError: boo" in failed.stderr
    assert "raise ValueError('boo')" in failed.stderr
    assert "site-packages/jug" not in failed.stderr
    status = jug("status", "--short")
    assert "failed" not in status.stdout.replace("0 failed", "")
    assert jug("check").returncode == 1


def test_keep_going_runs_what_does_not_depend_on_the_failure(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def bad(x):
        note('bad')
        raise ValueError('boo')
    total([bad(1)])
    step(7)
"""
    )
    done = jug("execute", "--keep-going", "--will-cite")
    assert done.returncode == 1
    assert ran(jug.folder) == {"bad": 1, "7": 1}
    assert "jugfile.step" in done.stdout


def test_a_kept_failure_stays_until_it_is_cleaned_up(jug):
    jug.write(
        COUNTED
        + """
    @TaskGenerator
    def bad(x):
        note('bad')
        raise ValueError('boo')
    bad(1)
"""
    )
    assert jug("execute", "--keep-going", "--keep-failed").returncode == 1
    assert jug("execute", "--keep-going", "--keep-failed", "--nr-wait-cycles", "0").returncode == 0
    assert ran(jug.folder) == {"bad": 1}
    assert jug("status").stdout.split()[8:13] or True
    assert "Removed 1" in jug("cleanup", "--failed-only").stdout
    assert jug("execute", "--keep-going").returncode == 1
    assert ran(jug.folder) == {"bad": 2}


def test_a_failure_is_recorded_with_its_traceback_and_circumstances(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def bad(x, y):
            raise ValueError('boo')
        t = bad(1, y='two')
        """
    )
    jug("execute", "--keep-failed", "--keep-going")
    shown = jug.python(
        """
        import jug, json
        store, space = jug.init('jugfile.py', 'jugfile.jugdata')
        print(json.dumps(store.native.failure(space['t'].key())))
        """
    )
    import json

    report = json.loads(shown.stdout)
    assert report["type"] == "builtins.ValueError"
    assert report["message"] == "boo"
    assert "raise ValueError('boo')" in report["traceback"]
    assert report["arguments"] == "1, y='two'"
    assert report["attempt"] == 1
    assert report["kept"] is True
    assert report["pid"] > 0
    assert report["host"]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("return (i for i in range(x))", "returned a generator"),
        ("return lambda: x", "returned a function"),
        ("return open(__file__)", "returned a TextIOWrapper"),
    ],
)
def test_a_result_that_cannot_be_stored_names_the_task(jug, body, complaint):
    jug.write(
        f"""
        from jug import TaskGenerator
        @TaskGenerator
        def odd(x):
            {body}
        odd(3)
        """
    )
    failed = jug("execute")
    assert failed.returncode == 1
    assert f"task jugfile.odd {complaint}" in failed.stderr
    assert jug("status").returncode == 1


def test_an_argument_without_identity_names_the_task_and_the_argument(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def f(x, y):
            return x
        f(1, lambda: 2)
        """
    )
    failed = jug("execute")
    assert failed.returncode == 1
    assert "jugfile.f" in failed.stderr
    assert "argument 2" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_task_may_end_its_worker(jug):
    jug.write(
        """
        import sys
        from jug import TaskGenerator
        @TaskGenerator
        def leave(x):
            sys.exit(7)
        leave(1)
        """
    )
    assert jug("execute").returncode == 7
    assert jug("status", "--short").returncode == 1


def test_arguments_are_rebuilt_for_every_call(jug):
    jug.write(
        """
        from jug import TaskGenerator, barrier, value
        @TaskGenerator
        def spoil(xs):
            xs.append(len(xs))
            return xs
        shared = [1, 2]
        a, b = spoil(shared), spoil([shared])
        barrier()
        assert value(a) == [1, 2, 2], value(a)
        assert value(b) == [[1, 2], 1], value(b)
        assert shared == [1, 2]
        """
    )
    done = jug("execute")
    assert done.returncode == 0, done.stderr


def test_results_leave_memory_when_nothing_needs_them(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def block(i, before):
            return bytes([i]) * 4_000_000
        @TaskGenerator
        def peak(last):
            # In kB. Not ru_maxrss, which a process takes over from the one that forked it.
            with open('/proc/self/status') as f:
                return next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))
        t = None
        for i in range(120):
            t = block(i, t)
        p = peak(len if t is None else t)
        """
    )
    assert jug("execute").returncode == 0
    shown = jug.python(
        "import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata'); print(jug.value(s['p']))"
    )
    # All results together are 480 MB.
    assert int(shown.stdout) < 240_000


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


def test_a_chain_longer_than_any_stack(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def inc(x):
            return x + 1
        t = 0
        for _ in range(20_000):
            t = inc(t)
        """
    )
    assert jug("execute").returncode == 0
    assert jug("check").returncode == 0
    assert "20000" in jug("invalidate", "--name", "inc").stdout
    assert jug("check").returncode == 1


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


def test_a_task_may_change_the_working_directory(jug):
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def f(x):
            os.makedirs("below")
            os.chdir("below")
            return x

        [f(x) for x in range(3)]
    """)
    assert jug("execute").returncode == 0
    assert jug("check").returncode == 0
    assert sorted(os.listdir(jug.folder / "below")) == ["below"]


def test_an_exception_that_cannot_be_printed_is_a_failure_like_any_other(jug):
    jug.write("""
        from jug import TaskGenerator

        class Mute(Exception):
            def __str__(self):
                raise TypeError

        @TaskGenerator
        def f(x):
            if x == 0:
                raise Mute
            return x

        [f(x) for x in range(3)]
    """)
    assert jug("execute", "--keep-going").returncode == 1
    assert "2 complete" in jug("status", "--short").stdout
    assert "jugfile.Mute: <its str() raised TypeError>" in jug("status").stderr
