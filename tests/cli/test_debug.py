"""jug debug: a task that failed, in a debugger."""

import json
import re
import signal
import subprocess
import sys
import time

import pytest

JUGFILE = """
    from jug import TaskGenerator

    @TaskGenerator
    def load(n):
        return [n, 0]

    @TaskGenerator
    def divide(pair, by=None):
        first, second = pair
        quotient = first / second
        return quotient

    @TaskGenerator
    def check(x):
        raise ValueError(x)

    ratio = divide(load(7))
    [check(n) for n in range(2)]
"""


@pytest.fixture(params=["file", "redis"])
def broken(request, jug):
    """A function that types into `jug debug`, beside a jugfile of which three tasks failed."""
    jug.write(JUGFILE)
    url = request.getfixturevalue("redis_server").url if request.param == "redis" else "results"
    jug.write(f"[main]\njugdir={url}\n", ".jugrc")
    assert jug("execute", "--keep-going", "--keep-failed").returncode == 1
    return jug


def debug(jug, *args, typed=""):
    return subprocess.run(
        [sys.executable, "-m", "jug", "debug", *args],
        cwd=jug.folder,
        env=jug.env({"IPYTHONDIR": str(jug.folder), "TERM": "dumb"}),
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_it_begins_at_the_first_line_with_the_inputs_loaded(broken):
    done = debug(broken, "divide", typed="p pair\np by\nq\n")
    assert done.returncode == 1
    assert "first, second = pair" in done.stdout
    assert "[7, 0]" in done.stdout
    assert done.stderr.endswith(
        "jug: error: task jugfile.divide was left before it ended; nothing is stored\n"
    )


def test_it_stops_where_the_task_raises(broken):
    done = debug(broken, "jugfile.divide", typed="c\np (first, second)\nq\n")
    assert done.returncode == 1
    assert "(7, 0)" in done.stdout
    assert "jug: error: task jugfile.divide raised ZeroDivisionError; nothing is stored\n" in done.stderr
    assert broken("failures", "--short").stdout == "3 tasks failed.\n"


def test_what_it_returns_is_stored_only_where_that_is_asked_for(broken):
    mend = "n\nsecond = 2\nc\n"
    done = debug(broken, "divide", typed=mend)
    assert (done.returncode, done.stderr) == (
        0,
        "jug: task jugfile.divide returned 3.5; nothing is stored; --save does that\n",
    )
    assert broken("failures", "--short").stdout == "3 tasks failed.\n"
    id = next(line[:8] for line in broken("failures").stdout.splitlines() if "divide" in line)
    done = debug(broken, id, "--save", typed=mend)
    assert (done.returncode, done.stderr) == (0, "jug: task jugfile.divide returned 3.5; it is stored\n")
    assert broken("failures", "--short").stdout == "2 tasks failed.\n"
    assert "2 failed, 2 complete" in broken("status", "--short").stdout


HEXADECIMAL = """
    from jug import TaskGenerator

    def fails(name):
        def fail(n):
            raise ValueError(n)
        fail.__name__ = fail.__qualname__ = name
        return TaskGenerator(fail)

    fails("add")(1)
    fails("deadbeef")(1)
    fails("beef")(1)
    fails("beef")(2)
    fails("check")(1)
"""


def test_a_name_of_hexadecimal_digits_is_a_name(jug):
    jug.write(HEXADECIMAL)
    jug("execute", "--keep-going")
    for name in ("add", "deadbeef"):
        done = debug(jug, name, typed="c\nq\n")
        assert done.stderr.endswith(f"task jugfile.{name} raised ValueError; nothing is stored\n")
    assert debug(jug, "beef").stderr.startswith("jug: error: 2 tasks of the name 'beef' failed: ")


def test_what_is_a_name_and_an_id_is_refused(jug):
    jug.write(HEXADECIMAL)
    jug("execute", "--keep-going")
    listed = json.loads(jug("failures", "--json").stdout)["failures"]
    id = next(failure["id"] for failure in listed if failure["name"] == "jugfile.check")
    jug.write(HEXADECIMAL + f'    fails("{id}")(1)\n')
    for _ in range(2):  # Whether the task of this name has failed does not matter.
        done = debug(jug, id, typed="q\n")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"jug: error: {id!r} is the name of task jugfile.{id} and the ID of another failure, "
            f"{id} (jugfile.check): write the whole name, or more digits\n"
        )
        jug("execute", "--keep-going")
    assert "check" in debug(jug, "check", typed="c\nq\n").stderr
    assert f"task jugfile.{id} raised ValueError" in debug(jug, f"jugfile.{id}", typed="c\nq\n").stderr


def test_what_is_stored_has_the_facts_of_a_run(broken):
    assert debug(broken, "divide", "--save", typed="n\nsecond = 2\nc\n").returncode == 0
    shown = broken.python(
        "import jug, jug.options, json; o = jug.options.parse(['status']);"
        "store, space = jug.init('jugfile.py', o.jugdir); print(json.dumps(store.metadata(space['ratio'])))"
    )
    facts = json.loads(shown.stdout)
    assert (facts["name"], facts["attempt"]) == ("jugfile.divide", 2)
    assert abs(time.time() - facts["started"]) < 600
    assert 0 < facts["duration"] < 600
    assert broken("status", "--times", "--short").stdout.startswith("2 tasks took ")


def test_a_result_that_cannot_be_stored_leaves_the_failure(broken):
    """Nothing is forgotten before something else is stored."""
    done = debug(broken, "divide", "--save", typed="n\nsecond = 2\nn\nquotient = lambda: 0\nc\n")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "jug: error: task jugfile.divide returned a function, which cannot be stored ("
    )
    assert done.stderr.endswith("; nothing is stored\n")
    assert done.stderr.count("\n") == 1
    assert broken("failures", "--short").stdout == "3 tasks failed.\n"
    assert "3 failed, 1 complete, (none active)" in broken("status", "--short").stdout


