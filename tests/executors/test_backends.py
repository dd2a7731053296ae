"""What every backend does, wherever it runs tasks."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.pools import HEAD, ran, reports, value_of


def test_values_dependencies_over_three_levels_and_a_barrier(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def first(i):
        note(f"first{i}")
        return {"i": i, "text": "x" * i}

    @TaskGenerator
    def second(given, *, factor):
        return [given["i"] * factor, len(given["text"])]

    @TaskGenerator
    def third(lists):
        return sum(map(sum, lists)), [os.getcwd()]

    thirds = [third([second(first(i + j), factor=3) for j in range(4)]) for i in range(20)]
    parts = [third([[it[0]]]) for it in thirds]
    numbers = [bvalue(it)[0] for it in thirds]
    barrier()
    last = third([[n] for n in numbers])
    """
    )
    done = jug(*backend)
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "last") == (sum(4 * (i + j) for i in range(20) for j in range(4)), [str(jug.folder)])
    assert value_of(jug, "parts")[2] == (4 * (2 + 3 + 4 + 5), [str(jug.folder)])
    assert set(ran(jug).values()) == {1}
    assert jug("status", "--short").stdout.startswith("All tasks complete")
    assert jug(*backend).returncode == 0
    assert set(ran(jug).values()) == {1}


def test_a_task_that_raises_costs_only_itself_with_its_own_traceback(jug, backend):
    jug.write(
        HEAD
        + """
    class Wrong(ValueError):
        pass

    @TaskGenerator
    def work(i):
        note(i)
        if i % 50 == 7:
            raise Wrong(f"not {i}")
        if i == 20:
            sys.exit(4)
        return i

    all = [work(i) for i in range(200)]
    """
    )
    done = jug(*backend, "--keep-going")
    assert done.returncode == 1
    assert "Wrong: not 57" in done.stderr
    assert 'raise Wrong(f"not {i}")' in done.stderr
    assert "run_chunk" not in done.stderr
    found = reports(jug)
    assert set(found) == {"7", "20", "57", "107", "157"}
    assert {it["kind"] for it in found.values()} == {"exception"}
    assert found["20"]["type"] == "builtins.SystemExit"
    assert found["7"]["type"].endswith("Wrong")
    assert "195 complete" in jug("status", "--short").stdout
    assert set(ran(jug).values()) == {1}


def test_without_keep_going_a_failure_ends_it_and_nothing_that_ran_is_lost(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.02)
        if i == 5:
            raise ValueError(i)
        return i

    all = [work(i) for i in range(400)]
    """
    )
    done = jug(*backend)
    assert done.returncode == 1
    assert "ValueError: 5" in done.stderr
    complete = int(jug("status", "--short").stdout.split(" complete")[0].split()[-1])
    assert complete == len(ran(jug)) - 1 < 399


def test_of_tasks_that_fail_at_the_same_time_the_first_is_shown_with_its_traceback(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        end = time.monotonic() + 5
        while len(open("ran.log").readlines()) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        raise ValueError(f"wrong {i}")

    both = [work(i) for i in range(2)]
    """
    )
    done = jug(*backend)
    assert (done.returncode, len(ran(jug))) == (1, 2)
    assert done.stderr.count(" failed: ValueError: wrong ") == 2, done.stderr
    assert done.stderr.count('    raise ValueError(f"wrong {i}")\nValueError: wrong ') == 1
    assert "jug: error" not in done.stderr


def test_what_workers_cannot_print_is_said_once_and_costs_no_task(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        print("works on", i)
        return i

    all = [work(i) for i in range(6)]
    """
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jug", *backend, "--progress=none"],
            cwd=jug.folder,
            env=jug.env({"PYTHONUNBUFFERED": ""}),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
        )
    message = "cannot write to standard output: No space left on device; what was stored is safe"
    assert (done.returncode, done.stderr) == (1, f"jug: error: {message}\n")
    assert value_of(jug, "all") == [*range(6)]
    assert set(ran(jug).values()) == {1}


def test_a_crash_costs_one_task_and_the_innocent_finish(jug, of_processes):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        if i == 30:
            signal.raise_signal(signal.SIGSEGV)
        if i == 31:
            os._exit(3)
        return i

    all = [work(i) for i in range(100)]
    """
    )
    done = jug(*of_processes, "--keep-going", "--crash-limit", "1")
    assert done.returncode == 1
    found = reports(jug)
    assert set(found) == {"30", "31"}
    if "concurrent" not in of_processes[-1]:
        assert found["30"]["kind"] == "signal"
        assert found["30"]["message"] == "killed by SIGSEGV"
        assert "in work" in found["30"]["traceback"]
        assert (found["31"]["kind"], found["31"]["message"]) == ("exit", "ended its process with status 3")
    assert "98 complete" in jug("status", "--short").stdout
    counts = ran(jug)
    assert len(counts) == 100
    # What was in flight beside it was run once more, and what had come back was not.
    assert max(counts.values()) <= 3
    done = jug(*of_processes, "--keep-going")
    assert ran(jug)["5"] == counts["5"]


