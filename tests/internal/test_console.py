"""What is said of failures on stderr: enough of each kind, nothing twice, and none of the engine's lines."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import jug as package

PACKAGE = Path(package.__file__).parent

MANY = """
    from jug import TaskGenerator

    @TaskGenerator
    def parse(text):
        return float(text)

    @TaskGenerator
    def half(number):
        return number / 2

    numbers = [parse(f"number {n}") for n in range(500)]
    [half(number) for number in numbers[:320]]
"""


def test_of_many_failures_the_first_are_shown_and_the_rest_is_counted(jug):
    jug.write(MANY)
    done = jug("execute", "--keep-going", "--will-cite")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) < 20
    assert lines[0] == (
        "jug: task jugfile.parse('number 0') failed: ValueError: could not convert string to float: "
        "'number 0'; 1 task cannot run without it"
    )
    assert lines.count("Traceback (most recent call last):") == 1
    assert lines[-2:] == [
        "jug: 495 more of jugfile.parse failed like that: ValueError",
        "jug: error: 500 tasks failed, 320 cannot run without them; 'jug status --verbose=info' says why",
    ]


def test_each_kind_of_failure_is_shown_however_late_it_comes(jug):
    jug.write(
        MANY
        + """
    @TaskGenerator
    def other(x):
        raise KeyError(x)

    other("late")
"""
    )
    said = jug("execute", "--keep-going").stderr
    assert "jug: task jugfile.other('late') failed: KeyError: 'late'\nTraceback" in said
    assert said.count("Traceback") == 2


#: What a task does, and what is said of it beside the lines of the user's that lead there.
MISTAKES = {
    "a wrong number of arguments": (
        "@TaskGenerator\ndef f(x): return x\nf(1, 2)",
        "jug: task jugfile.f(1, 2) failed: TypeError: f() takes 1 positional argument but 2 were given\n",
    ),
    "a method": (
        "class C:\n    @TaskGenerator\n    def f(self, x): return x\nC().f(3)",
        "jug: task jugfile.f(3) failed: TypeError: C.f() missing 1 required positional argument: 'x'\n",
    ),
    "a builtin": (
        "from jug import Task\nTask(max, 1)",
        "jug: task builtins.max(1) failed: TypeError: 'int' object is not iterable\n",
    ),
    "a result that pickle refuses": (
        "@TaskGenerator\ndef f(x): return (i for i in range(x))\nf(3)",
        "jug: task jugfile.f(3) returned a generator, which cannot be stored (cannot pickle 'generator' "
        "object); return a list instead\n",
    ),
    "a result whose class refuses": (
        "class C:\n    def __reduce__(self): raise ValueError('not me')\n"
        "@TaskGenerator\ndef f(x): return C()\nf(3)",
        "jug: task jugfile.f(3) returned a C, which cannot be stored (not me); return plain data, or an "
        "object that pickle can handle\n"
        "Traceback (most recent call last):\n"
        '  File "jugfile.py", line 3, in __reduce__\n'
        "    def __reduce__(self): raise ValueError('not me')\n"
        "ValueError: not me\n",
    ),
    "an error out of an error": (
        "@TaskGenerator\ndef f(x):\n    try: {}[x]\n    except KeyError as e: raise ValueError from e\nf(3)",
        "jug: task jugfile.f(3) failed: ValueError\n"
        "Traceback (most recent call last):\n"
        '  File "jugfile.py", line 4, in f\n'
        "    try: {}[x]\n"
        "KeyError: 3\n"
        "\n"
        "The above exception was the direct cause of the following exception:\n"
        "\n"
        "Traceback (most recent call last):\n"
        '  File "jugfile.py", line 5, in f\n'
        "    except KeyError as e: raise ValueError from e\n"
        "ValueError\n",
    ),
    "a function that another one of ours calls": (
        "from jug import mapreduce\ndef f(x): raise ValueError(x)\nmapreduce.map(f, [3])",
        "jug: task jug.mapreduce._jug_map(f, [3]) failed: ValueError: 3\n"
        "Traceback (most recent call last):\n"
        '  File "jugfile.py", line 3, in f\n'
        "    def f(x): raise ValueError(x)\n"
        "ValueError: 3\n",
    ),
}


@pytest.mark.parametrize(
    "options", [[], ["--keep-going"], ["--debug"]], ids=lambda it: "".join(it) or "plain"
)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_failure_shows_the_users_lines_once_and_none_of_the_engines(jug, mistake, options):
    source, said = MISTAKES[mistake]
    jug.write(f"from jug import TaskGenerator\n{source}\n")
    done = jug("execute", *options)
    assert done.returncode == 1
    # Where in a line something happened is marked below it, by some versions of Python.
    assert re.sub(r"^ +[~^]+\n", "", done.stderr, flags=re.MULTILINE) == said


def test_a_task_that_changes_its_argument_is_said_once_under_debug(jug):
    jug.write("""
        from jug import TaskGenerator

        class Basket:
            def __init__(self):
                self.items = [100_000 * "x"]  # Of what is smaller, each task gets a copy.

        @TaskGenerator
        def fill(basket):
            basket.items.append("egg")

        fill(Basket())
    """)
    done = jug("execute", "--debug")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("jug: task jugfile.fill(")


def test_what_an_exception_says_is_cut_at_10_kb(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def loud(x):
            raise ValueError("begin" + 100_000 * "x" + "end")

        loud(1)
    """)
    said = jug("execute", "--keep-going").stderr
    assert len(said) < 11_000
    assert re.search(r"ValueError: begin.*characters left out.*end$", said, flags=re.MULTILINE)
    shown = jug("status", "--verbose=info").stderr
    assert len(shown) < 11_000


def test_control_characters_are_escaped(jug):
    jug.write(r"""
        from jug import TaskGenerator

        @TaskGenerator
        def red(x):
            raise ValueError("\x1b[31mred\x07\rnothing happened\x9b2J")

        red("\x1b]0;title\x07")
    """)
    shown = jug("execute", "--keep-going").stderr + jug("status", "--verbose=info").stderr
    assert r"ValueError: \x1b[31mred\x07\x0dnothing happened\x9b2J" in shown
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)


def test_a_closed_stderr_costs_no_task(jug):
    jug.write(MANY)
    command = f"{sys.executable} -m jug execute --keep-going --will-cite --short 2>&-"
    done = subprocess.run(
        command, shell=True, cwd=jug.folder, env=jug.env(), stdout=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "** Total: 0 tasks.")


def test_everything_that_goes_to_stderr_comes_from_one_place():
    """But for logging, which --verbose turns on, and warnings of Python's own."""
    found = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if re.search(
            r"stderr\.write|print\(.*stderr|_log\.warning|\.(warning|error|critical)\(\s*\"jug",
            path.read_text(),
        )
    ]
    assert found == ["internal/console.py"]