def test_a_command_that_is_killed_in_the_debugger_leaves_the_failure(broken):
    done = debug(broken, "divide", "--save", typed="n\nimport os; os.kill(os.getpid(), 9)\n")
    assert done.returncode == -9
    assert broken("failures", "--short").stdout == "3 tasks failed.\n"


@pytest.fixture
def in_debugger(broken):
    """`jug debug divide --save`, which has stopped at the first line of its task."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jug", "debug", "divide", "--save"],
        cwd=broken.folder,
        env=broken.env({"IPYTHONDIR": str(broken.folder), "TERM": "dumb"}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "first, second = pair" not in process.stdout.readline():
        assert process.poll() is None
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_what_is_to_be_stored_is_claimed_meanwhile(broken, in_debugger):
    other = debug(broken, "divide", "--save")
    assert (other.returncode, other.stdout) == (1, "")
    assert other.stderr == (
        "jug: error: another worker has claimed task jugfile.divide: it may be running it now\n"
    )
    # What stores nothing disturbs nobody.
    assert "first, second = pair" in debug(broken, "divide", typed="q\n").stdout
    out, err = in_debugger.communicate("n\nsecond = 2\nc\n", timeout=60)
    assert (in_debugger.returncode, err) == (0, "jug: task jugfile.divide returned 3.5; it is stored\n"), out
    assert "2 failed, 2 complete, (none active)" in broken("status", "--short").stdout


def test_a_worker_waits_for_what_is_debugged(broken, in_debugger):
    """And does not run it, although its failure was cleared."""
    assert broken("retry", "--name=divide").stdout == "Cleared 1 failure\n"
    worker = broken.start("execute", "--name=divide", "--will-cite", "--short")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(timeout=2)
    in_debugger.communicate("n\nsecond = 2\nc\n", timeout=60)
    out, err = worker.communicate(timeout=60)
    assert (worker.returncode, err) == (0, "")
    assert out.startswith("Executed:  0 tasks\n")


def test_who_leaves_gives_the_claim_back(broken):
    assert debug(broken, "divide", "--save", typed="q\n").returncode == 1
    assert debug(broken, "divide", "--save", typed="n\nsecond = 2\nc\n").returncode == 0


def test_a_signal_ends_it_as_it_ends_a_worker(broken, in_debugger):
    in_debugger.send_signal(signal.SIGTERM)
    _, err = in_debugger.communicate(timeout=60)
    assert (in_debugger.returncode, err) == (1, "jug: interrupted by SIGTERM\n")
    assert "3 failed, 1 complete, (none active)" in broken("status", "--short").stdout


def test_a_task_that_changes_a_large_argument_fails_here_too(jug):
    """And the debugger stops in its own lines all the same."""
    jug.write("""
        import os
        import numpy as np
        from jug import TaskGenerator

        @TaskGenerator
        def spread(x):
            if not os.path.exists("repaired"):
                raise ValueError("not repaired")
            x -= x.mean()
            return float(x.max())

        spread(np.arange(100_001.0))
    """)
    jug("execute")
    jug.write("", "repaired")
    done = debug(jug, "spread", "--save", typed="n\nc\n")
    assert "x -= x.mean()" in re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    assert (done.returncode, done.stderr) == (
        1,
        "jug: error: task jugfile.spread changed its argument 1, which is too large to be copied for each "
        "task; make a copy of it in the function; nothing is stored\n",
    )
    assert jug("failures", "--short").stdout == "1 task failed.\n"


def test_a_task_may_start_workers_of_its_own(jug):
    """They do not wait for the task that they are in."""
    jug.write("""
        import os
        import jug
        from jug import TaskGenerator
        from jug.options import default_options

        @TaskGenerator
        def add(x, y):
            return x + y

        @TaskGenerator
        def run_all(n):
            if not os.path.exists("repaired"):
                raise ValueError("not repaired")
            made = [add(100, i) for i in range(n)]
            jug.jug.execution_loop(list(jug.task.alltasks), default_options)
            return jug.value(made)

        total = run_all(3)
    """)
    jug("execute")
    jug.write("", "repaired")
    done = debug(jug, "run_all", "--save", typed="c\n")
    assert (done.returncode, done.stderr) == (
        0,
        "jug: task jugfile.run_all returned [100, 101, 102]; it is stored\n",
    )
    assert jug("status", "--short").stdout == "All tasks complete (1 tasks).\n"


def test_missing_inputs_are_named(broken):
    load = broken.python(
        "import jug; jug.init('jugfile.py', 'elsewhere'); print(jug.task.alltasks[0].hash().decode()[:8])"
    ).stdout.strip()
    broken.python(
        "import jug, jug.options; o = jug.options.parse(['status']); jug.init('jugfile.py', o.jugdir);"
        "jug.task.alltasks[0].invalidate(); jug.task.Task.store.close()"
    )
    done = debug(broken, "divide")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"jug: error: task jugfile.divide cannot run: there is no result of jugfile.load ({load}), which it "
        "needs; 'jug execute' runs them\n"
    )


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "jug debug needs the ID of one failure"),
        (["a", "b"], 2, "jug debug needs the ID of one failure"),
        (["check"], 1, "2 tasks of the name 'check' failed: "),
        (["load"], 1, "there is no failure 'load'; 'jug failures' lists them"),
    ],
)
def test_which_task_is_meant_has_to_be_clear(broken, words, status, message):
    done = debug(broken, *words)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.startswith(f"jug: error: {message}")
    assert done.stderr.count("\n") == 1
