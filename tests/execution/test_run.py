"""``jug.execute``: the tasks of a script, run in its process or in workers."""

from __future__ import annotations

import re

import pytest

from tests.supervisor.conftest import BACKEND

WORK = """
    @TaskGenerator
    def work(i):
        note(i)
        return i

    @TaskGenerator
    def total(numbers):
        return sum(numbers)

    out = total([work(i) for i in range(40)])
"""


@pytest.fixture(params=["posix", "link", "redis", "backend"])
def opened(request, jug):
    """Lines that open a store of each kind."""
    if request.param == "redis":
        return f"    jug.set_jugdir({request.getfixturevalue('redis_server').url!r})\n"
    if request.param == "backend":
        return BACKEND + "    jug.set_jugdir(Store())\n"
    if request.param == "link":
        assert jug("init-store", "--claims=link", "--jugdir=jugdata").returncode == 0
    return "    jug.set_jugdir('jugdata')\n"


@pytest.mark.parametrize("n_workers", [None, 1, 3, "auto"])
def test_all_tasks_are_run_once_and_their_results_can_be_had(script, opened, n_workers, left):
    run = f"""
    summary = jug.execute(n_workers={n_workers!r})
    show(**counted(summary), repr=repr(summary), value=jug.value(out), me=os.getpid())
"""
    out, err = script(opened + WORK + run)
    assert (out, err) == ("", "")
    shown = script.shown()
    me = str(shown.pop("me"))
    counts = {"executed": 41, "loaded": 0, "failed": 0, "unfinished": 0}
    assert shown == {
        **counts,
        "repr": "ExecutionSummary(executed=41, loaded=0, failed=0)",
        "value": sum(range(40)),
    }
    assert script.times_run() == dict.fromkeys(map(str, range(40)), 1)
    pids = {pid for pids in script.ran().values() for pid in pids}
    assert pids == {me} if n_workers is None else me not in pids
    assert left() == []
    script(opened + WORK + run)
    assert {name: script.shown()[name] for name in counts} == counts | {"executed": 0, "loaded": 41}
    assert set(script.times_run().values()) == {1}


def test_the_counts_are_those_of_the_command(jug, script):
    jug.write(
        """
        from jug import TaskGenerator, barrier, bvalue

        @TaskGenerator
        def work(i):
            return i

        @TaskGenerator
        def bad(i):
            raise ValueError(i)

        first = [work(i) for i in range(10)]
        bad(1), bad(2)
        n = bvalue(first[4])
        for i in range(100, 100 + n):
            work(i)
        work(bad(3))
        """
    )
    command = jug("execute", "--will-cite", "--keep-going", "-n", "2", "--jugdir=of_the_command")
    script(
        """
        s = jug.execute(jugfile="jugfile.py", n_workers=2)
        names = {name: [s.executed[name], s.loaded[name], s.failed[name]] for name in s.executed}
        messages = sorted(failure.report["message"] for failure in s.failures)
        show(**counted(s), names=names, messages=messages, made=len(jug.task.alltasks))
        """
    )
    shown = script.shown()
    assert (shown["made"], shown["messages"]) == (0, ["1", "2", "3"])
    assert shown["unfinished"] == 1
    rows = re.findall(r"^ +(\d+) +(\d+) +(\d+)  (jugfile\S+)", command.stdout, re.M)
    assert {name: [int(n) for n in counts] for *counts, name in rows} == shown["names"]
    said = {
        name: jug("status", "--short", f"--jugdir={name}").stdout
        for name in ("of_the_command", "jugfile.jugdata")
    }
    assert said["of_the_command"] == said["jugfile.jugdata"] != ""


def test_a_jugfile_takes_one_worker_where_nothing_is_said(jug, script):
    jug.write("import jug, os\njug.Task(os.getpid)\n")
    script(
        """
        jug.execute(jugfile="jugfile.py", jugdir="there")
        _, names = jug.init("jugfile.py", "there")
        show(pid=jug.value(jug.task.alltasks)[0], me=os.getpid())
        """
    )
    shown = script.shown()
    assert shown["pid"] != shown["me"]


