"""jug retry: failures are cleared, all or those that are meant."""

import json
import typing

import pytest

from jug.engine.failures.report import KINDS
from jug.internal.types import FailureKind
from tests.support.command import Jug
from tests.support.redis_jug import RedisJug

JUGFILE = """
    import os
    from jug import TaskGenerator

    @TaskGenerator
    def parse(text):
        with open("runs.txt", "a") as output:
            output.write(f"{text} ")
        return float(text)

    @TaskGenerator
    def leave(status):
        os._exit(status)

    for text in ("one", "two", "3"):
        parse(text)
    leave(3)
"""


@pytest.fixture(params=["file", "redis"])
def broken(request, tmp_path):
    """`jug` beside a jugfile of which two tasks raise and are kept as failed, and one ends its process."""
    jug = Jug(tmp_path)
    if request.param == "redis":
        jug = RedisJug(jug, request.getfixturevalue("redis_server"))
    jug.write(JUGFILE.replace("leave(3)", ""))
    assert jug("execute", "--keep-going", "--keep-failed").returncode == 1
    jug.write(JUGFILE)
    jug("execute", "--keep-going", "--keep-failed", "--crash-limit=1")  # This worker dies.
    jug("execute", "--keep-going", "--crash-limit=1")
    (jug.folder / "runs.txt").unlink()
    return jug


def ids(jug):
    """The ids of the failures by what failed: "parse('two')"."""
    listed = json.loads(jug("failures", "--json").stdout)["failures"]
    return {f"{it['name'].removeprefix('jugfile.')}({it['arguments']})": it["id"] for it in listed}


def ran(jug):
    """What `parse` was called with since the last call of this."""
    path = jug.folder / "runs.txt"
    text = path.read_text() if path.exists() else ""
    path.unlink(missing_ok=True)
    return sorted(text.split())


def test_without_a_selection_all_are_cleared_kept_ones_and_deaths_too(broken):
    assert sorted(ids(broken)) == ["leave(3)", "parse('one')", "parse('two')"]
    done = broken("retry")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Cleared 3 failures\n", "")
    assert broken("failures").stdout == "No failures.\n"
    assert broken("retry").stdout == "Cleared 0 failures\n"
    assert broken("cleanup", "--failed-only").stdout == "Removed 0 failure locks\n"
    broken.write(JUGFILE.replace("leave(3)", ""))
    assert broken("execute", "--keep-going").returncode == 1
    assert ran(broken) == ["one", "two"]


def test_ids_choose_what_is_cleared(broken):
    known = ids(broken)
    done = broken("retry", known["parse('two')"], known["parse('two')"].upper())
    assert (done.returncode, done.stdout) == (0, "Cleared 1 failure\n")
    assert sorted(ids(broken)) == ["leave(3)", "parse('one')"]
    broken("execute", "--name=parse", "--keep-going")
    assert ran(broken) == ["two"]


@pytest.mark.parametrize("is_first", [True, False])
def test_the_jugfile_may_stand_before_or_behind_the_ids(broken, is_first):
    words = ["jugfile.py", ids(broken)["leave(3)"]]
    done = broken("retry", *(words if is_first else reversed(words)))
    assert (done.stderr, done.stdout) == ("", "Cleared 1 failure\n")


@pytest.mark.parametrize(
    ("selection", "left"),
    [
        (["--name", "parse"], ["leave(3)"]),
        (["--name", "jugfile.le*"], ["parse('one')", "parse('two')"]),
        (["--pattern", "/^jugfile.p/"], ["leave(3)"]),
        (["--kind", "exception"], ["leave(3)"]),
        (["--kind", "signal"], ["leave(3)", "parse('one')", "parse('two')"]),
    ],
)
def test_options_choose_what_is_cleared(broken, selection, left):
    done = broken("retry", *selection)
    number = 3 - len(left)
    assert (done.returncode, done.stdout) == (0, f"Cleared {number} failure{'' if number == 1 else 's'}\n")
    assert sorted(ids(broken)) == left


def test_an_id_that_does_not_exist_clears_nothing(broken):
    known = ids(broken)
    done = broken("retry", known["parse('one')"], "abcdefabcdef")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: there is no failure 'abcdefabcdef'; 'jug failures' lists them\n"
    assert ids(broken) == known


def test_fewer_digits_than_any_id_has_are_none(broken):
    """They may mean another failure tomorrow."""
    known = ids(broken)
    id = known["parse('one')"]
    for digits in (1, 4, 7):
        done = broken("retry", known["leave(3)"], id[:digits])
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(
            f"jug: error: {id[:digits]!r} is too short for an ID, which has 8 digits at least; "
            f"did you mean {id}"
        )
        assert done.stderr.count("\n") == 1
    assert ids(broken) == known
    assert broken("retry", id + "00").returncode == 1
    assert broken("retry", id).stdout == "Cleared 1 failure\n"


def test_a_name_that_no_task_has_is_named_with_what_is_near(broken):
    done = broken("retry", "--name", "prase")
    assert (done.returncode, done.stdout) == (0, "Cleared 0 failures\n")
    assert done.stderr == "jug: warning: --name 'prase' matches no task; did you mean 'jugfile.parse'?\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["abcd", "--kind=exit"], "IDs and --kind exclude one another"),
        (["abcd", "--name=parse"], "IDs and --name exclude one another"),
        (
            ["--kind=exit", "--name=parse"],
            "argument --name: not allowed with argument --kind (see 'jug retry --help')",
        ),
        # Deprecated where jug 2.7 has it, and here from the beginning nowhere.
        (["--target=parse"], "unrecognized arguments: --target=parse (see 'jug retry --help')"),
        (["--nmae=x"], "unrecognized arguments: --nmae=x (see 'jug retry --help')"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(failing, words, message):
    done = failing("retry", *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"jug: error: {message}\n")


def test_a_kind_that_is_none_is_refused_wherever_it_is_set(failing):
    done = failing("retry", "--kind=exitt")
    assert done.returncode == 2
    assert "invalid choice: 'exitt'" in done.stderr
    failing.write("[retry]\nkind=exitt\n", ".jugrc")
    done = failing("retry")
    assert (done.returncode, done.stderr) == (
        2,
        "jug: error: 'exitt' is no kind of failure; there are exception, unstorable, signal, exit, timeout, "
        "memory, lost\n",
    )


def test_the_kinds_are_those_of_reports():
    assert typing.get_args(FailureKind) == KINDS


def test_a_worker_that_waits_begins_with_what_was_cleared(jug):
    """What was marked is run by a worker that runs already."""
    jug.write("""
        import os
        import time
        from jug import TaskGenerator

        @TaskGenerator
        def frail(n):
            if not os.path.exists("repaired"):
                raise ValueError(n)

        @TaskGenerator
        def slow(n):
            open("began", "w").close()
            while not os.path.exists("go"):
                time.sleep(0.01)

        frail(1)
        slow(1)
    """)
    jug("execute", "--name=frail", "--keep-failed", "--keep-going")
    worker = jug.start("execute")
    while not (jug.folder / "began").exists():
        assert worker.poll() is None
    (jug.folder / "repaired").touch()
    assert jug("retry").stdout == "Cleared 1 failure\n"
    (jug.folder / "go").touch()
    out, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, out + err
