"""jug failures: which tasks failed, and why."""

import json
import re
import socket
import time
from typing import get_type_hints

import pytest

from jug.internal.types import FailureReport
from tests.support.command import Jug
from tests.support.redis_jug import RedisJug

JUGFILE = """
    import os
    from jug import TaskGenerator

    @TaskGenerator
    def parse(text):
        return float(text)

    @TaskGenerator
    def render(n):
        raise RuntimeError("the renderer said:\\nline one\\n  no fonts \\x1b[31m found\\n")

    @TaskGenerator
    def leave(status):
        os._exit(status)

    @TaskGenerator
    def report(number):
        return number

    report(parse("two"))
    parse("1")
    pages = [render(n) for n in range(3)]
    leave(3)
"""

PARSE_TWO = "7a2b16fb2f0ce42288c281b542b51a26645edcbcea8c0be5b11fa4c6951c8e62"


@pytest.fixture(scope="module", params=["file", "redis"])
def broken(request, tmp_path_factory):
    """`jug` beside a jugfile of which five tasks failed, with results in a jugdir or on a server."""
    jug = Jug(tmp_path_factory.mktemp(request.param))
    jug.write(JUGFILE)
    if request.param == "redis":
        server = request.getfixturevalue("shared_redis")
        server.cli("FLUSHALL")
        jug = RedisJug(jug, server)
    jug("execute", "--keep-going")  # What ends its process costs one worker.
    assert jug("execute", "--keep-going").returncode == 1
    return jug


def test_failures_are_listed_in_the_order_of_the_jugfile_and_what_is_alike_once(broken):
    done = broken("failures")
    assert (done.returncode, done.stderr) == (0, "")
    header, line, *rows = done.stdout.splitlines()
    assert header.split() == ["ID", "Count", "Kind", "Attempts", "Host", "When", "Task"]
    assert set(line) == {"-"}
    day = time.strftime("%Y-%m-%d")
    found = [re.split("  +", row.strip(), maxsplit=6) for row in rows]
    # Workers on a server begin anywhere, so that any of the three is the latest.
    found[1][6] = re.sub(r"render\([012]\)", "render(#)", found[1][6])
    assert [[*row[1:3], *row[4:]] for row in found] == [
        [count, kind, socket.gethostname(), when, text]
        for (count, kind, text), when in zip(
            [
                (
                    "1",
                    "exception",
                    "jugfile.parse('two'): ValueError: could not convert string to float: 'two'",
                ),
                ("3", "exception", r"jugfile.render(#): RuntimeError: no fonts \x1b[31m found"),
                ("1", "exit", "jugfile.leave(3): ended its process with status 3"),
            ],
            (row[5] for row in found),
            strict=True,
        )
    ]
    assert all(row[5].startswith(day[:4]) for row in found)
    assert found[0][0] == PARSE_TWO[:8]
    assert all(re.fullmatch("[0-9a-f]{8}", row[0]) for row in found)


def test_a_terminal_that_is_narrow_has_the_message_below(broken):
    lines = broken("failures", env={"COLUMNS": "60"}).stdout.splitlines()
    below = [line for line in lines[2:] if line.startswith("    ")]
    assert max(map(len, below)) <= 60
    assert "jugfile.parse('two'): ValueError: could not convert string to float: 'two'" in " ".join(
        line.strip() for line in below
    )


def test_in_short_it_is_their_number(broken):
    assert broken("failures", "--short").stdout == "5 tasks failed.\n"


def test_one_failure_is_shown_in_full(broken):
    done = broken("failures", "--show", PARSE_TWO[:8])
    assert (done.returncode, done.stderr) == (0, "")
    known, traceback = done.stdout.split("\n\n", 1)
    facts = dict(re.split(": +", line, maxsplit=1) for line in known.splitlines())
    assert facts["Task"] == "jugfile.parse"
    assert facts["Arguments"] == "'two'"
    assert facts["Kind"] == "exception"
    assert facts["Host"] == socket.gethostname()
    assert facts["Key"] == PARSE_TWO
    assert re.fullmatch(r"[\d.]+ (us|ms)", facts["Duration"])
    assert facts["Kept"] == "no, the next 'jug execute' tries again"
    assert traceback.startswith("Traceback (most recent call last):\n")
    assert traceback.endswith("\nValueError: could not convert string to float: 'two'\n")


