"""Tasks that start processes: their children leave results and claims alone, however they end."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

JUGFILE = """
    import multiprocessing, os, sys, threading, time
    from jug import CachedFunction, TaskGenerator, value

    def square(x):
        return x * x

    @TaskGenerator
    def one(x):
        return x

    @TaskGenerator
    def forks(how):
        child = os.fork()
        if child == 0:
            if how == 'exits':
                sys.exit(3)
            if how == 'raises':
                raise ValueError('only in the child')
            if how == 'is terminated':
                time.sleep(60)
            return 'the child came back'
        if how == 'is terminated':
            os.kill(child, 15)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    @TaskGenerator
    def pool(method):
        with multiprocessing.get_context(method).Pool(2) as workers:
            return workers.map(square, range(5))
"""


def value_of(jug, name: str) -> str:
    done = jug.python(
        f"import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata'); print(jug.value(s[{name!r}]))"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("how", "status", "said"),
    [
        ("exits", 3, ""),
        ("raises", 1, "ValueError: only in the child"),
        ("is terminated", -signal.SIGTERM, ""),
        ("comes back", 1, "returned from it"),
    ],
)
def test_a_forked_child_ends_by_itself_and_leaves_the_worker_alone(jug, how, status, said):
    """Its exit status is its own, nothing it does is stored, and the parent's claims stay."""
    jug.write(JUGFILE + f"    before = [one(i) for i in range(30)]\n    status = forks({how!r})\n")
    done = jug("execute", "--will-cite")
    assert done.returncode == 0, done.stderr
    assert int(value_of(jug, "status")) == status
    assert said in done.stderr
    assert "opened before this process was forked" not in done.stderr
    if not said:
        assert done.stderr == ""
    assert len(list(jug.folder.glob("jugfile.jugdata/workers/*"))) == 1
    assert jug("check").returncode == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_task_may_use_a_pool(jug, method):
    jug.write(JUGFILE + f"    before = [one(i) for i in range(30)]\n    squares = pool({method!r})\n")
    done = jug("execute", "--will-cite")
    assert (done.returncode, done.stderr) == (0, "")
    assert value_of(jug, "squares") == "[0, 1, 4, 9, 16]"


@pytest.mark.parametrize("claims", ["posix", "link"])
def test_a_killed_workers_task_is_free_while_its_child_lives_on(jug, claims):
    """The child holds the same files open, but no claim, and its heart does not beat for its parent."""
    jug.write(
        JUGFILE
        + """
    @TaskGenerator
    def leaves_a_child():
        if not os.path.exists('child'):
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            with open('child.tmp', 'w') as file:
                file.write(str(child))
            os.rename('child.tmp', 'child')
            time.sleep(60)
        return 1

    done = leaves_a_child()
    """
    )
    worker = jug.start("execute", "--will-cite", f"--claims={claims}")
    child = jug.folder / "child"
    deadline = time.monotonic() + 60
    while not child.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    other = jug.start("execute", "--will-cite")
    time.sleep(0.5)
    worker.kill()
    killed = time.monotonic()
    try:
        _, err = other.communicate(timeout=30)
        assert other.returncode == 0, err
        assert time.monotonic() - killed < 20
    finally:
        os.kill(int(Path(child).read_text()), signal.SIGKILL)
    worker.communicate()
    assert jug("check").returncode == 0


def test_a_task_may_use_threads_and_look_at_other_tasks(jug):
    """Values, can_load and CachedFunction inside of a task, from several threads at once."""
    jug.write(
        JUGFILE
        + """
    stored = CachedFunction(square, 9)
    ones = [one(i) for i in range(50)]

    @TaskGenerator
    def looks(n):
        seen = [None] * n
        def look(k):
            seen[k] = (CachedFunction(square, 9), [value(t) for t in ones if t.can_load()])
        threads = [threading.Thread(target=look, args=(k,)) for k in range(n)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        return all(s == (81, list(range(50))) for s in seen)

    @TaskGenerator
    def after(xs, n):
        return looks.f(n)

    found = after(ones, 4)
    """
    )
    done = jug("execute", "--will-cite")
    assert (done.returncode, done.stderr) == (0, "")
    assert value_of(jug, "found") == "True"
