"""Tasks that fail and are tried again: how often, by whom, and after which pause."""

from __future__ import annotations

import json
import signal
from itertools import pairwise

import pytest

from jug.engine.failures.report import next_run
from jug.engine.worker.retries import Retries, pause_after
from jug.task import TaskGenerator
from tests.cli.test_users_backend import BACKEND
from tests.support.command import Jug
from tests.support.waiting import wait_for

WITH_REPORTS = pytest.mark.parametrize("jug", ["posix", "link", "redis"], indirect=True)
IN_A_JUGDIR = pytest.mark.parametrize("jug", ["posix"], indirect=True)
IN_A_USERS_STORE = pytest.mark.parametrize("jug", ["own"], indirect=True)

FLAKY = """
    import os, time
    import jug
    from jug import TaskGenerator, barrier

    def note(x):
        with open(f"runs.{x}", "a") as runs:
            runs.write(f"{time.monotonic()}\\n")
        return len(open(f"runs.{x}").readlines())

    @TaskGenerator
    def flaky(x, times):
        if note(x) <= times:
            raise ValueError(f"no luck with {x}")
        return x

    @TaskGenerator
    def after(x):
        note("after")
        return x
"""


FAILED = "jug: task jugfile.flaky(1, 2) failed: ValueError: no luck with 1"


def times(jug, x):
    """When a task ran, on the clock of this machine."""
    path = jug.folder / f"runs.{x}"
    return [float(line) for line in path.read_text().splitlines()] if path.exists() else []


def gaps(jug, x):
    """How long it took from one run of a task to the next."""
    return [later - earlier for earlier, later in pairwise(times(jug, x))]


@pytest.fixture(params=["posix", "link", "redis", "own"])
def jug(jug: Jug, request: pytest.FixtureRequest) -> Jug:
    """``jug`` in a directory whose jugrc chooses where results and claims are; "own" is a user's backend."""
    if request.param == "redis":
        chosen = f"[main]\njugdir = {request.getfixturevalue('redis_server').url}\n"
    elif request.param == "own":
        jug.write(BACKEND, "mine.py")
        chosen = ""
    else:
        chosen = f"[main]\nclaims = {request.param}\n"
    (jug.folder / "jugrc").write_text(chosen)
    jug.keeps_reports = request.param != "own"
    return jug


def write(jug, tasks, functions=FLAKY):
    """Writes a jugfile with these tasks, in the store that is to be used."""
    own = (
        ""
        if jug.keeps_reports
        else "    import mine; jug.set_jugdir(mine.folder_store(os.path.abspath('kept')))\n"
    )
    jug.write(f"{functions}{own}{tasks}")


def failures(jug):
    """What `jug failures` knows of each task."""
    return json.loads(jug("failures", "--json").stdout)["failures"]


# --- one worker ---


def test_what_failed_is_tried_again_after_a_pause_that_doubles(jug):
    write(jug, "    after(flaky(1, 2))\n")
    done = jug("execute", "--will-cite", "--retries=2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"{FAILED}; it is tried again in 1 s (attempt 1 of 3)\n"
        f"{FAILED}; it is tried again in 2 s (attempt 2 of 3)\n"
    )
    first, second = gaps(jug, 1)
    assert first >= 1
    assert second >= 2
    assert jug("status").stderr == ""
    assert failures(jug) == []


def test_what_failed_too_often_has_failed_and_ends_the_worker(jug):
    write(jug, "    after(flaky(1, 9))\n")
    done = jug("execute", "--will-cite", "--retries=1")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].endswith("no luck with 1; it is tried again in 1 s (attempt 1 of 2)")
    assert lines[1] == (
        "jug: task jugfile.flaky(1, 9) failed: ValueError: no luck with 1; 1 task cannot run without it"
    )
    assert (len(times(jug, 1)), done.stderr.count("raise ValueError")) == (2, 1)
    if jug.keeps_reports:
        assert [(it["attempt"], it["again"], it["kept"]) for it in failures(jug)] == [(2, False, False)]
        # Whoever begins later tries it once, like all that failed.
        assert jug("execute", "--retries=1").returncode == 1
        assert (len(times(jug, 1)), failures(jug)[0]["attempt"]) == (3, 3)


