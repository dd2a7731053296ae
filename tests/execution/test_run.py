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

#: Run by a process that has no cloudpickle.
WITHOUT = "    sys.modules['cloudpickle'] = None\n"


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


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_fails_is_counted_and_reported_and_the_others_go_on(script, n_workers):
    _, err = script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i, _=None):
            return i

        @TaskGenerator
        def bad(i):
            raise ValueError(f"no {{i}}")

        for i in range(10):
            work(i)
        work(0, bad(1))
        s = jug.execute(n_workers={n_workers})
        try:
            s.raise_for_failures()
        except jug.errors.TasksFailed as error:
            said = str(error)
            failures = len(error.failures)
        [failure] = s.failures
        show(**counted(s), said=said, failures=failures, failure=str(failure), kind=failure.report["kind"],
             is_the_task=failure.key == jug.task.alltasks[-2].key(), complete=s.is_complete)
        """
    )
    shown = script.shown()
    said = shown.pop("said")
    assert shown == {
        "executed": 10,
        "loaded": 0,
        "failed": 1,
        "unfinished": 1,
        "failures": 1,
        "complete": False,
        "failure": "task __main__.bad(1) failed: ValueError: no 1",
        "kind": "exception",
        "is_the_task": True,
    }
    assert said.startswith(
        "1 task failed, 1 task cannot run without one of those\n"
        "task __main__.bad(1) failed: ValueError: no 1\nTraceback"
    )
    assert 'raise ValueError(f"no {i}")' in said
    assert "jug: task __main__.bad(1) failed: ValueError: no 1; 1 task cannot run without it" in err


def test_each_task_that_ends_its_worker_is_a_failure_of_its_kind(script, left):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            return i

        @TaskGenerator
        def fault(i):
            ctypes.string_at(0)

        @TaskGenerator
        def leave(i):
            os._exit(3)

        @TaskGenerator
        def kill(i):
            os.kill(os.getpid(), signal.SIGKILL)

        for i in range(30):
            work(i)
        # What a worker has stored in its last milliseconds goes with it.
        jug.execute(n_workers=2)
        fault(1), leave(1), kill(1)
        s = jug.execute(n_workers=2)
        show(**counted(s), kinds={f.name: f.report["kind"] for f in s.failures})
        """
    )
    assert script.shown() == {
        "executed": 0,
        "loaded": 30,
        "failed": 3,
        "unfinished": 0,
        "kinds": {"__main__.fault": "signal", "__main__.leave": "exit", "__main__.kill": "signal"},
    }
    assert left() == []


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_fails_is_tried_again_as_often_as_is_said(script, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def flaky(i):
            note(i)
            assert len(open(f"ran.{{i}}").readlines()) > i
            return i

        out = [flaky(0), flaky(1), flaky(2)]
        s = jug.execute(n_workers={n_workers}, retries=1)
        show(**counted(s), failures=[f.report["attempt"] for f in s.failures])
        """
    )
    assert script.shown() == {"executed": 2, "loaded": 0, "failed": 1, "unfinished": 0, "failures": [2]}
    assert script.times_run() == {"0": 1, "1": 2, "2": 2}


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_runs_for_too_long_fails_and_the_rest_goes_on(script, left, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(seconds):
            print(seconds, flush=True)
            time.sleep(seconds)
            return seconds

        out = [work(0.1 * i) for i in range(5)] + [work(1000)]
        s = jug.execute(n_workers={n_workers}, timeout=1.5)
        show(**counted(s), kinds=[f.report["kind"] for f in s.failures])
        """
    )
    assert script.shown() == {"executed": 5, "loaded": 0, "failed": 1, "unfinished": 0, "kinds": ["timeout"]}
    assert left() == []


