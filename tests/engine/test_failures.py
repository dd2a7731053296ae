"""Tasks that fail: what the user sees, what is recorded, and what runs all the same."""

from __future__ import annotations

import json

import pytest

from jug.internal.short_repr import describe_call
from tests.support.run_counts import COUNTED, ran


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
    assert "jug: task jugfile.bad(1) failed: ValueError: boo; 1 task cannot run without it" in failed.stderr
    assert "raise ValueError('boo')" in failed.stderr
    assert "engine/worker.py" not in failed.stderr
    assert "jug/task.py" not in failed.stderr
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
    assert jug("execute", "--keep-going", "--keep-failed", "--nr-wait-cycles", "0").returncode == 1
    assert ran(jug.folder) == {"bad": 1}
    total = jug("status").stdout.strip().splitlines()[-1]
    assert total.split() == ["1", "0", "0", "0", "0", "Total"]
    assert "Removed 1" in jug("cleanup", "--failed-only").stdout
    assert jug("execute", "--keep-going").returncode == 1
    assert ran(jug.folder) == {"bad": 2}


@pytest.fixture(params=["file", "link", "redis"])
def marked(request, jug):
    """`jug` with the jugdir to use, where a task was marked as failed that one of two others needs."""
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def parse(text):
            return float(text)

        @TaskGenerator
        def add(numbers):
            return sum(numbers)

        add([parse("1.5"), parse("two")])
    """)
    server = request.getfixturevalue("redis_server") if request.param == "redis" else None
    options = [f"--jugdir={server.url if server else 'results'}", "--will-cite"]
    if request.param == "link":
        options.append("--claims=link")
    assert jug("execute", *options, "--keep-going", "--keep-failed").returncode == 1
    return jug, options


def test_what_cannot_run_because_of_a_mark_is_one_line_and_status_1(marked):
    jug, options = marked
    again = jug("execute", *options)
    assert again.returncode == 1
    assert again.stderr == (
        "jug: error: 1 task is marked as failed, 1 cannot run without it; 'jug status --verbose=info' says "
        "why, 'jug retry' removes the marks\n"
    )
    asleep = jug("sleep-until", *options)
    assert (asleep.returncode, asleep.stderr) == (1, again.stderr)
    assert jug("cleanup", "--failed-only", *options).stdout == "Removed 1 failure locks\n"
    jug.write((jug.folder / "jugfile.py").read_text().replace('"two"', '"2"'))
    assert jug("execute", *options).returncode == 0


@pytest.mark.parametrize("selection", ["--name=add", "--pattern=add", "--name=parse"])
def test_a_selection_that_cannot_run_ends_at_once_with_status_1(marked, selection):
    jug, options = marked
    done = jug("execute", *options, selection)
    assert done.returncode == 1
    assert "marked as failed" in done.stderr
    assert "'jug retry' removes the marks" in done.stderr


def test_a_mark_that_stops_a_barrier_is_status_1(jug):
    jug.write("""
        from jug import TaskGenerator, barrier, value

        @TaskGenerator
        def parse(text):
            return float(text)

        one = parse("one")
        barrier()
        parse(value(one))
    """)
    assert jug("execute", "--keep-failed").returncode == 1
    for command in ("execute", "sleep-until"):
        done = jug(command)
        assert done.returncode == 1
        assert done.stderr.startswith("jug: error: 1 task is marked as failed; ")


def test_several_failures_are_counted_in_the_last_line(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def parse(text):
            return float(text)

        @TaskGenerator
        def half(number):
            return number / 2

        [half(parse(f"number {n}")) for n in range(5)]
        half(half(parse("1")))
    """)
    done = jug("execute", "--keep-going")
    assert done.returncode == 1
    last = "jug: error: 5 tasks failed, 5 cannot run without them; 'jug status --verbose=info' says why"
    assert done.stderr.splitlines()[-1] == last


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
    assert failed.stderr.startswith(f"jug: task jugfile.odd(3) {complaint}")
    assert failed.stderr.count("\n") == 1
    assert jug("status").returncode == 1


@pytest.mark.parametrize("is_apart", [False, True])
def test_a_result_that_cannot_be_stored_is_a_kind_of_failure_of_its_own(jug, is_apart):
    """Also where the task ran in a process of its own, because it had died before."""
    jug.write(
        f"""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def odd(x):
            if {is_apart} and not os.path.exists("died"):
                open("died", "w").close()
                os._exit(3)
            return lambda: x

        @TaskGenerator
        def bad(x):
            raise TypeError("of its own")

        odd(3)
        bad(3)
        """
    )
    if is_apart:
        assert jug("execute", "--name=odd").returncode == 3
    assert jug("execute", "--keep-going").returncode == 1
    listed = json.loads(jug("failures", "--json").stdout)["failures"]
    assert [(it["name"], it["kind"]) for it in listed] == [
        ("jugfile.odd", "unstorable"),
        ("jugfile.bad", "exception"),
    ]
    assert "unstorable" in jug("failures").stdout
    assert jug("retry", "--kind=unstorable").stdout == "Cleared 1 failure\n"
    assert jug("failures", "--short").stdout == "1 task failed.\n"


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


def test_a_call_is_described_by_the_names_of_the_tasks_among_its_arguments(jug_clean):
    from jug import Task

    t = Task(int, 1)
    for _ in range(100):  # Written out, the last one would be longer than anything can hold.
        t = Task(max, t, t)
    assert describe_call(t) == "builtins.max(...), builtins.max(...)"
