"""Results that pickle takes and does not give back: found when they are stored, or when they are loaded."""

from __future__ import annotations

import pytest

from tests.cli.test_users_backend import BACKEND

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


def write(jug, last, running=0.0, pickling=0.0, head=""):
    import textwrap

    return jug.write(
        head
        + textwrap.dedent(JUGFILE.replace("RUNNING", str(running)).replace("PICKLING", str(pickling)))
        + last
        + "\n"
    )


@pytest.fixture(params=["file", "redis", "users"])
def jugdir(request, jug):
    """What to write at the head of a jugfile, and options, for a store of each kind."""
    if request.param == "users":
        jug.write(BACKEND, "mine.py")
        return "import jug, mine, os\njug.set_jugdir(mine.folder_store(os.path.abspath('kept')))\n", []
    if request.param == "redis":
        return "", ["--jugdir", request.getfixturevalue("redis_server").url]
    return "", []


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("name", ["read", "inside", "shrink"])
def test_a_result_that_cannot_be_loaded_again_is_a_failure_of_its_task(jug, jugdir, name, workers):
    head, options = jugdir
    write(jug, f"out = [use({name}(i)) for i in range(2)]", head=head)
    running = [jug.start("execute", "--will-cite", "--keep-going", *options) for _ in range(workers)]
    said = ""
    for worker in running:
        said += worker.communicate(timeout=100)[1]
        assert worker.returncode == 1
    assert "use(" not in said
    # Why a task failed, a store of the user's own does not keep.
    printed = said if head else jug("status", "--verbose=info", *options).stderr
    assert f"jugfile.{name}(" in printed
    assert "the store" if head else "pickle" in printed
    assert head or "more alike" in printed
    assert " 0 complete" in jug("status", "--short", *options).stdout


def test_a_result_that_cannot_be_loaded_again_is_a_failure_in_memory_too(jug):
    write(jug, "out = [use(read(i)) for i in range(2)]")
    run = jug("execute", "--will-cite", "--keep-going", "--jugdir", "dict_store")
    assert run.returncode == 1
    assert "returned a Reading, which cannot be stored" in run.stderr
    assert "units are not registered" in run.stderr
    assert "use(" not in run.stderr


def test_of_a_long_task_every_result_is_looked_at(jug, jugdir):
    head, options = jugdir
    write(jug, "out = [use(late(i)) for i in range(2)]", running=0.3, head=head)
    run = jug("execute", "--will-cite", "--keep-going", *options)
    assert run.returncode == 1
    assert "task jugfile.late(1) returned a Late" in run.stderr


def test_of_a_short_task_a_later_result_is_named_when_it_is_loaded(jug, jugdir):
    head, options = jugdir
    write(jug, "out = [late(i) for i in range(2)]\nlast = use(out[1])", pickling=0.1, head=head)
    run = jug("execute", "--will-cite", "--pattern", "late", *options)
    assert run.returncode == 0, run.stderr
    run = jug("execute", "--will-cite", *options)
    assert run.returncode == 1
    assert "cannot load the result of task jugfile.late" in run.stderr
    assert "jug invalidate --name jugfile.late" in run.stderr
    if options:
        return
    code = "import jug; jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['out'])"
    assert "cannot load the result of task jugfile.late" in jug.python(code).stderr