@IN_A_JUGDIR
def test_others_run_during_the_pause(jug):
    write(
        jug,
        "    flaky(1, 1)\n"
        "    @TaskGenerator\n"
        "    def steady(x):\n        note('steady'); time.sleep(0.05); return x\n"
        "    after([steady(x) for x in range(6)])\n",
    )
    done = jug("execute", "--will-cite", "--retries=1")
    assert done.returncode == 0
    first, second = times(jug, 1)
    assert len([at for at in times(jug, "steady") if first < at < second]) >= 5


@IN_A_JUGDIR
def test_what_the_function_says_comes_before_the_option(jug):
    functions = FLAKY + (
        "    @TaskGenerator(retries=0)\n    def once(x):\n        note('once'); raise KeyError(x)\n"
        "    @TaskGenerator(retries=1)\n    def twice(x):\n        note('twice'); raise KeyError(x)\n"
    )
    write(jug, "    once(1); twice(1); flaky(1, 9)\n", functions)
    assert jug("execute", "--keep-going").returncode == 1
    assert [len(times(jug, name)) for name in ("once", "twice", 1)] == [1, 2, 1]
    (jug.folder / "jugrc").open("a").write("[execute]\nretries = 2\n")
    assert jug("retry").returncode == 0
    assert jug("execute", "--keep-going").returncode == 1
    assert [len(times(jug, name)) for name in ("once", "twice", 1)] == [2, 4, 4]


def test_a_mark_is_made_when_nothing_is_tried_again_any_more(jug):
    write(jug, "    flaky(1, 9)\n")
    worker = jug.start("execute", "--will-cite", "--retries=2", "--keep-failed")
    wait_for(lambda: len(times(jug, 1)) == 2, "the second run")
    assert "0 failed" in jug("status", "--short").stdout
    worker.communicate(timeout=60)
    assert "1 failed" in jug("status", "--short").stdout
    assert jug("execute", "--retries=2").returncode == 1
    assert len(times(jug, 1)) == 3
    if jug.keeps_reports:
        assert [(it["attempt"], it["again"], it["kept"]) for it in failures(jug)] == [(3, False, True)]


@IN_A_JUGDIR
def test_a_pause_is_no_idling_and_nothing_that_blocks(jug):
    write(jug, "    after(flaky(1, 1))\n    flaky(2, 9)\n")
    patience = ("--nr-wait-cycles=1", "--wait-cycle-time=0.1")
    done = jug("execute", "--will-cite", "--retries=1", "--name=flaky", *patience)
    assert done.returncode == 1
    assert len(times(jug, 1)) == 2
    # What is not selected has its pause elsewhere.
    assert jug("execute", "--will-cite", "--name=after", *patience).returncode == 0


@IN_A_JUGDIR
def test_a_barrier_is_met_when_a_retry_succeeds(jug):
    write(jug, "    first = flaky(1, 1)\n    barrier()\n    after(jug.value(first))\n")
    done = jug("execute", "--will-cite", "--retries=1")
    assert (done.returncode, len(times(jug, "after"))) == (0, 1)


@IN_A_JUGDIR
def test_a_result_that_cannot_be_stored_is_tried_again(jug):
    functions = FLAKY + (
        "    @TaskGenerator\n    def lazy(x):\n"
        "        return (y for y in x) if note('lazy') == 1 else list(x)\n"
    )
    write(jug, "    lazy((1, 2))\n", functions)
    done = jug("execute", "--will-cite", "--retries=1")
    assert done.returncode == 0
    assert "cannot be stored" in done.stderr
    assert done.stderr.endswith("it is tried again in 1 s (attempt 1 of 2)\n")


@IN_A_JUGDIR
def test_of_many_that_are_tried_again_the_first_few_get_a_line(jug):
    write(jug, "    [flaky(x, 1) for x in range(9)]\n    flaky(9, 9)\n")
    done = jug("execute", "--will-cite", "--retries=1", "--keep-going")
    assert done.returncode == 1
    assert done.stderr.count("it is tried again in 1 s (attempt 1 of 2)") == 5
    assert "jug: 5 more of jugfile.flaky failed like that and were tried again: ValueError\n" in done.stderr
    assert "jug: task jugfile.flaky(9, 9) failed: ValueError: no luck with 9\n" in done.stderr


# --- several workers, and runs one after the other ---


