"""jug debug: a task that failed, in a debugger."""

import subprocess
import sys

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
