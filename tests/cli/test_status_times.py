"""jug status --times: how long tasks took."""

import json

import pytest

from tests.support.redis_jug import RedisJug
from tests.support.screens import screen

JUGFILE = """
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def nap(seconds):
        time.sleep(seconds)
        return LARGE

    @TaskGenerator
    def count(naps):
        return len(naps)

    @TaskGenerator
    def never(n):
        raise ValueError(n)

    LARGE = "x" * 200_000
    total = count([nap(0.05), nap(0.1), nap(0.2)])
    never(1)
"""


@pytest.fixture(params=["file", "redis"])
def partly_done(request, jug):
    """`jug` beside a jugfile of which four of five tasks are complete."""
    jug.write(JUGFILE)
    if request.param == "redis":
        jug = RedisJug(jug, request.getfixturevalue("redis_server"))
    assert jug("execute", "--keep-going").returncode == 1
    return jug


def test_each_task_name_has_a_line_with_readable_numbers(partly_done):
    done = partly_done("status", "--times")
    assert (done.returncode, done.stderr) == (1, "")
    header, line, count, nap, dots, total = done.stdout.splitlines()[:6]
    assert header.split() == ["Count", "Mean", "Median", "95%", "Longest", "Total", "Task", "name"]
    assert (set(line), set(dots)) == ({"-"}, {"."})
    assert max(map(len, done.stdout.splitlines())) == 80
    assert (count.split()[0], count.split()[-1]) == ("1", "jugfile.count")
    assert (nap.split()[0], nap.split()[-1]) == ("3", "jugfile.nap")
    assert nap.split()[2::2][:5] == 5 * ["ms"]
    mean, median, p95, longest, all = map(float, nap.split()[1:11:2])
    assert 100 <= median < mean < longest == p95 < all
    assert (total.split()[0], total.split()[-1]) == ("4", "Total")


def test_in_short_it_is_one_line(partly_done):
    done = partly_done("status", "--times", "--short")
    assert done.returncode == 1
    assert done.stdout.startswith("4 tasks took ")
    assert done.stdout.count("\n") == 1


def test_programs_get_seconds(partly_done):
    shown = json.loads(partly_done("status", "--times", "--json").stdout)
    assert shown["total"]["complete"] == 4
    times = shown["times"]
    assert (times["unknown"], sorted(times["tasks"])) == (0, ["jugfile.count", "jugfile.nap"])
    nap = times["tasks"]["jugfile.nap"]
    assert nap["count"] == 3
    assert 0.2 <= nap["longest"] == nap["p95"] < nap["total"]
    assert nap["total"] == pytest.approx(3 * nap["mean"])
    assert 0.1 <= nap["median"] < nap["mean"]
    assert times["total"]["count"] == 4
    assert "times" not in json.loads(partly_done("status", "--json").stdout)


def test_nothing_is_complete(pipeline):
    done = pipeline("status", "--times")
    assert done.returncode == 1
    assert screen(done.stdout) == screen("""\
     Count      Mean    Median       95%   Longest     Total  Task name
--------------------------------------------------------------------------------
................................................................................
         0      0 us      0 us      0 us      0 us      0 us  Total

""")
    assert not (pipeline.folder / "jugfile.jugdata").exists()


def test_no_value_is_loaded(pipeline):
    """A value that cannot be loaded has its time all the same."""
    source = """
        from jug import TaskGenerator

        class Kind:
            pass

        @TaskGenerator
        def make(n):
            return Kind()

        task = make(1)
    """
    pipeline.write(source)
    assert pipeline("execute").returncode == 0
    pipeline.write(source.replace("class Kind", "class Other"))
    done = pipeline("status", "--times", "--short")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 tasks took ")


def test_results_without_a_run_are_counted_apart(pipeline):
    """A result that was stored by hand took no known time."""
    pipeline.python("""
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        task = jug.task.alltasks[0]
        jug.task.Task.store.dump(0, task.hash())
        jug.task.Task.store.close()
    """)
    done = pipeline("status", "--times", "--short")
    assert done.stdout.startswith("0 tasks took 0 us")
    assert done.stderr == "jug: of 1 more that are complete it is not known how long they took\n"


def test_it_is_the_same_beside_a_cache(pipeline):
    pipeline("execute")
    cached = pipeline("status", "--times", "--cache")
    assert cached.stdout == pipeline("status", "--times").stdout


def test_with_a_cache_the_jugfile_is_not_loaded(partly_done):
    """Equal calls count once here too, and what is complete since the cache was written is known."""
    source = JUGFILE + '\n    open("loaded", "a").write("x")\n    count([nap(0.05), nap(0.1), nap(0.2)])\n'
    source += "    late = nap(0.3)\n"
    partly_done.write(source)
    first = partly_done("status", "--cache", "--times")
    assert first.stdout.splitlines()[-2].split()[0] == "4"
    loads = (partly_done.folder / "loaded").read_text()
    for options in ((), ("--short",), ("--json",)):
        cached = partly_done("status", "--cache", "--times", *options)
        assert (partly_done.folder / "loaded").read_text() == loads
        loaded = partly_done("status", "--times", *options)
        assert (cached.returncode, cached.stdout) == (1, loaded.stdout)
        loads = (partly_done.folder / "loaded").read_text()
    partly_done("execute", "--keep-going")
    loads = (partly_done.folder / "loaded").read_text()
    for _ in range(2):
        assert partly_done("status", "--cache", "--times", "--short").stdout.startswith("5 tasks took ")
    assert (partly_done.folder / "loaded").read_text() == loads