@WITH_REPORTS
def test_workers_count_together_and_agree_when_it_is_enough(jug):
    functions = FLAKY + (
        "    @TaskGenerator\n    def unlucky(x):\n        note('unlucky')\n"
        "        while not os.path.exists('go'): time.sleep(0.01)\n        raise ValueError(x)\n"
    )
    write(jug, "    unlucky(1)\n", functions)
    command = ("execute", "--will-cite", "--retries=2", "--keep-going", "--verbose=info")
    first = jug.start(*command)
    wait_for(lambda: times(jug, "unlucky"), "the task to start")
    second = jug.start(*command)
    assert any("waiting for other workers" in line for line in second.stderr)
    (jug.folder / "go").touch()
    shown = [worker.communicate(timeout=120)[1] for worker in (first, second)]
    assert [worker.returncode for worker in (first, second)] == [1, 1]
    assert len(times(jug, "unlucky")) == 3
    assert all(gap >= pause for gap, pause in zip(gaps(jug, "unlucky"), (1, 2), strict=True))
    assert [(it["attempt"], it["again"]) for it in failures(jug)] == [(3, False)]
    said = "".join(shown)
    assert said.count("it is tried again in 1 s (attempt 1 of 3)") == 1
    assert said.count("it is tried again in 2 s (attempt 2 of 3)") == 1
    assert said.count("jug: task jugfile.unlucky(1) failed: ValueError: 1\n") == 1
    # Who did not run it the last time says so as well: each ends with status 1.
    assert said.count("jug: error: 1 task failed; 'jug status --verbose=info' says why\n") == 1
    asleep = jug("sleep-until")
    assert (asleep.returncode, asleep.stderr.count("1 task failed")) == (1, 1)


@WITH_REPORTS
def test_attempts_go_on_where_a_worker_was_killed(jug):
    write(jug, "    flaky(1, 9)\n")
    worker = jug.start("execute", "--retries=2")
    assert "(attempt 1 of 3)" in worker.stderr.readline()
    wait_for(lambda: failures(jug), "the failure to be written")
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert [(it["attempt"], it["again"]) for it in failures(jug)] == [(1, True)]
    said = jug("status").stderr
    assert said.startswith(
        "jug: task jugfile.flaky(1, 9) failed: ValueError: no luck with 1; it is tried again\n"
    )
    done = jug("execute", "--retries=2")
    assert (done.returncode, len(times(jug, 1))) == (1, 3)
    assert "(attempt 2 of 3)" in done.stderr


@WITH_REPORTS
@pytest.mark.parametrize(
    "command", [("invalidate", "--name=flaky"), ("cleanup", "--failed-only"), ("retry",)], ids=" ".join
)
def test_attempts_are_forgotten_with_the_failure(jug, command):
    write(jug, "    flaky(1, 9)\n")
    assert jug("execute", "--retries=1").returncode == 1
    assert jug(*command).returncode == 0
    done = jug("execute", "--retries=1")
    assert (done.returncode, len(times(jug, 1))) == (1, 4)
    assert "(attempt 1 of 2)" in done.stderr


@IN_A_USERS_STORE
def test_in_a_store_without_reports_each_worker_counts_its_own(jug):
    write(jug, "    flaky(1, 9)\n")
    for _ in range(2):
        done = jug("execute", "--retries=1")
        assert (done.returncode, done.stderr.count("(attempt 1 of 2)")) == (1, 1)
    assert len(times(jug, 1)) == 4


@WITH_REPORTS
@pytest.mark.parametrize(("times_it_dies", "status"), [(2, 0), (9, 1)])
def test_a_crash_in_a_process_of_its_own_is_tried_again_as_well(jug, times_it_dies, status, request):
    functions = FLAKY + (
        "    @TaskGenerator\n    def dying(x):\n"
        f"        if note('dying') <= {times_it_dies}: os._exit(3)\n        return x\n"
    )
    write(jug, "    dying(1)\n", functions)
    assert jug("execute", "--retries=2").returncode == 3
    done = jug("execute", "--will-cite", "--retries=2")
    assert done.returncode == status
    # Where nobody knows what the dead worker ran, its end is no run.
    is_known = request.node.callspec.params["jug"] == "posix"
    assert len(times(jug, "dying")) == (3 if is_known or not status else 4)
    if is_known:
        assert done.stderr.startswith(
            "jug: task jugfile.dying(1) failed: ended its process with status 3; "
            "it is tried again in 2 s (attempt 2 of 3)\n"
        )
    if status:
        assert [(it["attempt"], it["again"], it["kind"]) for it in failures(jug)] == [(3, False, "exit")]