def test_what_takes_too_much_memory_fails_and_the_rest_goes_on(script, left):
    script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(size):
            data = bytearray(b"x" * size)
            while size > 1000:
                data += b"x" * 10_000_000
            return len(data)

        out = [work(i) for i in range(5)] + [work(1001)]
        s = jug.execute(n_workers=2, memory_limit="400MB")
        show(**counted(s), kinds=[f.report["kind"] for f in s.failures])
        """
    )
    shown = script.shown()
    assert (shown["failed"], shown["kinds"], shown["unfinished"]) == (1, ["memory"], 0)
    assert left() == []


def test_what_tasks_print_is_kept_with_their_failures_if_that_is_said(script):
    out, err = script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print("printed by", i)
            assert i != 1

        out = [work(i) for i in range(3)]
        s = jug.execute(n_workers=2, capture=True)
        show(**counted(s), outputs=[f.report["output"] for f in s.failures])
        """
    )
    assert script.shown() == {
        "executed": 2,
        "loaded": 0,
        "failed": 1,
        "unfinished": 0,
        "outputs": ["printed by 1\n"],
    }
    assert "printed by 2" not in out + err


def test_workers_may_be_forked_from_one_that_has_imported_modules_of_the_users_own(jug, script, left):
    jug.write("import os\nplace = os.getpid()\n", "mine.py")
    script(
        """
        import mine
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            note(i)
            time.sleep(0.1)
            return mine.place, os.getpid()

        out = [work(i) for i in range(10)]
        s = jug.execute(n_workers=2, start_method="forkserver", preload=["mine"])
        imported, ran = zip(*jug.value(out))
        show(**counted(s), imported=len(set(imported)), ran=len(set(ran)), apart=not {*imported} & {*ran})
        """
    )
    shown = script.shown()
    assert (shown["executed"], shown["imported"], shown["ran"], shown["apart"]) == (10, 1, 2, True)
    assert left() == []


def test_what_workers_print_is_kept_in_a_file_if_that_is_said(jug, script):
    script(
        """
        import pathlib
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print("printed by", i)

        out = [work(i) for i in range(3)]
        jug.execute(n_workers=2, log=pathlib.Path("workers.log"))
        """
    )
    log = (jug.folder / "workers.log").read_text()
    assert sorted(re.findall(r"printed by (\d)", log)) == ["0", "1", "2"]


@pytest.mark.parametrize("options", ["progress='plain'", "progress='live'", "", "progress='none'"])
def test_without_a_terminal_a_line_says_now_and_then_how_far_it_is(script, options):
    _, err = script(
        f"""
        from jug.display import plain
        plain._PERIOD = 1.0
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            time.sleep(0.25)
            return i

        out = [work(i) for i in range(14)]
        jug.execute(n_workers=1, {options})
        """
    )
    lines = re.findall(r"^jug: \d+ of 14 tasks done, 1 running", err, re.M)
    assert (len(lines) >= 2) == (options != "progress='none'")
    assert ("this is no terminal: lines are shown instead of tables" in err) == ("live" in options)


