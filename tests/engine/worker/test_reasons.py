"""jug execute --explain: a line for each task that runs, which says why."""

from __future__ import annotations

import re

import pytest

from tests.support.damage import JOBS, flip, only
from tests.support.jugfiles import FAILING, PIPELINE


def lines(done):
    """What was said of tasks that run, without keys, in an order that does not depend on chance."""
    found = re.findall(r"jug: run (\S+) [0-9a-f]{8}: (.*)", done.stderr)
    return sorted(found)


EXPECTED = [
    (
        "jugfile.add",
        "no result; its inputs jugfile.double and 4 others were computed in this run",
    ),
    *[("jugfile.double", "no result; it needs no other task")] * 5,
    ("jugfile.double", "no result; its input jugfile.add was computed in this run"),
]


@pytest.mark.parametrize(
    "how", [(), ("-n", "2"), ("--backend=threads",), ("--debug",), ("-n", "1", "--capture")]
)
def test_each_task_that_runs_has_a_line_and_what_does_not_run_has_none(jug, how):
    jug.write(PIPELINE)
    done = jug("execute", "--explain", *how)
    assert done.returncode == 0
    assert lines(done) == EXPECTED
    assert lines(jug("execute", "--explain", *how)) == []


def test_without_the_option_nothing_is_said(jug):
    jug.write(PIPELINE)
    assert lines(jug("execute")) == []


def test_lines_of_workers_belong_to_their_tasks(jug):
    jug.write(PIPELINE)
    jug("execute", "-n", "1", "--explain", "--log=log")
    of = re.findall(r"(jugfile\.\w+)\W+jug: run (jugfile\.\w+) ", (jug.folder / "log").read_text())
    assert len(of) == 7
    assert all(one == other for one, other in of)


def test_what_was_invalidated_before_the_run_is_the_reason(jug):
    jug.write(PIPELINE)
    jug("execute")
    jug("invalidate", "--name", "add")
    assert "it had a result, which was removed" in jug("explain", "--name", "add").stdout
    assert lines(jug("execute", "--explain")) == [
        ("jugfile.add", "was invalidated"),
        ("jugfile.double", "was invalidated"),
    ]


def test_inputs_that_were_finished_before_are_done(jug):
    jug.write(PIPELINE.split("    total")[0] + "    [double(i) for i in range(5)]\n")
    jug("execute")
    jug.write(PIPELINE)
    reasons = dict(lines(jug("execute", "--explain")))
    assert reasons["jugfile.add"] == "no result; its inputs are done"


def test_what_failed_before_says_how_and_how_often(jug):
    jug.write(FAILING)
    jug("execute", "--keep-going")
    for attempt in (2, 3):
        found = lines(jug("execute", "--keep-going", "--explain"))
        assert found == [("jugfile.check", f"failed before (exception, attempt {attempt})")] * 2


def test_what_was_computed_before_a_barrier_counts_behind_it(jug):
    jug.write(
        """
        from jug import TaskGenerator, barrier

        @TaskGenerator
        def f(x):
            return x

        first = f(1)
        barrier()
        f([first])
        """
    )
    assert lines(jug("execute", "--explain")) == [
        ("jugfile.f", "no result; it needs no other task"),
        ("jugfile.f", "no result; its input jugfile.f was computed in this run"),
    ]


def test_what_is_invalidated_while_others_run_says_so(jug):
    jug.write(
        """
        import subprocess, sys
        from jug import TaskGenerator

        @TaskGenerator
        def one(x):
            return x

        @TaskGenerator
        def meddle(x):
            import os
            if not os.path.exists("meddled"):
                open("meddled", "w").close()
                subprocess.run([sys.executable, "-m", "jug", "invalidate", "--name", "one"], check=True)
            return x

        @TaskGenerator
        def after(x, y):
            return x

        a = one(1)
        after(a, meddle(a))
        """
    )
    done = jug("execute", "--explain")
    assert ("jugfile.one", "was invalidated") in lines(done)
    assert done.returncode == 0


def test_a_result_that_was_damaged_is_the_reason(jug):
    jug.write(JOBS)
    assert jug("execute").returncode == 0
    path = only(jug, "segments/*")
    flip(path, path.read_bytes().index(b"value 3") + 20)
    assert lines(jug("execute", "--explain")) == [("jugfile.small", "the result was damaged")]


def test_a_jugrc_file_can_ask_for_it(jug):
    jug.write(PIPELINE)
    (jug.folder / ".config" / "jug").mkdir(parents=True)
    (jug.folder / ".config" / "jug" / "jugrc").write_text("[execute]\nexplain = true\n")
    assert lines(jug("execute")) == EXPECTED


def test_a_compound_task_has_its_own_name_also_as_an_input(jug):
    jug.write(
        """
        from jug import CompoundTaskGenerator, TaskGenerator

        @TaskGenerator
        def f(x):
            return x

        @CompoundTaskGenerator
        def outer(x):
            return f(x)

        f(outer(1))
        """
    )
    assert "\njugfile.f(jugfile.outer(...))\n" in jug("explain", "f").stdout
    assert lines(jug("execute", "--explain")) == [
        ("jugfile.f", "no result; it needs no other task"),
        ("jugfile.f", "no result; its input jugfile.outer was computed in this run"),
        ("jugfile.outer", "no result; its input jugfile.f was computed in this run"),
    ]