@IN_A_JUGDIR
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--retries=-1"], "jug: error: --retries must be a whole number of at least 0, not -1\n"),
        (["--retries=often"], "argument --retries: invalid int value: 'often' (see 'jug execute --help')\n"),
        (["--retries"], "argument --retries: expected one argument (see 'jug execute --help')\n"),
    ],
)
def test_a_wrong_number_of_retries_is_wrong_usage(jug, given, message):
    write(jug, "    flaky(1, 9)\n")
    done = jug("execute", *given)
    assert (done.returncode, times(jug, 1)) == (2, [])
    assert done.stderr.endswith(message)


@IN_A_JUGDIR
def test_nothing_is_tried_again_behind_the_back_of_who_debugs_it(jug):
    write(jug, "    flaky(1, 9)\n")
    done = jug("execute", "--retries=2", "--pdb")
    assert (done.returncode, len(times(jug, 1))) == (1, 1)


# --- the parts ---


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_pauses_double_from_1_s_up_to_5_minutes():
    assert [pause_after(attempt) for attempt in (1, 2, 3, 8, 9, 10, 10_000)] == [1, 2, 4, 128, 256, 300, 300]


def test_nodes_are_held_back_until_their_pause_is_over():
    clock = Clock()
    retries = Retries(1, {}, clock)
    assert (retries.seconds_left(), list(retries.held()), retries.take_due()) == (None, [], [])
    retries.hold(7, 4.0)
    retries.hold(5, 1.0)
    retries.hold(6, 2.0)
    assert retries.seconds_left() == 1.0
    clock.now += 2.5
    assert (retries.seconds_left(), set(retries.held())) == (0.0, {5, 6, 7})
    assert (retries.take_due(), list(retries.held()), retries.seconds_left()) == ([5, 6], [7], 1.5)


def test_a_pause_may_begin_again_or_be_ended():
    clock = Clock()
    retries = Retries(1, {}, clock)
    retries.hold(1, 1.0)
    retries.hold(2, 1.0)
    retries.hold(1, 5.0)
    assert list(retries.release([2, 3])) == [2]
    clock.now += 2.0
    assert (retries.take_due(), retries.seconds_left()) == ([], 3.0)
    clock.now += 3.0
    assert (retries.take_due(), retries.seconds_left()) == ([1], None)


def test_runs_are_counted_until_they_are_forgotten():
    retries = Retries(1, {b"a": {"attempt": 3}, b"b": {}})
    assert [retries.next_attempt(key) for key in (b"a", b"b", b"c")] == [4, 2, 1]
    retries.failed(b"c", 1)
    retries.learn({b"a": {"attempt": 4}})
    retries.forget([b"b", b"x"])
    assert [retries.next_attempt(key) for key in (b"a", b"b", b"c")] == [5, 1, 2]


@pytest.mark.parametrize(
    ("option", "declared", "limit"), [(0, None, None), (2, None, 2), (2, 0, 0), (0, 3, 3), (None, 3, None)]
)
def test_how_often_is_said_by_the_function_or_else_by_the_option(option, declared, limit):
    def f():
        pass

    TaskGenerator(f, retries=declared)
    retries = Retries(option, {})
    assert retries.limit(f) == limit
    expected = None if limit is None else [attempt <= limit for attempt in (1, 2, 3, 4)]
    assert (limit is None and retries.is_again(f, 1) is None) or expected == [
        retries.is_again(f, attempt) for attempt in (1, 2, 3, 4)
    ]


@pytest.mark.parametrize(
    ("report", "when"),
    [
        ({"kind": "exception"}, "now"),
        ({"kind": "exception", "again": True}, "later"),
        ({"kind": "exception", "again": False}, "never"),
        ({"kind": "exit", "crashes": 1, "again": True}, "now"),
        ({"kind": "exit", "crashes": 2, "again": True}, "later"),
        ({"kind": "exit", "crashes": 1, "again": False}, "never"),
        ({"kind": "exit", "crashes": 2}, "never"),
        ({"kind": "lost", "crashes": 0}, "now"),
    ],
)
def test_reports_say_when_a_task_may_run_again(report, when):
    assert next_run(report, crash_limit=2) == when