@pytest.mark.parametrize("text", [PARSE_TWO, PARSE_TWO[:12].upper(), PARSE_TWO[:6]])
def test_an_id_may_be_longer_or_shorter(broken, text):
    assert f"Key:        {PARSE_TWO}" in broken("failures", "--show", text).stdout


def test_programs_get_every_field_of_every_failure(broken):
    done = broken("failures", "--json")
    shown = json.loads(done.stdout)
    assert shown["jugfile"] == "jugfile.py"
    failures = shown["failures"]
    assert [failure["name"].removeprefix("jugfile.") for failure in failures] == [
        "parse",
        *3 * ["render"],
        "leave",
    ]
    fields = set(get_type_hints(FailureReport))
    assert all(set(failure) == {"id", "key"} | fields for failure in failures)
    assert (failures[0]["id"], failures[0]["key"]) == (PARSE_TWO[:8], PARSE_TWO)
    assert failures[1]["message"] == "the renderer said:\nline one\n  no fonts \x1b[31m found\n"
    assert (failures[-1]["kind"], failures[-1]["crashes"]) == ("exit", 2)
    [one] = json.loads(broken("failures", "--json", "--show", PARSE_TWO[:8]).stdout)["failures"]
    assert one == failures[0]


def test_without_failures_it_says_so(pipeline):
    for _ in range(2):
        done = pipeline("failures")
        assert (done.returncode, done.stdout, done.stderr) == (0, "No failures.\n", "")
        assert json.loads(pipeline("failures", "--json").stdout)["failures"] == []
        pipeline("execute")


def test_looking_creates_nothing(pipeline):
    pipeline("failures")
    assert not (pipeline.folder / "jugfile.jugdata").exists()


def test_an_id_that_means_no_failure_is_one_line(broken):
    complete = json.loads(broken.python(KEYS).stdout)["1"]
    for text, message in (
        ("abcdefabcdef", "there is no failure 'abcdefabcdef'; 'jug failures' lists them"),
        ("", "there is no failure ''; 'jug failures' lists them"),
        ("parse", f"there is no failure 'parse'; did you mean {PARSE_TWO[:8]} (jugfile.parse)?"),
        ("7a2b16fc", f"there is no failure '7a2b16fc'; did you mean {PARSE_TWO[:8]} (jugfile.parse)?"),
        (complete, f"{complete[:8]} (jugfile.parse) has not failed; 'jug failures' lists what has"),
    ):
        done = broken("failures", "--show", text)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"jug: error: {message}\n")


KEYS = """
import json
import jug
jug.init("jugfile.py", "elsewhere")
print(json.dumps({str(t.args[0]): t.hash().decode() for t in jug.task.alltasks if t.name == "jugfile.parse"}))
"""


def test_an_id_that_means_several_tasks_names_them(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def check(n):
            raise ValueError(n)

        numbers = [check(n) for n in range(17)]
    """)
    jug("execute", "--keep-going")
    listed = json.loads(jug("failures", "--json").stdout)["failures"]
    # Of 17 keys two begin with the same digit.
    digits = [failure["id"][0] for failure in listed]
    digit = next(digit for digit in digits if digits.count(digit) > 1)
    done = jug("failures", "--show", digit)
    assert (done.returncode, done.stdout) == (1, "")
    candidate = rf"{digit}\w{{7}} \(jugfile\.check\)"
    assert re.fullmatch(
        rf"jug: error: '{digit}' may be {candidate}( or {candidate})+"
        r"(, or \d+ others)?: write more digits\n",
        done.stderr,
    )


def test_failures_of_tasks_that_the_jugfile_has_no_more_are_left_out(broken):
    broken.write(JUGFILE.replace('parse("two")', 'parse("2")'))
    assert "parse" not in broken("failures").stdout
    done = broken("failures", "--show", PARSE_TWO[:8])
    assert done.returncode == 1
    assert "is no task of this jugfile" in done.stderr
    broken.write(JUGFILE)


def test_an_option_that_is_none_and_a_name_that_is_near(broken):
    done = broken("failures", "--jsno")
    assert (done.returncode, done.stderr) == (
        2,
        "jug: error: unrecognized arguments: --jsno (see 'jug failures --help')\n",
    )
    done = (
        super(type(broken), broken).__call__("failurs") if isinstance(broken, RedisJug) else broken("failurs")
    )
    assert done.returncode == 2
    assert "did you mean 'failures'?" in done.stderr