@pytest.mark.parametrize("n_workers", [None, 1])
def test_the_first_failure_may_end_it(script, n_workers):
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            assert i != 3
            return i

        for i in range(10):
            work(i)
        s = jug.execute(n_workers={n_workers}, keep_going=False)
        show(**counted(s), failures=len(s.failures))
        """
    )
    assert script.shown() == {"executed": 3, "loaded": 0, "failed": 1, "unfinished": 6, "failures": 1}


def test_what_was_marked_as_failed_before_is_a_failure_too(jug, script):
    source = """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def bad(i):
            note(i)
            raise ValueError(i)

        bad(1)
        s = jug.execute(n_workers=1)
        try:
            s.raise_for_failures()
        except RuntimeError as error:
            show(said=str(error).split("\\n")[0], **counted(s))
    """
    (jug.folder / "jugrc").write_text("[execute]\nkeep_failed = yes\n")
    script(source)
    assert script.shown()["said"] == "1 task failed"
    script(source)
    assert script.shown()["said"] == "1 task marked as failed before (see `jug retry`)"
    assert script.times_run() == {"1": 1}


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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("n_workers=0", "n_workers must be 'auto' or a number from 1 on, not 0"),
        ("n_workers=-1", "n_workers must be 'auto' or a number from 1 on, not -1"),
        ("n_workers=True", "n_workers must be 'auto' or a number from 1 on, not True"),
        ("n_workers='two'", "n_workers must be 'auto' or a number from 1 on, not 'two'"),
        ("n_workers=2.5", "n_workers must be 'auto' or a number from 1 on, not 2.5"),
        ("retries=-1", "retries must be a whole number of at least 0, not -1"),
        ("timeout=0", "timeout must be a number of seconds above 0, not 0"),
        ("n_workers=1, memory_limit='much'", "memory_limit must be a size above 0 such as '4GB'"),
        ("memory_limit='4GB'", "memory_limit is for workers: give n_workers as well"),
        ("n_workers=1, memory_limit=-1", "memory_limit must be a size above 0 such as '4GB'"),
        ("n_workers=1, memory_limit=1.5", "memory_limit must be a size above 0 such as '4GB'"),
        ("n_workers=1, memory_limit='1kB'", "memory_limit must be more than the "),
        ("jugfile='script.py', memory_limit='1kB'", "memory_limit must be more than the "),
        ("n_workers=1, timeout='soon'", "timeout must be a number of seconds above 0, not 'soon'"),
        ("timeout=-1", "timeout must be a number of seconds above 0, not -1"),
        ("n_workers=1, timeout=float('nan')", "timeout must be a number of seconds above 0, not nan"),
        ("retries=1.5", "retries must be a whole number of at least 0, not 1.5"),
        ("n_workers=1, threads_per_worker=0", "threads_per_worker must be a number from 1 on, not 0"),
        ("n_workers=1, threads_per_worker=-1", "threads_per_worker must be a number from 1 on, not -1"),
        ("n_workers=1, max_tasks_per_worker='9'", "max_tasks_per_worker must be a number from 1 on, not '9'"),
        ("n_workers=1, progress='tables'", "progress must be one of plain, live, none, not 'tables'"),
        ("n_workers=1, progress=True", "progress must be one of plain, live, none, not True"),
        ("n_workers=1, preload='numpy'", "preload needs start_method=forkserver"),
        ("n_workers=1, start_method='fork'", "start_method must be one of spawn, forkserver, not 'fork'"),
        ("log='x'", "log is for workers: give n_workers as well"),
        ("progress='live'", "progress is for workers: give n_workers as well"),
        ("capture=True", "capture is for workers: give n_workers as well"),
        ("max_tasks_per_worker=1", "max_tasks_per_worker is for workers: give n_workers as well"),
        ("[], jugfile='jugfile.py'", "jug.execute() runs tasks or a jugfile, not both"),
        ("n_workers=1, pattern=''", "the pattern '' would match every task"),
        ("jugfile='nothing.py'", "no such jugfile: 'nothing.py'"),
    ],
)
def test_wrong_usage_says_what_is_wrong(script, arguments, says):
    _, err = script(
        f"""
        jug.set_jugdir("jugdata")
        jug.Task(abs, -1)
        try:
            jug.execute({arguments})
        except Exception as error:
            show(said=str(error), type=type(error).__name__)
        """
    )
    shown = script.shown()
    assert shown["type"] in ("ValueError", "TypeError", "UserError", "PatternError")
    # Of a parameter that has a wrong value.
    assert shown["type"] != "UserError" or " must be " not in shown["said"]
    assert "\n" not in shown["said"]
    assert says in shown["said"] + err
    assert "Traceback" not in err


@pytest.mark.parametrize("n_workers", [None, 1])
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("timeout = soon", "timeout must be a number of seconds above 0, not 'soon'"),
        ("memory_limit = much", "memory_limit must be a size above 0 such as '4GB'"),
        ("retries = -1", "retries must be a whole number of at least 0, not -1"),
    ],
)
def test_a_wrong_value_in_a_configuration_file_is_named_in_the_same_way(jug, script, n_workers, line, says):
    (jug.folder / "jugrc").write_text(f"[execute]\n{line}\n")
    script(
        f"""
        jug.set_jugdir("jugdata")
        jug.Task(abs, -1)
        try:
            jug.execute(n_workers={n_workers})
        except ValueError as error:
            show(said=str(error))
        """
    )
    assert script.shown()["said"].startswith(says)


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