def test_only_the_tasks_that_are_given_are_run_with_all_that_they_need(script):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i, *needed):
            note(i)
            return i

        a, b, c, d = work(1), work(2), work(3), work(4)
        e = work(5, a, [b[0:0]] and b)
        counts = [counted(jug.execute({"deep": [e]}, n_workers=2))]
        counts.append(counted(jug.execute(c)))
        counts.append(counted(jug.execute([d, d[0]], n_workers=1, name="work")))
        counts.append(counted(jug.execute([], n_workers=2)))
        show(executed=[it["executed"] for it in counts], made=len(jug.task.alltasks))
        """
    )
    assert script.shown() == {"executed": [3, 1, 1, 0], "made": 5}
    assert script.times_run() == dict.fromkeys("12345", 1)


def test_each_task_is_run_for_the_store_that_it_was_made_for(script):
    script(
        """
        @TaskGenerator
        def work(i):
            note(i)
            return i

        early = work(0)
        jug.execute(early, jugdir="one", n_workers=1)
        one, another = work(1), work(3)
        jug.execute(another)
        jug.set_jugdir("two")
        two = work(2)
        counts = counted(jug.execute([one, another, two], n_workers=2))
        jug.execute(jugdir="two")
        try:
            jug.execute(two, jugdir="three")
        except jug.errors.UserError as error:
            said = str(error)
        show(**counts, said=said, one=one.can_load(), two=two.can_load())
        """
    )
    assert script.shown() == {
        "executed": 2,
        "loaded": 1,
        "failed": 0,
        "unfinished": 0,
        "one": True,
        "two": True,
        "said": "the tasks were made for file_store('two'), where their results are kept: call "
        "jug.set_jugdir('three') before they are made, or leave jugdir= out",
    }
    assert script.times_run() == {"0": 1, "1": 1, "2": 1, "3": 1}


def test_a_store_in_memory_cannot_be_shared(script):
    script(
        WORK.replace("    out", "    jug.set_jugdir('dict_store')\n    out")
        + """
    for n_workers in (2, None):
        try:
            counts = counted(jug.execute(n_workers=n_workers))
        except jug.errors.UserError as error:
            said = str(error)
    show(said=said, **counts)
"""
    )
    shown = script.shown()
    assert shown["said"].startswith("workers cannot share a dict_store, which belongs to this process: ")
    assert shown["executed"] == 41


def test_a_store_that_cannot_be_handed_over_says_so(script):
    script(
        BACKEND
        + WORK.replace(
            "    out", "    jug.set_jugdir(Store())\n    jug.Task.store.file = sys._getframe()\n    out"
        )
        + """
    try:
        jug.execute(n_workers=2)
    except jug.errors.UserError as error:
        show(said=str(error))
"""
    )
    assert script.shown()["said"].startswith("the store cannot be handed to workers: cannot pickle ")


def test_a_jugfile_that_calls_it_is_told_to_call_it_elsewhere(jug, script):
    source = """
    jug.set_jugdir("jugfile.jugdata")
    out = jug.Task(abs, -1)
    """
    jug.write("import jug\nout = jug.Task(abs, -1)\njug.execute(n_workers=1)\n")
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert "jug.execute() stands in a jugfile that is being loaded" in done.stderr
    assert "Traceback" not in done.stderr
    script(source + "if __name__ == '__main__':\n        show(**counted(jug.execute(n_workers=1)))\n")
    assert script.shown()["executed"] == 1


def test_a_task_may_call_it(script):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def inner(i):
            return i + 1

        @TaskGenerator
        def outer(i, n_workers):
            import jug
            made = inner(i)
            jug.execute(made, n_workers=n_workers)
            return jug.value(made)

        out = [outer(1, None), outer(2, 1)]
        s = jug.execute(out, n_workers=2)
        show(**counted(s), value=jug.value(out))
        """
    )
    shown = script.shown()
    assert (shown["executed"], shown["value"]) == (2, [2, 3])
