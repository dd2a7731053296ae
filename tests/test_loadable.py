"""Results that pickle takes and does not give back: found when they are stored, or when they are loaded."""

from __future__ import annotations

import pytest

JUGFILE = """
    import time
    from jug import TaskGenerator

    class Reading:
        def __reduce__(self):
            return load, ()

    class Shrunk(list):
        def __reduce__(self):
            return list, (list(self),)

    class Late:
        def __reduce__(self):
            time.sleep(PICKLING)
            return load_once, (self.broken,)

    def load():
        raise RuntimeError('units are not registered')

    def load_once(broken):
        if broken:
            load()
        late = Late()
        late.broken = broken
        return late

    @TaskGenerator
    def read(i):
        return Reading()

    @TaskGenerator
    def inside(i):
        return [i, Reading()]

    @TaskGenerator
    def shrink(i):
        return Shrunk([i])

    @TaskGenerator
    def late(i):
        time.sleep(RUNNING)
        found = Late()
        found.broken = i == 1
        return found

    @TaskGenerator
    def use(reading):
        return 1
"""


def write(jug, last, running=0.0, pickling=0.0):
    import textwrap

    return jug.write(
        textwrap.dedent(JUGFILE.replace("RUNNING", str(running)).replace("PICKLING", str(pickling)))
        + last
        + "\n"
    )


@pytest.mark.parametrize("store", ["plain.jugdata", "redis"])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["read", "inside", "shrink"])
def test_a_result_that_cannot_be_loaded_again_is_a_failure_of_its_task(
    jug, redis_server, name, workers, store
):
    jugdir = redis_server.url if store == "redis" else store
    write(jug, f"out = [use({name}(i)) for i in range(2)]")
    running = [
        jug.start("execute", "--will-cite", "--keep-going", "--jugdir", jugdir) for _ in range(workers)
    ]
    for worker in running:
        _, said = worker.communicate(timeout=100)
        assert worker.returncode == 1
        assert "use(" not in said
    told = jug("status", "--verbose=info", "--jugdir", jugdir).stderr
    assert f"jugfile.{name}(" in told
    assert "pickle" in told
    assert "more alike" in told


def test_of_a_long_task_every_result_is_looked_at(jug):
    write(jug, "out = [use(late(i)) for i in range(2)]", running=0.3)
    run = jug("execute", "--will-cite", "--keep-going")
    assert run.returncode == 1
    assert "task jugfile.late(1) returned a Late" in run.stderr


def test_of_a_short_task_a_later_result_is_named_when_it_is_loaded(jug):
    write(jug, "out = [late(i) for i in range(2)]\nlast = use(out[1])", pickling=0.1)
    run = jug("execute", "--will-cite", "--pattern", "late")
    assert run.returncode == 0, run.stderr
    run = jug("execute", "--will-cite")
    assert run.returncode == 1
    assert "cannot load the result of task jugfile.late" in run.stderr
    assert "jug invalidate --name jugfile.late" in run.stderr
    code = "import jug; jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['out'])"
    assert "cannot load the result of task jugfile.late" in jug.python(code).stderr
