"""Jugfiles with tasks in containers beside list, tuple and dict."""

from __future__ import annotations

import pytest

SETS = """
    from jug import TaskGenerator

    @TaskGenerator
    def one(i):
        return i

    @TaskGenerator
    def kinds(items):
        return sorted(type(each).__name__ for each in items)

    out = [kinds({one(1), 5}), kinds(frozenset({one(2)})), kinds({(one(3), 4)})]
"""


def test_a_task_in_a_set_stays_a_task_as_in_jug_2_7_with_one_warning(jug):
    jug.write(SETS)
    run = jug("execute", "--will-cite", "--short")
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("warning") == 1
    assert "task jugfile.kinds has the task jugfile.one in a set" in run.stderr
    values = jug.python(
        "import jug; print(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['out']))"
    ).stdout
    assert values == "[['Task', 'int'], ['Task'], ['tuple']]\n"


IN_CONTAINERS = """
    import collections
    import dataclasses
    from jug import TaskGenerator, bvalue

    @dataclasses.dataclass
    class Job:
        x: object

    @TaskGenerator
    def score(i):
        return i * i

    @TaskGenerator
    def sums(groups):
        return {k: sum(v) for k, v in groups.items()}

    @TaskGenerator
    def written(job):
        return repr(job)

    @TaskGenerator
    def cut(*args):
        return list(range(10))

    groups = collections.defaultdict(list)
    for i in range(4):
        groups[i % 2].append(score(i))
    part = cut()[score(1):score(2)]
    out = [sums(groups), written(Job(score(3))), part]
    seen = bvalue(Job(out)).x
    last = written(seen)
"""


@pytest.mark.parametrize("store", ["plain.jugdata", "redis"])
def test_a_jugfile_with_tasks_in_containers_gives_the_right_values(jug, redis_server, store):
    jugdir = redis_server.url if store == "redis" else store
    jug.write(IN_CONTAINERS)
    workers = [jug.start("execute", "--will-cite", "--jugdir", jugdir) for _ in range(3)]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    for worker in workers:
        worker.communicate()
    code = "import jug; _, space = jug.init('jugfile.py', %r); print(space['seen'], jug.value(space['last']))"
    found = jug.python(code % jugdir).stdout
    right = "[{0: 4, 1: 10}, 'Job(x=9)', [1, 2, 3]]"
    assert found == f"{right} {right}\n"
