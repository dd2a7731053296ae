"""Results of other code that are made again: with all that depends on them, wherever that is made."""

import shutil

import pytest

from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite", "--short")
RERUN = (*EXECUTE, "--rerun-changed")

#: What needs the simulations is made behind a barrier, which also waits for something else.
BEHIND = """
    from jug import TaskGenerator, barrier, bvalue

    @TaskGenerator
    def sim(x):
        return x + {add}

    @TaskGenerator
    def other(x):
        return x

    @TaskGenerator
    def total(values):
        print("TOTAL", sum(values))
        return sum(values)

    @TaskGenerator
    def last(value):
        print("LAST", value)
        return value

    simulations = [sim(i) for i in range(3)]
    others = [other(i) for i in range({others})]
    {wait}
    sums = total(simulations)
    barrier()
    end = last(sums)
"""


def write(jug, add, others, wait="barrier()"):
    jug.write(BEHIND.format(add=add, others=others, wait=wait))


@pytest.fixture(params=["barrier()", "bvalue(others[-1])"])
def wait(request):
    return request.param


def test_what_is_behind_a_barrier_is_made_again_too(jug, wait):
    write(jug, 1, 1, wait)
    assert "TOTAL 6\n" in jug(*EXECUTE).stdout
    write(jug, 100, 2, wait)
    done = jug(*RERUN)
    assert "removed 3 results that were made by other code (3 of jugfile.sim)" in done.stderr
    assert "TOTAL 303\n" in done.stdout
    assert "LAST 303\n" in done.stdout
    assert "other code" not in jug("status").stderr
    assert "Executed:  0 tasks" in jug(*RERUN).stdout


def test_several_workers_make_what_is_behind_a_barrier_again(jug, wait):
    write(jug, 1, 1, wait)
    assert jug(*EXECUTE).returncode == 0
    write(jug, 100, 2, wait)
    done = jug(*RERUN, "-n", "2")
    assert done.returncode == 0
    assert "LAST 303" in done.stdout
    assert jug("status").stderr == ""


def test_what_a_worker_left_out_that_ended_before_a_barrier_is_found_by_the_next_one(jug):
    write(jug, 1, 1)
    assert jug(*EXECUTE).returncode == 0
    write(jug, 100, 2)
    assert "removed 3 results" in jug(*RERUN, "--name", "sim").stderr
    assert jug(*EXECUTE).returncode == 0
    assert "1 result was made of others that were made again since" in jug("status").stderr
    assert jug("status", "--code").stdout.splitlines()[0] == (
        "jugfile.total: 1 result was made of others that were made again since"
    )
    done = jug(*RERUN)
    assert "TOTAL 303\n" in done.stdout
    assert "LAST 303\n" in done.stdout
    assert jug("status").stderr == ""


def test_what_was_made_of_earlier_results_can_be_accepted(jug):
    write(jug, 1, 1)
    assert jug(*EXECUTE).returncode == 0
    write(jug, 100, 2)
    assert jug(*RERUN, "--name", "sim").returncode == 0
    assert jug(*EXECUTE).returncode == 0
    assert "1  jugfile.total" in jug("accept").stdout
    assert jug("status").stderr == ""
    assert "Executed:  0 tasks" in jug(*RERUN).stdout


KILLED = """
    import os, sys
    from jug.backends.file_store import file_store
    from jug.engine.session.file import FileSession
    from jug.jug import main

    place, passed = int(sys.argv[1]), 0

    def ending(function, counts=lambda *args: True):
        def call(*args):
            pass_by(counts(*args))
            returned = function(*args)
            pass_by(counts(*args))
            return returned
        return call

    def pass_by(counts):
        global passed
        passed += counts
        if counts and passed == place:
            os.kill(os.getpid(), 9)

    def is_of_removals(session, key, text):
        return text.startswith((b"made again", b"settled"))

    FileSession.note = ending(FileSession.note, is_of_removals)
    file_store.remove_keys = ending(file_store.remove_keys)
    main(["jug", "execute", "--will-cite", "--rerun-changed"])
"""


def test_a_worker_that_is_killed_at_any_time_leaves_nothing_old(jug):
    """It ends, in turn, before and after each removal and each note."""
    jug.write(KILLED, name="killed.py")
    write(jug, 1, 1)
    assert jug(*EXECUTE).returncode == 0
    (jug.folder / "jugfile.jugdata").rename(jug.folder / "before")
    write(jug, 100, 2)
    for place in range(1, 100):
        shutil.rmtree(jug.folder / "jugfile.jugdata", ignore_errors=True)
        shutil.copytree(jug.folder / "before", jug.folder / "jugfile.jugdata")
        killed = jug.run_python("killed.py", str(place))
        done = jug(*RERUN)
        assert (killed.stdout + done.stdout).count("LAST 303\n") >= 1, place
        assert jug("status").stderr == "", place
        if killed.returncode != -9:
            break
    assert place > 10, killed.stderr


COMPOUND = """
    from jug import TaskGenerator, CompoundTaskGenerator

    @TaskGenerator
    def sim(x):
        return x + {add}

    @TaskGenerator
    def total(values):
        print("TOTAL", sum(values))
        return sum(values)

    @CompoundTaskGenerator
    def whole(n):
        return total([sim(i) for i in range(n)])

    result = whole({number})
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_older_code_inside_of_a_compound_task_does_not_hide_behind_it(jug, workers):
    jug.write(COMPOUND.format(add=1, number=3))
    assert jug(*EXECUTE).returncode == 0
    assert jug("status").stderr == ""
    jug.write(COMPOUND.format(add=100, number=4))
    assert "TOTAL 109" in jug(*EXECUTE, "-n", workers).stdout
    assert "1 result was made by code that is not known" in jug("status").stderr
    assert "TOTAL 406\n" in jug(*RERUN).stdout
    assert jug("status").stderr == ""
    assert "Executed:  0 tasks" in jug(*RERUN).stdout


def test_a_worker_of_code_before_the_change_does_not_keep_another_from_coming_to_an_end(jug):
    jug.write("def k(i):\n    return i\n", "helper.py")
    jug.write(
        """
        import time
        from jug import TaskGenerator
        import helper

        @TaskGenerator
        def one(i):
            time.sleep(0.01)
            return helper.k(i)

        results = [one(i) for i in range(150)]
        time.sleep(0.3)
        """
    )
    earlier = jug.start(*EXECUTE)
    wait_for(lambda: "0 complete" not in jug("status", "--short").stdout, "results of the earlier worker")
    jug.write("def k(i):\n    return 100 + i\n", "helper.py")
    later = jug(*RERUN, timeout=60)
    assert later.returncode == 0, later.stderr
    assert earlier.wait(60) == 0
    assert jug(*RERUN).returncode == 0
    assert jug("status").stderr == ""