def test_functions_of_the_jugfile_and_of_modules_beside_it(jug, backend):
    """By value and by name: with globals and classes, and where a generator has taken a function's place."""
    jug.write(
        """
        from jug import TaskGenerator
        import helper_of_helper

        @TaskGenerator
        def generated(x):
            return plain(x) + 1

        def plain(x):
            return helper_of_helper.times_ten(x)
        """,
        "helper.py",
    )
    jug.write("def times_ten(x):\n    return 10 * x\n", "helper_of_helper.py")
    jug.write(
        HEAD
        + """
    import dataclasses, functools, helper

    FACTOR = 7

    @dataclasses.dataclass
    class Point:
        x: int

        def moved(self):
            return Point(self.x + FACTOR)

    @TaskGenerator
    def move(point):
        assert isinstance(point, Point)
        return point.moved()

    @TaskGenerator
    def use(point):
        return [helper.plain(point.x), helper.generated.f(point.x), recursive(3)]

    def recursive(n):
        return 0 if n == 0 else n + recursive(n - 1)

    points = [move(Point(i)) for i in range(3)]
    used = [use(point) for point in points]
    generated = helper.generated(4)
    """
    )
    done = jug(*backend)
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "used") == [[10 * x, 10 * x + 1, 6] for x in (7, 8, 9)]
    assert value_of(jug, "generated") == 41


def test_an_argument_of_50_mb(jug, backend):
    jug.write(
        HEAD
        + """
    import numpy as np

    @TaskGenerator
    def make(n):
        return np.arange(n)

    @TaskGenerator
    def total(array, text):
        return int(array.sum()), len(text)

    big = make(6_250_000)
    sums = [total(big, "x" * 50_000_000), total(big, "")]
    """
    )
    done = jug(*backend)
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "sums") == [(sum(range(6_250_000)), 50_000_000), (sum(range(6_250_000)), 0)]


def test_what_cannot_be_sent_or_stored_is_a_failure_of_its_task(jug, of_processes):
    jug.write(
        HEAD
        + """
    import threading

    class Refuses:
        def __reduce__(self):
            return explode, ()

    def explode():
        raise RuntimeError("no way back")

    @TaskGenerator
    def work(i):
        return {1: (n for n in "ab"), 2: threading.Lock(), 3: Refuses()}.get(i, i)

    all = [work(i) for i in range(20)]
    """
    )
    done = jug(*of_processes, "--keep-going")
    assert done.returncode == 1
    found = reports(jug)
    assert set(found) == {"1", "2", "3"}
    assert {it["kind"] for it in found.values()} == {"unstorable"}
    assert "returned a generator, which cannot be stored" in found["1"]["message"]
    assert "return a list instead" in found["1"]["message"]
    assert "no way back" in found["3"]["message"]
    assert "17 complete" in jug("status", "--short").stdout


def test_coordinators_and_plain_workers_share_one_jugdir(jug):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.002)
        return i

    @TaskGenerator
    def total(numbers):
        note("total")
        return sum(numbers)

    all = [work(i) for i in range(600)]
    last = total(all)
    """
    )
    common = ["execute", "--will-cite"]
    running = [
        jug.start(*common, "-n", "2", "--backend", "loky"),
        jug.start(*common, "-n", "1", "--backend", "threads"),
        jug.start(*common),
    ]
    for it in running:
        _, said = it.communicate(timeout=100)
        assert it.returncode == 0, said
    assert value_of(jug, "last") == sum(range(600))
    assert set(ran(jug).values()) == {1}
    assert len({line.split()[1] for line in (jug.folder / "ran.log").read_text().splitlines()}) >= 3
    assert os.path.exists(jug.folder / "jugfile.jugdata")


def test_tasks_that_failed_are_tried_again(jug, backend):
    jug.write(
        HEAD
        + """
    @TaskGenerator(retries=2)
    def work(i):
        note(i)
        if i == 3 and sum(line.startswith("3 ") for line in open("ran.log")) < 3:
            raise ValueError(i)
        return i

    all = [work(i) for i in range(10)]
    """
    )
    done = jug(*backend)
    assert done.returncode == 0, done.stderr
    assert ran(jug) == {str(i): 3 if i == 3 else 1 for i in range(10)}


def test_a_function_that_refers_to_much_data_brings_it_once(jug, of_processes):
    jug.write(
        HEAD
        + """
    DATA = bytes(range(256)) * 40_000

    @TaskGenerator
    def look(i):
        time.sleep(0.02)
        return DATA[i], len(DATA)

    all = [look(i) for i in range(200)]
    """
    )
    done = jug(*of_processes)
    assert done.returncode == 0, done.stderr
    assert value_of(jug, "all")[199] == (199, 10_240_000)


def test_nothing_waits_for_ever_where_no_call_can_be_sent(jug, of_processes):
    jug.write(
        HEAD
        + """
    import threading

    class Unpicklable:
        def __init__(self):
            self.lock = threading.Lock()

        def __jug_hash__(self):
            return b"it"

    @TaskGenerator
    def use(it, i):
        return i

    it = Unpicklable()
    all = [use(it, i) for i in range(3)]
    """
    )
    done = jug(*of_processes, "--keep-going")
    assert done.returncode == 1
    assert "an argument of task jugfile.use cannot be sent to a worker: cannot pickle" in done.stderr
    assert "3 tasks failed" in done.stderr
