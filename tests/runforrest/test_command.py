"""``python -m jug.runforrest``, beside that of RunForrest."""

import os
import subprocess
import sys

import pytest

from jug.runforrest import defer
from jug.runforrest.pickling import dump, load


def run(python, package, folder, *arguments):
    """Its exit status, what it prints, and the last line of its errors."""
    done = subprocess.run(
        [python, "-m", package, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1:] or [""]
    return done.returncode, done.stdout, last[0]


@pytest.fixture
def both(peers, folder):
    """Runs both with the same arguments on a file with a task."""
    import calls

    def compare(function, argument, *options):
        (folder / "in.pkl").write_bytes(dump(defer(getattr(calls, function), argument)))
        found = []
        for python, package in ((peers, "runforrest"), (sys.executable, "jug.runforrest")):
            found.append(run(python, package, folder, "in.pkl", "out.pkl", *options))
            found.append(load((folder / "out.pkl").read_bytes()))
            os.remove(folder / "out.pkl")
        return found

    return compare


def test_a_task_that_has_a_result(both):
    theirs, their_task, ours, our_task = both("add", 3)
    assert ours == theirs == (0, "", "")
    assert our_task.returnvalue == their_task.returnvalue == 3
    assert our_task.errorvalue is their_task.errorvalue is None
    assert our_task.runtime >= 0


@pytest.mark.parametrize("option", [None, "-p", "--do_print", "-r", "--do_raise"])
def test_a_task_that_fails(option, both):
    theirs, their_task, ours, our_task = both("fail", "no", *([option] if option else []))
    assert (ours[0], ours[2]) == (theirs[0], theirs[2])
    assert theirs[0] == (1 if option in ("-r", "--do_raise") else 255)
    # Beside the line of RunForrest there is the traceback that its README promises.
    assert ours[1].startswith(theirs[1])
    assert ("Traceback" in ours[1]) == bool(theirs[1])
    assert type(our_task.errorvalue) is type(their_task.errorvalue) is ValueError
    assert our_task.returnvalue is None


def test_a_session_is_loaded_before(folder):
    script = """
import dill, sys
from jug.runforrest import defer
from jug.runforrest.pickling import dump
unseen = 7
dill.dump_session("session.pkl")
def read():
    return sys.modules["__main__"].unseen
open("in.pkl", "wb").write(dump(defer(read)))
"""
    subprocess.run([sys.executable, "-c", script], cwd=folder, check=True)
    for option in ("-s", "--sessionfile"):
        assert run(sys.executable, "jug.runforrest", folder, "in.pkl", "out.pkl", option, "session.pkl") == (
            0,
            "",
            "",
        )
        assert load((folder / "out.pkl").read_bytes()).returnvalue == 7
    assert run(sys.executable, "jug.runforrest", folder, "in.pkl", "out.pkl")[0] == 255


def test_a_file_that_is_missing_or_damaged_is_an_error_in_one_line(folder):
    """RunForrest 0.4.3 prints a traceback; the status is the same."""
    status, out, error = run(sys.executable, "jug.runforrest", folder, "in.pkl", "out.pkl")
    assert (status, out, error) == (1, "", "jug: error: cannot read in.pkl: No such file or directory")
    (folder / "in.pkl").write_bytes(b"")
    status, out, error = run(sys.executable, "jug.runforrest", folder, "in.pkl", "out.pkl")
    assert (status, out) == (1, "")
    assert error == "jug: error: in.pkl holds no task that can be read (Ran out of input)"
    assert not (folder / "out.pkl").exists()


def test_wrong_usage_is_status_2(folder):
    assert run(sys.executable, "jug.runforrest", folder, "in.pkl")[0] == 2
